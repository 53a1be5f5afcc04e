// Restarts of a run after the loss of its device, and the message if it ends.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { type Beginning, noting, type Standing, withRestarts } from "../../src/cli/restarts.ts";
import { GpuHangError, GpuLostError } from "../../src/internal.ts";
import { makeOutput } from "../../src/terminal/output.ts";
import { silent } from "../../src/terminal/progress.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-restarts-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let folder = "";
let n = 0;
beforeEach(() => {
  folder = join(scratch, String(n++));
  mkdirSync(join(folder, "checkpoints"), { recursive: true });
});

/** Simulate a checkpoint of this step. */
const save = (step: number) =>
  writeFileSync(join(folder, "checkpoints", `step_${String(step).padStart(8, "0")}.safetensors`), "");

/** Carries out attempts that each do a part and lose the device; the last of them ends well. */
async function carryOut(restarts: number, parts: readonly (() => void)[], change: Partial<Standing> = {}) {
  const begun: Beginning[] = [];
  const lines: string[] = [];
  const progress = { ...silent, log: (line: string) => void lines.push(line) };
  const standing: Standing = { progress, step: 0, begun: true, signal: null, ...change };
  const ended = withRestarts({ restarts, folder, standing, out: makeOutput(false) }, async (beginning) => {
    begun.push(beginning);
    const part = parts[begun.length - 1];
    if (!part) return "done";
    part();
    standing.step += 10;
    throw new GpuLostError("the GPU device was lost (unknown): gone", true);
  });
  const result = await ended.catch((error: Error) => error);
  return { result, begun, lines };
}
const nothing = () => {};

test("restarts without a checkpoint, resumes with one", async () => {
  const { result, begun, lines } = await carryOut(2, [nothing, () => save(7)]);
  expect(result).toBe("done");
  expect(begun).toEqual(["asked", "again", "checkpoint"]);
  expect(lines).toEqual([
    "the GPU device was lost (unknown): gone, at step 10; resuming from the start, since nothing was saved, on a new device (restart 1 of 2)",
    "the GPU device was lost (unknown): gone, at step 20; resuming from the checkpoint of step 7, on a new device (restart 1 of 2)",
  ]);
});

test("counts restarts without a checkpoint in between, then prints how to resume", async () => {
  const { result, begun } = await carryOut(2, [() => save(7), nothing, nothing, nothing]);
  expect(begun).toHaveLength(3);
  expect(result).toBeInstanceOf(GpuLostError);
  expect((result as Error).message).toBe(
    `the GPU device was lost (unknown): gone, at step 30; saved up to step 7; resume with: npm run -s espalier -- train --resume ${folder}`,
  );
});

test("restarts without limit while checkpoints advance", async () => {
  const { result, begun } = await carryOut(
    1,
    [5, 10, 15, 20].map((step) => () => save(step)),
  );
  expect(result).toBe("done");
  expect(begun).toHaveLength(5);
});

test("does not restart with 0 restarts, or after a signal", async () => {
  const none = await carryOut(0, [nothing]);
  expect((none.result as Error).message).toMatch(/, at step 10; nothing was saved yet: start it again$/);
  const stopped = await carryOut(5, [nothing], { signal: AbortSignal.abort() });
  expect(stopped.result).toBeInstanceOf(GpuLostError);
  expect(stopped.begun).toEqual(["asked"]);
});

test("ignores checkpoints of another run in the folder", async () => {
  save(900);
  const { begun } = await carryOut(1, [nothing], { begun: false });
  expect(begun).toEqual(["asked", "asked"]);
});

test("a hang or any other error ends the run", async () => {
  save(3);
  const standing: Standing = { progress: silent, step: 4, begun: true, signal: null };
  const options = { restarts: 9, folder, standing, out: makeOutput(false) };
  const hang = withRestarts(options, () => Promise.reject(new GpuHangError("the GPU hangs: at k", ["k"])));
  await expect(hang).rejects.toMatchObject({
    name: "GpuHangError",
    kernels: ["k"],
    message: `the GPU hangs: at k, at step 4; saved up to step 3; resume with: npm run -s espalier -- train --resume ${folder}`,
  });
  const refused = new GpuLostError("no adapter");
  await expect(withRestarts(options, () => Promise.reject(refused))).rejects.toBe(refused);
});

test("takes the step from the progress bar", () => {
  const standing: Standing = { progress: silent, step: 0, begun: false, signal: null };
  noting(standing, silent).update(12, 60);
  expect(standing.step).toBe(12);
});
