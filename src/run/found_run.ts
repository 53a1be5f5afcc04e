// The run in a folder: its newest whole checkpoint, and whether it is over.

import { CheckpointShelf, readProgress } from "../index.ts";
import type { RunDirectory } from "../node.ts";
import { UsageError } from "../terminal/fail.ts";
import { percent, plural } from "../text/index.ts";
import { type FoundRun, isAtEnd, type ResumePlan } from "./resume.ts";

const RESULT = "result.json";

/**
 * Finds the checkpoint to go on from; null where there is none: the run begins at its beginning then. `note` hears of
 * each damaged one that is passed over.
 *
 * Errors   UsageError naming each checkpoint where all are damaged, and where a run has its result but no checkpoint: to
 *          begin at the beginning would write over it.
 */
export async function findRun(directory: RunDirectory, note: (line: string) => void): Promise<FoundRun | null> {
  let progress: FoundRun["progress"] | undefined;
  const { whole, damaged } = await new CheckpointShelf(directory, 1).newestReadable((file, path) => {
    progress = readProgress(file, directory.path(path));
  });
  if (whole === null && damaged.length > 0) {
    const list = damaged.map(({ why }) => `\n  ${why}`).join("");
    throw new UsageError(`${directory.root}: no checkpoint is whole; --overwrite starts anew${list}`);
  }
  for (const { why } of damaged) note(`damaged checkpoint passed over: ${why}`);
  if (whole === null && directory.exists(RESULT)) {
    throw new UsageError(
      `${directory.root}: has the ${RESULT} of a run that ended, but no checkpoint to go on from; --overwrite starts anew`,
    );
  }
  if (!whole || !progress) return null;
  return { root: directory.root, path: whole.path, progress, hasModel: directory.exists("model.safetensors") };
}

/** A line about a run that is over and has its result; null for one that has something left to do. */
export async function finishedLine(directory: RunDirectory, plan: ResumePlan): Promise<string | null> {
  const { step, epoch } = plan.progress;
  if (!isAtEnd(plan)) return null;
  const result = directory.readObject(RESULT) ?? {}; // a damaged one is written anew
  if (result["steps"] !== step) return null;
  const accuracy = typeof result["accuracy"] === "number" ? result["accuracy"] : null;
  const came = accuracy === null ? "" : `, test accuracy ${percent(accuracy)}`;
  return `${directory.root}: already finished: ${plural(epoch, "epoch")}, ${plural(step, "step")}${came}; nothing to do, its files are left as they are`;
}
