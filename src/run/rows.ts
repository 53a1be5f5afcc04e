// The rows of metrics that stand when a run goes on from a checkpoint: those of a run that never stopped, up to there.

export type Row = Readonly<Record<string, unknown>>;

export interface CheckpointMark {
  readonly step: number;
  /** Epochs whose tests are done. */
  readonly epoch: number;
  readonly path: string;
  /** Seconds of the run, as its row has them. */
  readonly elapsed: number | null;
  /** Whether the checkpoint came by the schedule; one that a signal asked for leaves no row in the end. */
  readonly scheduled: boolean;
}

/**
 * Rows of steps and epochs that the checkpoint knows. What came after it will be done again; what a signal saved is no row of
 * a run that never stopped. A run that was killed between the checkpoint and its row gets the row.
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
