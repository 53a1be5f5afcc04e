// Writes the output files that a user names: never over an input, and never into a folder that another process uses.
import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { FileParts } from "../index.ts";
import { FolderLock, writeAtomic } from "../node.ts";
import { UsageError } from "../terminal/fail.ts";
import { holdsRun } from "./folder.ts";

/** Return device and inode of a file, which are the same for all its names; null if there is no file. */
function identity(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}:${found.ino}` : null;
}

/** Refuse an output that is an input under any name, or that exists inside an input folder. */
export function expectNoInput(flag: string, output: string, inputs: readonly string[]): void {
  const own = identity(output);
  if (own === null) return;
  if (statSync(output).isDirectory()) throw new UsageError(`${flag} ${output}: expected a file, got a folder`);
  for (const input of inputs) {
    const inside = resolve(output).startsWith(resolve(input) + sep);
    if (identity(input) === own || inside) {
      throw new UsageError(
        `${flag} ${output}: expected a new file, got ${inside ? `a file of the input ${input}` : "the input"}; choose another name`,
      );
    }
  }
}

/** Lock a folder of a run or in use; null for other folders. Errors: FolderError while another process writes to it. */
export async function lockFolder(
  folder: string,
  command: string,
  note?: (line: string) => void,
): Promise<FolderLock | null> {
  if (!holdsRun(folder) && FolderLock.holderOf(folder) === null) return null;
  return FolderLock.take(folder, { command, ...(note ? { note } : {}) });
}

/** Write a file atomically, while no other process writes to its folder. */
export async function writeOutput(path: string, bytes: Uint8Array | FileParts, command: string): Promise<void> {
  const folder = dirname(path);
  using _lock = existsSync(join(folder)) ? await lockFolder(folder, command) : null;
  await writeAtomic(path, bytes);
}
