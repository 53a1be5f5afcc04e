// Temporary files that a process left when it was killed amid a write.
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

/** Whether the process that a temporary file names may still be writing it. */
function mayBeWritten(path: string, pid: number): boolean {
  if (pid === process.pid) return false; // of an earlier process with this number: who sweeps has not begun to write
  const started = processStart(pid);
  if (started === null) return false;
  try {
    // A process that began after the file was last touched is another one.
    return started <= statSync(path).mtimeMs;
  } catch {
    return false;
  }
}

/**
 * Removes temporary files of processes that have ended from folders that this process alone writes to, before it does.
 * Returns their paths. A file that cannot be removed stays.
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
        // It costs room and nothing else.
      }
    }
  }
  return swept;
}
