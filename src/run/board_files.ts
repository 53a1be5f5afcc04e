// The event files of a run at a moment: how long each was, so that a run that goes on cuts off what will be done again.
import { z } from "zod";
import type { RunDirectory } from "../node.ts";

/** What a checkpoint keeps of the event files. */
export const boardStateSchema = z.object({
  /** Bytes of each file, by name. */
  files: z.record(z.string(), z.int().min(0)),
  /** The last record, and how many seconds ago it came: the speed up to the next one is counted from there. */
  mark: z.object({ step: z.int().min(0), ago: z.number().min(0) }).nullable(),
});
export type BoardState = z.infer<typeof boardStateSchema>;

/** Names that `eventFileName` gives; other programs' files in the folder are theirs. */
const OURS = /^events\.out\.tfevents\.\d+\.espalier(-\d+)?$/;

/**
 * Cuts the event files of a folder back to what they were. Files begun later go; one that is shorter than it was (lost with
 * the machine) stays as it is, and readers drop by the step what is done again.
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
