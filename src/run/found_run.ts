// Finds the run in a folder: its newest readable checkpoint, and whether it is finished.

import { CheckpointShelf, readProgress } from "../internal.ts";
import type { RunDirectory } from "../node_internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { percent, plural } from "../text/index.ts";
import { type FoundRun, isAtEnd, type ResumePlan } from "./resume.ts";

const RESULT = "result.json";

/**
 * Find the checkpoint to resume from; null if there is none, so that the run starts over. `note` receives a line for each
 * corrupt checkpoint that is skipped.
 *
 * Errors   UsageError if all checkpoints are corrupt, naming each, or if a run has a result but no checkpoint: starting over
 *          would destroy the result.
 */
export async function findRun(directory: RunDirectory, note: (line: string) => void): Promise<FoundRun | null> {
  let progress: FoundRun["progress"] | undefined;
  const { whole, damaged } = await new CheckpointShelf(directory, 1).newestReadable((file, path) => {
    progress = readProgress(file, directory.path(path));
  });
  if (whole === null && damaged.length > 0) {
    const list = damaged.map(({ why }) => `\n  ${why}`).join("");
    throw new UsageError(`${directory.root}: all checkpoints are corrupt; --overwrite starts a new run${list}`);
  }
  for (const { why } of damaged) note(`skipped a corrupt checkpoint: ${why}`);
  if (whole === null && directory.exists(RESULT)) {
    const problem = `${directory.root}: has the ${RESULT} of a finished run, but no checkpoint to resume from; --overwrite starts a new run`;
    throw new UsageError(problem);
  }
  if (!whole || !progress) return null;
  return { root: directory.root, path: whole.path, progress, hasModel: directory.exists("model.safetensors") };
}

/** Return a line about a run that is finished and has its result; null for a run with steps left. */
export async function finishedLine(directory: RunDirectory, plan: ResumePlan): Promise<string | null> {
  const { step, epoch } = plan.progress;
  if (!isAtEnd(plan)) return null;
  const result = directory.readObject(RESULT) ?? {}; // a corrupt result is written again
  if (result["steps"] !== step) return null;
  const accuracy = typeof result["accuracy"] === "number" ? result["accuracy"] : null;
  const came = accuracy === null ? "" : `, test accuracy ${percent(accuracy)}`;
  return `${directory.root}: already finished: ${plural(epoch, "epoch")}, ${plural(step, "step")}${came}; nothing to do, its files are unchanged`;
}
