// The lengths of a run's event files at a checkpoint. A resumed run truncates the files to them.
import { z } from "zod";
import type { RunDirectory } from "../node_internal.ts";

/** State of the event files in a checkpoint. */
export const boardStateSchema = z.object({
  /** Bytes of each file, by name. */
  files: z.record(z.string(), z.int().min(0)),
  /** The last record and its age in seconds, for the speed up to the next record. */
  mark: z.object({ step: z.int().min(0), ago: z.number().min(0) }).nullable(),
});
export type BoardState = z.infer<typeof boardStateSchema>;

/** Names from `eventFileName`. Files of other programs in the folder are not touched. */
const OURS = /^events\.out\.tfevents\.\d+\.espalier(-\d+)?$/;

/**
 * Truncate the event files of a folder to these lengths, and delete later files. A file that is shorter, because a crash lost
 * its end, stays as it is: readers drop repeated steps.
 */
export async function cutEventFiles(
  directory: RunDirectory,
  folder: string,
  files: BoardState["files"],
): Promise<void> {
  for (const name of await directory.list(folder)) {
    if (!OURS.test(name)) continue;
    const path = `${folder}/${name}`;
    const length = Object.hasOwn(files, name) ? files[name]! : null;
    if (length === null) await directory.remove(path);
    else {
      const bytes = await directory.read(path);
      if (bytes.length > length) await directory.write(path, bytes.subarray(0, length));
    }
  }
}
