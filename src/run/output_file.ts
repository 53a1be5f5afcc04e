// Writes the output files that a user names: never over an input, and never into a folder that another process uses.
import { existsSync, statSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import type { FileParts } from "../internal.ts";
import { FolderLock, writeAtomic } from "../node_internal.ts";
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
      const problem = `${flag} ${output}: expected a new file, got ${inside ? `a file of the input ${input}` : "the input"}; choose another name`;
      throw new UsageError(problem);
    }
  }
}

/**
 * Write a file atomically. Locks its folder if that holds a run or is in use.
 *
 * Errors   FolderError while another process writes to the folder.
 */
export async function writeOutput(path: string, bytes: Uint8Array | FileParts, command: string): Promise<void> {
  const folder = dirname(path);
  const isShared = existsSync(folder) && (holdsRun(folder) || FolderLock.holderOf(folder) !== null);
  using _lock = isShared ? await FolderLock.take(folder, { command }) : null;
  await writeAtomic(path, bytes);
}
