// `espalier setup` and `espalier doctor`: bring an adapter, check the adapter.
import { doctor, type SetupOptions, setup, versions } from "../node/index.ts";
import { writeLine } from "./terminal.ts";

export interface RunSetupOptions {
  /** May add a package source to the system. */
  readonly yes?: boolean;
  /** Take this way only: apt, mesa or swiftshader. */
  readonly driver?: SetupOptions["driver"];
}

const say = (line: string): void => writeLine(process.stdout, line);

/** Sets up an adapter where there is none and prints what it is. Returns 0. Errors: SetupError. */
export async function runSetup(options: RunSetupOptions = {}): Promise<number> {
  await setup({
    log: say,
    ...(options.yes === undefined ? {} : { yes: options.yes }),
    ...(options.driver === undefined ? {} : { driver: options.driver }),
  });
  return 0;
}

/** Checks the adapter without changing anything, and prints what it is. Returns 0. Errors: SetupError. */
export async function runDoctor(): Promise<number> {
  const { espalier, node, webgpu, platform } = versions();
  say(`versions  espalier ${espalier}, Node ${node}, webgpu ${webgpu ?? "missing"}, ${platform}`);
  await doctor({ log: say });
  return 0;
}
