// Options that several commands share, and the form of every --help.
import { type Command, type Help, Option } from "commander";
import { atLeast0 } from "../terminal/arguments.ts";
import { optionText } from "../terminal/option_text.ts";
import { makeOutput, type Output } from "../terminal/output.ts";

/** Receives the exit code of a command. */
export type Done = (code: number) => void;

/** Run a command with the output that --json chooses, and report its exit code. */
export async function finish<F extends object>(
  done: Done,
  run: (flags: F, out: Output) => Promise<number>,
  flags: F & { readonly json?: boolean },
): Promise<void> {
  done(await run(flags, makeOutput(flags.json ?? false)));
}

/** Heading of the options that every command with a GPU has. */
const GPU = "GPU and output:";

/** Add the options of every command that opens a GPU, and --help after them. */
export function gpuOptions(command: Command): Command {
  return jsonOption(
    command
      .addHelpOption(new Option("-h, --help", "print help").helpGroup(GPU))
      .addOption(new Option("--adapter <part>", "use the adapter whose name contains this").helpGroup(GPU))
      .addOption(new Option("--require-gpu", "refuse a software adapter").helpGroup(GPU))
      .addOption(
        new Option(
          "--watchdog <seconds>",
          optionText("stop after this long without GPU progress; 0: never", undefined, "120"),
        )
          .argParser(atLeast0)
          .helpGroup(GPU),
      ),
    GPU,
  );
}

/** Add --json. */
export function jsonOption(command: Command, group = "Options:"): Command {
  return command.addOption(
    new Option("--json", "print one JSON object per line on stdout, the result last").helpGroup(group),
  );
}

/** An option with its choices. */
export function choiceOption(flags: string, help: string, choices: readonly string[], otherwise?: string): Option {
  return new Option(flags, optionText(help, choices, otherwise)).choices([...choices]);
}

/** The form of help texts: defaults after each help, "--[no-]x" for a pair. Choices are part of the descriptions. */
export const HELP_FORM: Partial<Help> = {
  optionTerm: (option) => (option as Option & { term?: string }).term ?? option.flags,
  optionDescription: ({ description, defaultValue }) =>
    typeof defaultValue === "boolean" ? description : optionText(description, undefined, defaultValue),
};

/** Columns of a help text that no terminal shows. */
export const HELP_WIDTH = 100;
