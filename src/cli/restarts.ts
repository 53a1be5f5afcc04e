// A run whose device is lost goes on by itself: from its last checkpoint, on a new device, in the same process.
import { CheckpointShelf, GpuHangError, GpuLostError } from "../index.ts";
import { dropGpu } from "../node/adapter.ts";
import { RunDirectory } from "../node.ts";
import type { Output } from "../terminal/output.ts";
import type { Progress } from "../terminal/progress.ts";

/** Times in a row that a lost device is replaced where nobody says how often. */
export const DEFAULT_RESTARTS = 1;

/** Where a run stands, for what is said when it breaks off. */
export interface Standing {
  /** Shows how far the run is. */
  progress: Progress;
  /** Steps enqueued. */
  step: number;
  /** Whether the folder is the run's own by now: what it holds before is another's. */
  begun: boolean;
  /** Aborted when somebody asked the run to stop. */
  signal: AbortSignal | null;
}

/** A display that notes the step in `standing`. */
export function noting(standing: Standing, progress: Progress): Progress {
  return {
    ...progress,
    update(done, total, payload) {
      standing.step = done;
      progress.update(done, total, payload);
    },
  };
}

/** How an attempt begins: as the user asked, from the latest checkpoint, or from the first step once more. */
export type Beginning = "asked" | "checkpoint" | "again";

export interface RestartOptions {
  /** Times in a row that a lost device is replaced; a checkpoint since the last time starts the count anew. */
  readonly restarts: number;
  /** The run's folder. */
  readonly folder: string;
  readonly standing: Standing;
  readonly out: Output;
}

/** Step of the latest checkpoint in a run's folder; null without one. */
const savedStep = (folder: string): Promise<number | null> =>
  new CheckpointShelf(new RunDirectory(folder), 1).latestStep();

/** What a run that breaks off at a fault of the device leaves, and how to go on with it. */
function remedy(folder: string, saved: number | null): string {
  return saved === null
    ? "nothing was saved yet: start it again"
    : `saved up to step ${saved}; go on with: espalier train --resume ${folder}`;
}

/**
 * Carries out a run. When its device is lost, drops the device and carries it out again from its latest checkpoint; with
 * the same bits, since a checkpoint holds all that a run depends on.
 *
 * Errors   GpuLostError and GpuHangError with the step, what is saved and how to go on; everything else as it comes.
 */
export async function withRestarts<T>(
  options: RestartOptions,
  attempt: (beginning: Beginning) => Promise<T>,
): Promise<T> {
  const { restarts, folder, standing, out } = options;
  let used = 0;
  let savedBefore: number | null = null;
  let beginning: Beginning = "asked";
  for (;;) {
    try {
      return await attempt(beginning);
    } catch (error) {
      const hangs = error instanceof GpuHangError;
      if (!hangs && !(error instanceof GpuLostError && error.lost)) throw error;
      const saved = standing.begun ? await savedStep(folder) : null;
      const at = `${error.message}, at step ${standing.step}`;
      if (saved !== savedBefore) used = 0;
      savedBefore = saved;
      // A GPU that hangs has its driver at work in this process: only a new process may do.
      if (hangs) throw new GpuHangError(`${at}; ${remedy(folder, saved)}`, error.kernels);
      if (used >= restarts || standing.signal?.aborted) throw new GpuLostError(`${at}; ${remedy(folder, saved)}`, true);
      used++;
      if (standing.begun) beginning = saved === null ? "again" : "checkpoint";
      standing.progress.log(
        `${at}; going on by itself from ${saved === null ? "the start, since nothing was saved" : `the checkpoint of step ${saved}`}, on a new device (restart ${used} of ${restarts})`,
      );
      out.emit({
        kind: "restart",
        step: standing.step,
        from: saved ?? 0,
        restart: used,
        of: restarts,
        reason: error.message,
      });
      standing.progress.stop();
      dropGpu();
    }
  }
}
