// Resumes a run after the loss of its device: from the last checkpoint, on a new device, in the same process.

import { CheckpointShelf, GpuHangError, GpuLostError } from "../internal.ts";
import { dropGpu } from "../node/adapter.ts";
import { espalierCommand } from "../node/command_name.ts";
import { RunDirectory } from "../node_internal.ts";
import type { Output } from "../terminal/output.ts";
import type { Progress } from "../terminal/progress.ts";

/** Default number of restarts in a row. */
export const DEFAULT_RESTARTS = 1;

/** The state of a run, for the message if it stops. */
export interface Standing {
  /** The progress bar. */
  progress: Progress;
  /** Steps enqueued. */
  step: number;
  /** True once the folder holds this run; before, its contents belong to another run. */
  begun: boolean;
  /** Aborted if the run was asked to stop by a signal. */
  signal: AbortSignal | null;
}

/** Return a progress bar that records the step in `standing`. */
export function noting(standing: Standing, progress: Progress): Progress {
  return {
    ...progress,
    update(done, total, payload) {
      standing.step = done;
      progress.update(done, total, payload);
    },
  };
}

/** Start of an attempt: as given by the flags, from the latest checkpoint, or from the first step again. */
export type Beginning = "asked" | "checkpoint" | "again";

interface RestartOptions {
  /** Largest number of restarts in a row; a new checkpoint resets the count. */
  readonly restarts: number;
  /** The run's folder. */
  readonly folder: string;
  readonly standing: Standing;
  readonly out: Output;
}

/** Return the step of the latest checkpoint in a run's folder; null if there is none. */
const savedStep = (folder: string): Promise<number | null> =>
  new CheckpointShelf(new RunDirectory(folder), 1).latestStep();

/** Describe what is saved of a run that a device fault stopped, and how to resume. */
function remedy(folder: string, saved: number | null): string {
  return saved === null
    ? "nothing was saved yet: start it again"
    : `saved up to step ${saved}; resume with: ${espalierCommand()} train --resume ${folder}`;
}

/** Counts the restarts of a run. */
interface Restarts {
  used: number;
  /** Step of the checkpoint at the last restart. */
  saved: number | null;
}

/** Decide how a run continues after an error of the device, and say so. Throws the error if it does not. */
async function afterLoss(error: unknown, count: Restarts, options: RestartOptions): Promise<Beginning> {
  const { restarts, folder, standing, out } = options;
  const hangs = error instanceof GpuHangError;
  if (!hangs && !(error instanceof GpuLostError && error.lost)) throw error;
  const saved = standing.begun ? await savedStep(folder) : null;
  const at = `${error.message}, at step ${standing.step}`;
  if (saved !== count.saved) count.used = 0;
  count.saved = saved;
  // The driver of a GPU that hangs is still at work in this process: only a new process helps.
  if (hangs) throw new GpuHangError(`${at}; ${remedy(folder, saved)}`, error.kernels);
  if (count.used >= restarts || standing.signal?.aborted)
    throw new GpuLostError(`${at}; ${remedy(folder, saved)}`, true);
  const restart = ++count.used;
  const from = saved === null ? "the start, since nothing was saved" : `the checkpoint of step ${saved}`;
  standing.progress.log(`${at}; resuming from ${from}, on a new device (restart ${restart} of ${restarts})`);
  const record = { step: standing.step, from: saved ?? 0, restart, of: restarts, reason: error.message };
  out.emit({ kind: "restart", ...record });
  standing.progress.stop();
  if (!standing.begun) return "asked";
  return saved === null ? "again" : "checkpoint";
}

/**
 * Carry out a run. If its device is lost, drop the device and resume from the latest checkpoint, with the same bits.
 *
 * Errors   GpuLostError and GpuHangError with the step, what is saved and how to resume; every other error unchanged.
 */
export async function withRestarts<T>(
  options: RestartOptions,
  attempt: (beginning: Beginning) => Promise<T>,
): Promise<T> {
  const count: Restarts = { used: 0, saved: null };
  let beginning: Beginning = "asked";
  for (;;) {
    try {
      return await attempt(beginning);
    } catch (error) {
      beginning = await afterLoss(error, count, options);
      dropGpu();
    }
  }
}
