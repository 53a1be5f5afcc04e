// Removes temporary files of processes that were killed during a write.
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "./process_mark.ts";

/** See writeAtomic. */
const TEMPORARY = /\.tmp\.(\d+)\.\d+$/;

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Return true if the process named by a temporary file may still be writing it. */
function mayBeWritten(path: string, pid: number): boolean {
  if (pid === process.pid) return false; // of an earlier process with this id: this one has not written yet
  const started = processStart(pid);
  if (started === null) return false;
  try {
    // A process that started after the file was last written is another one.
    return started <= statSync(path).mtimeMs;
  } catch {
    return false;
  }
}

/**
 * Remove temporary files of ended processes from folders that only this process writes to, before it does. Returns
 * their paths. A file that cannot be removed stays.
 */
export function sweepTemporaries(folders: readonly string[]): string[] {
  const swept: string[] = [];
  for (const folder of folders) {
    for (const name of namesOf(folder)) {
      const pid = TEMPORARY.exec(name)?.[1];
      const path = join(folder, name);
      if (pid === undefined || mayBeWritten(path, Number(pid))) continue;
      try {
        rmSync(path);
        swept.push(path);
      } catch {
        // It only costs space.
      }
    }
  }
  return swept;
}
