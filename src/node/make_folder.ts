// Makes folders one by one from the top, so that an error names the folder that was refused.
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

/** Make the error of a refused folder. */
function refusal(path: string, folder: string, cause: unknown): FileError {
  // The folder above exists: file systems such as /proc answer so if they make no folders.
  const words = codeOf(cause) === "ENOENT" ? "this file system makes no folders there" : reason(cause);
  const above = folder === resolve(path) ? "" : ` (its folder ${folder})`;
  return new FileError(`cannot make the folder ${path}${above}: ${words}`);
}

/** * Makes a folder and those above it that are missing. Returns the ones it made, the uppermost first. `asked`: what messages
 * name.
 *
 * Node's own recursive mkdir does not return if a file system answers ENOENT below an existing folder, as /proc does.
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
      if (codeOf(cause) === "EEXIST" && isFolder(folder)) continue; // another process made it
      if (codeOf(cause) === "ENOENT" && !existsSync(dirname(folder)) && tries > 1) {
        return [...made, ...makeFolder(path, asked, tries - 1)]; // another process gave up and removed its folders
      }
      throw refusal(asked, folder, cause);
    }
  }
  if (!isFolder(resolve(path)))
    throw new FileError(`${asked}: ${asked === path ? "expected" : `${path}: expected`} a folder, got something else`);
  return made;
}

/** Make a new folder; false if its name is taken. Folders above it are made too. */
export function claimName(path: string): { readonly claimed: boolean; readonly made: readonly string[] } {
  const full = resolve(path);
  for (let tries = 1; ; tries++) {
    const made = makeFolder(dirname(full), path);
    try {
      mkdirSync(full);
      return { claimed: true, made: [...made, full] };
    } catch (cause) {
      if (codeOf(cause) === "EEXIST") return { claimed: false, made };
      // Another process that gave up may have removed the folder above.
      if (codeOf(cause) !== "ENOENT" || existsSync(dirname(full)) || tries === 10) throw refusal(path, full, cause);
    }
  }
}

/** Remove empty folders, the last first. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of [...folders].reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // It was removed, or is in use.
    }
  }
}
