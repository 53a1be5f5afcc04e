// Runs the `espalier` command in the test's own process: for tests of what it says and leaves, which need no process to end.
import { vi } from "vitest";
import { main } from "../../src/cli/program.ts";
import { currentGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import type { Result } from "./cli.ts";

/** Runs the command. `interrupt` sees its output so far; true once is an interrupt from the keyboard. */
export async function espalierHere(
  args: readonly string[],
  { interrupt }: { interrupt?: (out: string) => boolean } = {},
): Promise<Result> {
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
