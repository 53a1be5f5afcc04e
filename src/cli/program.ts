// The command tree of `espalier`.
import { Command, CommanderError } from "commander";
import { onWarning } from "../internal.ts";
import { versions } from "../node_internal.ts";
import { usageLine } from "../terminal/arguments.ts";
import { report } from "../terminal/fail.ts";
import { strictOptions } from "../terminal/flag_rules.ts";
import { writeLine, writeText } from "../terminal/terminal.ts";
import { addCompareCommand } from "./compare.ts";
import { addEvalCommand } from "./eval.ts";
import { addExportCommand } from "./export.ts";
import { addInfoCommand } from "./info.ts";
import { addInspectCommand } from "./inspect.ts";
import { type Done, HELP_FORM, HELP_WIDTH } from "./options.ts";
import { addPackCommand } from "./pack.ts";
import { addPredictCommand } from "./predict.ts";
import { addRecipesCommand } from "./recipes.ts";
import { addSchemaCommand } from "./schema.ts";
import { addSetupCommands } from "./setup.ts";
import { addTrailCommand } from "./trail.ts";
import { addTrainCommand } from "./train.ts";

/** Build the command tree; `done` receives the exit code. `argv`: the words that it will parse. */
export function program(done: Done, argv: readonly string[] = []): Command {
  const root = new Command("espalier")
    .description("Trains and prunes neural networks on WebGPU, in Node and in browsers.")
    .version(versions().espalier, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print the help of a command")
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp(HELP_FORM)
    .configureOutput({
      // Usage errors repeat what was typed, or what a script put in its place.
      writeErr: (text) => writeText(process.stderr, text),
      outputError: (text, write) => write(`${usageLine(text)}\n`),
      getOutHelpWidth: () => (process.stdout.isTTY ? process.stdout.columns : HELP_WIDTH),
    });
  addTrainCommand(root, done, argv);
  addTrailCommand(root, done);
  addCompareCommand(root, done);
  addEvalCommand(root, done);
  addInspectCommand(root, done);
  addPackCommand(root, done);
  addPredictCommand(root, done);
  addExportCommand(root, done);
  addInfoCommand(root, done);
  addRecipesCommand(root, done);
  addSchemaCommand(root, done);
  addSetupCommands(root, done);
  return strictOptions(root);
}

/** Run a command line and return its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const quiet = onWarning((message) => writeLine(process.stderr, `espalier: warning: ${message}`));
  try {
    await program((c) => {
      code = c;
    }, argv).parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error);
  } finally {
    quiet();
  }
}
