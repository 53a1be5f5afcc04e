// Writes the page of the command line from the command tree, so that it lists what the program accepts.
import type { Command, Option } from "commander";
import { COMMAND_NAMES, program } from "../../src/cli/program.ts";
import type { Page } from "./pages.ts";

const plain = (text: string): string =>
  text
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;")
    .replaceAll(/\s*\n\s*/g, " ");
const row = (...cells: string[]): string => `| ${cells.join(" | ")} |`;

const firstSentence = (text: string): string => text.replace(/(\. [A-Z].*)$/, ".");

function optionRow(option: Option): string {
  return row(`\`${option.flags.replaceAll("|", "\\|")}\``, plain(option.description));
}

/** Return the text that `addHelpText` put after a command's help. */
function helpAfter(command: Command): string {
  let text = "";
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  const help = command.createHelp().formatHelp(command, command.createHelp());
  const rest = text.replace(help, "");
  return rest === text ? "" : rest.trim();
}

function section(command: Command): string {
  const usage = `espalier ${command.name()} ${command.usage()}`.trim();
  const options = command.createHelp().visibleOptions(command);
  const groups = new Map<string, Option[]>();
  for (const option of options) {
    const heading = option.helpGroupHeading?.replace(/:$/, "") ?? "Options";
    groups.set(heading, [...(groups.get(heading) ?? []), option]);
  }
  const tables = [...groups].map(([heading, list]) =>
    [
      `### ${command.name()}: ${/^[A-Z][a-z]/.test(heading) ? heading[0]!.toLowerCase() + heading.slice(1) : heading}`,
      "",
      row("flag", "meaning"),
      "|---|---|",
      ...list.map(optionRow),
    ].join("\n"),
  );
  const argumentsOf = command.registeredArguments.filter(({ description }) => description);
  const list = argumentsOf.map((argument) => `- \`${argument.name()}\`: ${plain(argument.description)}`).join("\n");
  const after = helpAfter(command);
  const examples = after === "" ? "" : `\`\`\`text\n${after}\n\`\`\``;
  return [`## ${command.name()}`, plain(command.description()), `\`\`\`sh\n${usage}\n\`\`\``, list, examples, ...tables]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** Return the page of all commands. */
export async function commandsPage(): Promise<Page> {
  const root = await program(() => {}, [], COMMAND_NAMES);
  const commands = root.commands.filter((command) => command.name() !== "help");
  const text = [
    "# Commands",
    "`npm install --global @espalier/cli` installs the command `espalier`. In a clone, run `npm run -s espalier -- ARGUMENTS`. " +
      "This page is made from the command tree of the program.",
    [
      row("command", "purpose"),
      "|---|---|",
      ...commands.map((c) => row(`[${c.name()}](#${c.name()})`, firstSentence(plain(c.description())))),
    ].join("\n"),
    ...commands.map(section),
  ].join("\n\n");
  return { path: "docs/commands.md", slug: "commands", title: "Commands", group: "The command", text: `${text}\n` };
}
