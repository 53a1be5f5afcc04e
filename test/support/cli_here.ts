// Runs the `espalier` command in the test's own process: for tests of what it says and leaves, which need no process to end.
import { vi } from "vitest";
import { main } from "../../src/cli/program.ts";
import { currentGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import type { Result } from "./cli.ts";

interface HereOptions {
  /** Called with the output so far; the first true sends an interrupt from the keyboard. */
  readonly interrupt?: (out: string) => boolean;
}

/** The run in progress. */
let last: Promise<unknown> = Promise.resolve();

/** Run the command, after those that already run: they share the streams and the GPU of the process. */
export function espalierHere(args: readonly string[], options: HereOptions = {}): Promise<Result> {
  const result = last.then(() => runHere(args, options));
  last = result.catch(() => {});
  return result;
}

async function runHere(args: readonly string[], { interrupt }: HereOptions): Promise<Result> {
  let out = "";
  let err = "";
  let sent = false;
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    out += chunk;
    if (!sent && interrupt?.(out)) {
      sent = true;
      process.emit("SIGINT");
    }
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    err += chunk;
    return true;
  });
  setCurrentGpu(null);
  try {
    const code = await main(args);
    return { code, out, err };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
    destroyGpu();
  }
}

function destroyGpu(): void {
  try {
    currentGpu().destroy();
  } catch {
    // The command opened none.
  }
  setCurrentGpu(null);
}
