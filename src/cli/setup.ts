// `espalier setup` and `espalier doctor`: install a driver if needed, check the adapter.
import type { Command } from "commander";
import { doctor, type SetupOptions, setup, versions } from "../node_internal.ts";
import { terminalAsk } from "../setup/terminal_ask.ts";
import { writeLine } from "../terminal/terminal.ts";
import { defined } from "../text/index.ts";
import { choiceOption, type Done } from "./options.ts";

interface RunSetupOptions {
  /** Allow changes of the system. */
  readonly system?: boolean;
  /** Install this driver only. */
  readonly driver?: SetupOptions["driver"];
}

const say = (line: string): void => writeLine(process.stdout, line);

/** Set up an adapter if there is none, and print it. Returns 0. Errors: SetupError. */
async function runSetup(options: RunSetupOptions = {}): Promise<number> {
  const { system = false, driver } = options;
  await setup({ log: say, system, ask: terminalAsk(), ...defined({ driver }) });
  return 0;
}

/** Check the adapter without changing anything, and print it. Returns 0. Errors: SetupError. */
async function runDoctor(): Promise<number> {
  const { espalier, node, webgpu, platform } = versions();
  say(`versions  espalier ${espalier}, Node ${node}, webgpu ${webgpu ?? "missing"}, ${platform}`);
  await doctor({ log: say });
  return 0;
}

/** Add the options and the action of `setup`. */
export function addSetupCommand(command: Command, done: Done): void {
  command
    .description(
      "Makes sure that there is a WebGPU adapter: prints its plan, then installs a software Vulkan driver into the user's cache. Changes the system only with --system, or after a yes on the terminal.",
    )
    .option("--system", "install into the system, with apt and root's rights, without asking")
    .addOption(
      choiceOption("--driver <name>", "install this driver only; apt asks first", [
        "mesa",
        "mesa-latest",
        "swiftshader",
        "apt",
      ]),
    )
    .addHelpText("after", "\nExample\n  $ espalier setup")
    .action(async (flags: RunSetupOptions) => done(await runSetup(flags)));
}

/** Add the options and the action of `doctor`. */
export function addDoctorCommand(command: Command, done: Done): void {
  command
    .description("Prints the versions and the adapter. Exit code 0 if there is one.")
    .addHelpText("after", "\nExample\n  $ espalier doctor")
    .action(async () => done(await runDoctor()));
}
