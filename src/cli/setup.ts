// `espalier setup` and `espalier doctor`: bring an adapter, check the adapter.
import { doctor, type SetupOptions, setup, versions } from "../node.ts";
import { terminalAsk } from "../setup/terminal_ask.ts";
import { writeLine } from "../terminal/terminal.ts";

export interface RunSetupOptions {
  /** A yes to changing the system. */
  readonly system?: boolean;
  /** Take this way only: mesa, swiftshader or apt. */
  readonly driver?: SetupOptions["driver"];
}

const say = (line: string): void => writeLine(process.stdout, line);

/** Sets up an adapter where there is none and prints what it is. Returns 0. Errors: SetupError. */
export async function runSetup(options: RunSetupOptions = {}): Promise<number> {
  const { system = false, driver } = options;
  await setup({ log: say, system, ask: terminalAsk(), ...(driver === undefined ? {} : { driver }) });
  return 0;
}

/** Checks the adapter without changing anything, and prints what it is. Returns 0. Errors: SetupError. */
export async function runDoctor(): Promise<number> {
  const { espalier, node, webgpu, platform } = versions();
  say(`versions  espalier ${espalier}, Node ${node}, webgpu ${webgpu ?? "missing"}, ${platform}`);
  await doctor({ log: say });
  return 0;
}
