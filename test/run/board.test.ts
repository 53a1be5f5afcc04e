// TensorBoard files of a run: a write failure is reported once, and the run continues.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import type { StepRecord } from "../../src/internal.ts";
import { RunDirectory } from "../../src/node_internal.ts";
import { RunBoard } from "../../src/run/board.ts";
import { readEvents } from "../support/event_file_reader.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-board-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => {
  vi.useRealTimers();
});
const record = (step: number, loss: number): StepRecord => ({
  kind: "step",
  step,
  epoch: step / 10,
  loss,
  accuracy: 0.5,
  lr: 0.1,
  threshold: 0,
  sparsity: 0,
  lambda: 0,
  lambdaEffective: 0,
  lambdaDecay: 0,
  lambdaTotal: 0,
});
async function board(name: string) {
  const root = join(scratch, name);
  mkdirSync(root);
  const notes: string[] = [];
  const made = new RunBoard(new RunDirectory(root), (line) => notes.push(line));
  await made.begin();
  return { made, notes, folder: join(root, "tensorboard") };
}
const losses = (folder: string) =>
  readdirSync(folder)
    .flatMap((name) => readEvents(readFileSync(join(folder, name))) as unknown as Event[])
    .flatMap((event) => (event.summary?.value ?? []).flatMap((v) => (v.tag === "loss/train" ? [v.simple_value] : [])));
interface Event {
  readonly summary?: { readonly value?: readonly { tag: string; simple_value?: number | string }[] };
}

test("a run survives numbers beyond float32", async () => {
  const { made, notes, folder } = await board("huge");
  for (const [step, loss] of [
    [1, 1],
    [2, 1e39],
    [3, -1e300],
    [4, 2],
  ] as const)
    made.record(record(step, loss));
  expect(losses(folder).map(Number)).toEqual([1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2]);
  expect(notes).toEqual([]);
});

test("a run survives a clock before 1970", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: -1e12 });
  const { made, notes, folder } = await board("early");
  made.record(record(1, 3));
  made.text("card", "x", 1);
  expect(losses(folder)).toEqual([3]);
  expect(notes).toEqual([]);
});

test("a run survives a read-only folder, and reports it once", async () => {
  const { made, notes, folder } = await board("lost");
  rmSync(folder, { recursive: true });
  mkdirSync(join(scratch, "lost", "other"));
  const { writeFileSync } = await import("node:fs");
  writeFileSync(folder, "in the way");
  for (let step = 1; step < 4; step++) made.record(record(step, 1));
  expect(notes).toEqual([expect.stringMatching(/^TensorBoard files are incomplete: .*lost.*tensorboard/)]);
});
