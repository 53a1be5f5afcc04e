// The command tree of `espalier`. The module of a command is loaded when the command is called: most of them load the engine.
import { Command, CommanderError } from "commander";
import { homepage, versions } from "../node/env.ts";
import { usageLine } from "../terminal/arguments.ts";
import { report } from "../terminal/fail.ts";
import { strictOptions } from "../terminal/flag_rules.ts";
import { writeLine, writeText } from "../terminal/terminal.ts";
import { type Done, HELP_FORM, HELP_WIDTH } from "./options.ts";

/** Adds the options and the action of a command. `argv`: the words of the command line, for the run's files. */
type AddCommand = (command: Command, done: Done, argv: readonly string[]) => void;

interface CommandEntry {
  /** Line of `espalier --help`. */
  readonly summary: string;
  load(): Promise<AddCommand>;
}

/** The commands, in the order of `espalier --help`. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: {
    summary: "train and prune a network",
    load: async () => (await import("./train.ts")).addTrainCommand,
  },
  trail: {
    summary: "show the models of a run's epochs, and choose one",
    load: async () => (await import("./trail.ts")).addTrailCommand,
  },
  compare: {
    summary: "compare finished runs on one page",
    load: async () => (await import("./compare.ts")).addCompareCommand,
  },
  eval: {
    summary: "test a saved model",
    load: async () => (await import("./eval.ts")).addEvalCommand,
  },
  recalibrate: {
    summary: "re-estimate the batch norm statistics of a finished run or of weights",
    load: async () => (await import("./recalibrate.ts")).addRecalibrateCommand,
  },
  inspect: {
    summary: "show what a folder of data holds",
    load: async () => (await import("./inspect.ts")).addInspectCommand,
  },
  pack: {
    summary: "decode a folder of images once, for fast training",
    load: async () => (await import("./pack.ts")).addPackCommand,
  },
  predict: {
    summary: "compute the logits of a model",
    load: async () => (await import("./predict.ts")).addPredictCommand,
  },
  compact: {
    summary: "write a smaller model without dead channels",
    load: async () => (await import("./compact.ts")).addCompactCommand,
  },
  "bench-model": {
    summary: "measure a model's files, load time and speed",
    load: async () => (await import("./bench_model.ts")).addBenchModelCommand,
  },
  export: {
    summary: "write a saved model as ONNX or safetensors",
    load: async () => (await import("./export.ts")).addExportCommand,
  },
  import: {
    summary: "read a spiking network from a NIR file",
    load: async () => (await import("./import.ts")).addImportCommand,
  },
  info: {
    summary: "show the adapter, and a model's layers and memory",
    load: async () => (await import("./info.ts")).addInfoCommand,
  },
  recipes: {
    summary: "list the built-in recipes, or print one",
    load: async () => (await import("./recipes.ts")).addRecipesCommand,
  },
  schema: {
    summary: "print the JSON Schema of recipes, for editors",
    load: async () => (await import("./schema.ts")).addSchemaCommand,
  },
  setup: {
    summary: "install a software GPU driver if there is no adapter",
    load: async () => (await import("./setup.ts")).addSetupCommand,
  },
  doctor: {
    summary: "check the adapter without changing anything",
    load: async () => (await import("./setup.ts")).addDoctorCommand,
  },
  exec: {
    summary: "run a program on the driver mesa-latest of setup",
    load: async () => (await import("./exec.ts")).addExecCommand,
  },
};

/** Return the names of all commands. */
export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

/** Return the command that a command line calls, or whose help it prints. */
function calledIn(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith("-"));
  return words[0] === "help" ? words[1] : words[0];
}

/** Make the command without commands. */
function makeRoot(): Command {
  const address = homepage();
  return new Command("espalier")
    .description("Trains and prunes neural networks on WebGPU.")
    .version(versions().espalier, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", address === null ? "" : `\nDocumentation: ${address}`)
    .showSuggestionAfterError()
    .exitOverride()
    .configureHelp(HELP_FORM)
    .configureOutput({
      // Usage errors repeat what was typed, or what a script put in its place.
      writeErr: (text) => writeText(process.stderr, text),
      outputError: (text, write) => write(`${usageLine(text)}\n`),
      getOutHelpWidth: () => (process.stdout.isTTY ? process.stdout.columns : HELP_WIDTH),
    });
}

/**
 * Build the command tree. `done` receives the exit code.
 *
 * @param argv Words that it will parse.
 * @param complete Commands to load; the others have only their names and summaries. Default: the one that `argv` calls.
 */
export async function program(
  done: Done,
  argv: readonly string[] = [],
  complete: readonly (string | undefined)[] = [calledIn(argv)],
): Promise<Command> {
  const root = makeRoot();
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = root.command(name).summary(summary);
    if (complete.includes(name)) (await load())(command, done, argv);
  }
  return strictOptions(root);
}

/** Print the warnings of the engine. Returns a function that ends it. */
async function printWarnings(): Promise<() => void> {
  const { onWarning } = await import("../internal.ts");
  return onWarning((message) => writeLine(process.stderr, `espalier: warning: ${message}`));
}

/** Run a command line and return its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  let quiet = () => {};
  try {
    const root = await program((c) => {
      code = c;
    }, argv);
    // Help and version need no engine.
    root.hook("preAction", async () => {
      quiet = await printWarnings();
    });
    await root.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error);
  } finally {
    quiet();
  }
}
