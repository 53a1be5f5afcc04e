// Rows of metrics at a resume: those of a run without a stop, up to the checkpoint.
import { expect, test } from "vitest";
import { type CheckpointMark, type Row, rowsAt } from "../../src/run/rows.ts";

const step = (n: number): Row => ({ kind: "step", step: n });
const epoch = (n: number, at: number): Row => ({ kind: "epoch", epoch: n, step: at });
const saved = (n: number, more: object = {}): Row => ({
  kind: "checkpoint",
  step: n,
  path: `step_${n}`,
  elapsed: n,
  ...more,
});
const mark = (at: number, epochs: number, more: Partial<CheckpointMark> = {}): CheckpointMark => ({
  step: at,
  epoch: epochs,
  path: `step_${at}`,
  elapsed: at,
  scheduled: true,
  ...more,
});

test("drops rows after the checkpoint", () => {
  const rows = [step(3), saved(4), step(5), epoch(1, 5), saved(5), step(8), saved(8), step(10)];
  expect(rowsAt(rows, mark(5, 1))).toEqual(rows.slice(0, 5));
  expect(rowsAt(rows, mark(8, 1))).toEqual(rows.slice(0, 7));
});

test("drops the row of an epoch whose test is not done", () => {
  const rows = [step(3), step(5), epoch(1, 5)];
  expect(rowsAt(rows, mark(5, 0, { scheduled: false }))).toEqual([step(3), step(5)]);
});

test("restores the row of a scheduled checkpoint, and drops the row of one from a signal", () => {
  expect(rowsAt([step(3)], mark(4, 0))).toEqual([step(3), saved(4)]);
  expect(rowsAt([step(3), saved(4)], mark(4, 0))).toEqual([step(3), saved(4)]);
  expect(rowsAt([step(3)], mark(4, 0, { scheduled: false }))).toEqual([step(3)]);
  expect(rowsAt([step(3), saved(4, { stopped: true })], mark(4, 0, { scheduled: false }))).toEqual([step(3)]);
  // Written before there were marks: nothing is known, nothing is added.
  expect(rowsAt([step(3)], mark(4, 0, { elapsed: null }))).toEqual([step(3)]);
});

test("keeps rows of other kinds, by their step if they have one", () => {
  const rows = [{ kind: "note" }, { kind: "note", step: 2 }, { kind: "note", step: 9 }];
  expect(rowsAt(rows, mark(4, 0))).toEqual([...rows.slice(0, 2), saved(4)]);
});
