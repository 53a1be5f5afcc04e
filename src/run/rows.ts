// Selects the rows of metrics that stay when a run resumes from a checkpoint: those of a run without a stop, up to there.

export type Row = Readonly<Record<string, unknown>>;

export interface CheckpointMark {
  readonly step: number;
  /** Number of epochs whose tests are done. */
  readonly epoch: number;
  readonly path: string;
  /** Seconds of the run, as in the checkpoint's row. */
  readonly elapsed: number | null;
  /** True if the checkpoint is from the schedule. One from a signal leaves no row in the end. */
  readonly scheduled: boolean;
}

/**
 * Keep the rows of steps and epochs up to the checkpoint. Later rows will be written again, and the row of a checkpoint from
 * a signal is dropped. If the run was killed between the checkpoint and its row, the row is added.
 */
export function rowsAt(rows: readonly Row[], mark: CheckpointMark): Row[] {
  const stands = (row: Row): boolean => {
    if (row["kind"] === "epoch") return (row["epoch"] as number) <= mark.epoch;
    if (row["kind"] === "checkpoint" && row["stopped"] === true) return false;
    return !((row["step"] as number) > mark.step);
  };
  const kept = rows.filter(stands);
  const { step, path, elapsed } = mark;
  const known = kept.some((row) => row["kind"] === "checkpoint" && row["step"] === step);
  if (known || !mark.scheduled || elapsed === null) return kept;
  return [...kept, { kind: "checkpoint", step, path, elapsed }];
}
