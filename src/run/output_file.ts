// Files that a command writes at a user's word: never over what it reads, and never into a folder that another process uses.
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { FileParts } from "../index.ts";
import { FolderLock, writeAtomic } from "../node.ts";
import { UsageError } from "../terminal/fail.ts";
import { holdsRun } from "./folder.ts";

/** Device and number of a file, whatever name leads to it; null where there is none. */
function identity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}:${found.ino}` : null;
}

/** Refuses an output that is one of the inputs, by any name, or a file that is there among an input folder's own. */
export function expectNoInput(flag: string, output: string, inputs: readonly string[]): void {
  const own = identity(output);
  if (own === null) return;
  if (statSync(output).isDirectory()) throw new UsageError(`${flag} ${output}: expected a file, got a folder`);
  for (const input of inputs) {
    const inside = resolve(output).startsWith(resolve(input) + sep);
    if (identity(input) === own || inside) {
      throw new UsageError(
        `${flag} ${output}: is ${inside ? `a file of ${input}, which is read` : "what is read"}; choose another name`,
      );
    }
  }
}

/** The lock of a folder that may be a run's or in use; null of any other. Errors: FolderError while another process writes there. */
export async function lockFolder(
  folder: string,
  command: string,
  note?: (line: string) => void,
): Promise<FolderLock | null> {
  if (!holdsRun(folder) && FolderLock.holderOf(folder) === null) return null;
  return FolderLock.take(folder, { command, ...(note ? { note } : {}) });
}

/** Writes a file, whole or not at all, while nobody else writes to its folder. */
export async function writeOutput(path: string, bytes: Uint8Array | FileParts, command: string): Promise<void> {
  const folder = dirname(path);
  using _lock = existsSync(join(folder)) ? await lockFolder(folder, command) : null;
  await writeAtomic(path, bytes);
}
