// Folders made one by one from above, so that a refusal names the folder that was refused.
import { existsSync, mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { codeOf, FileError, reason } from "./file_error.ts";

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What keeps a folder from being made. */
function refusal(path: string, folder: string, cause: unknown): FileError {
  // The folder above is there: some file systems, as /proc, say so where they make none.
  const words = codeOf(cause) === "ENOENT" ? "this file system makes no folders there" : reason(cause);
  const above = folder === resolve(path) ? "" : ` (its folder ${folder})`;
  return new FileError(`cannot make the folder ${path}${above}: ${words}`);
}

/** * Makes a folder and those above it that are missing. Returns the ones it made, the uppermost first. `asked`: what messages
 * name.
 *
 * Node's own recursive mkdir never returns where a file system answers ENOENT below a folder that is there, as /proc does.
 * Errors: FileError naming the folder that cannot be made.
 */
export function makeFolder(path: string, asked: string = path, tries = 10): string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) {
    missing.unshift(at);
    if (dirname(at) === at) break;
  }
  const made: string[] = [];
  for (const folder of missing) {
    try {
      mkdirSync(folder);
      made.push(folder);
    } catch (cause) {
      if (codeOf(cause) === "EEXIST" && isFolder(folder)) continue; // another process was quicker
      if (codeOf(cause) === "ENOENT" && !existsSync(dirname(folder)) && tries > 1) {
        return [...made, ...makeFolder(path, asked, tries - 1)]; // another one gave up, and removed what it had made
      }
      throw refusal(asked, folder, cause);
    }
  }
  if (!isFolder(resolve(path))) {
    throw new FileError(`${asked}: ${asked === path ? "expected" : `${path}: expected`} a folder, got something else`);
  }
  return made;
}

/** Makes a folder that is not there yet; false where something has its name. The folders above are made too. */
export function claimName(path: string): { readonly claimed: boolean; readonly made: readonly string[] } {
  const full = resolve(path);
  for (let tries = 1; ; tries++) {
    const made = makeFolder(dirname(full), path);
    try {
      mkdirSync(full);
      return { claimed: true, made: [...made, full] };
    } catch (cause) {
      if (codeOf(cause) === "EEXIST") return { claimed: false, made };
      // Another process that gave up may have removed the folder above meanwhile.
      if (codeOf(cause) !== "ENOENT" || existsSync(dirname(full)) || tries === 10) throw refusal(path, full, cause);
    }
  }
}

/** Removes folders that are empty, the last first. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // It is gone, or somebody put something into it.
    }
  }
}
