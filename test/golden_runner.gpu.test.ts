// The fixture runner notices wrong numbers, missing gradients, unknown attributes and missing errors.
import { expect, test } from "vitest";
import { type FileArrayInput, writeSafetensors } from "../src/io/index.ts";
import { linear } from "../src/ops/linear.ts";
import { type Handlers, input, runOp } from "../tools/golden/handler.ts";
import { eventHandlers } from "../tools/golden/ops_events.ts";
import { matmulHandlers } from "../tools/golden/ops_matmul.ts";
import { anyFailed, fileLine, problemLines, totalLine } from "../tools/golden/report.ts";
import { type CaseReport, runFixtures } from "../tools/golden/runner.ts";
import { runSchedules } from "../tools/golden/schedules.ts";

interface Sample {
  readonly meta?: object;
  readonly y?: number[];
  readonly gradX?: number[];
  readonly shape?: number[];
}

/** A fixture with one case: [1,2] times a 2 x 2 matrix. */
function fixture({ meta = {}, y = [7, 10], gradX = [3, 7], shape = [1, 2] }: Sample = {}): Uint8Array {
  const f32 = (data: number[], dims: number[]): FileArrayInput => ({
    dtype: "F32",
    shape: dims,
    data: Float32Array.from(data),
  });
  const tensors = new Map([
    ["case/1/a", f32([1, 2], [1, 2])],
    ["case/1/b", f32([1, 2, 3, 4], [2, 2])],
    ["case/1/y", f32(y, shape)],
    ["case/1/grad_y", f32([1, 1], [1, 2])],
    ["case/1/grad_a", f32(gradX, [1, 2])],
  ]);
  const described = {
    op: "matmul",
    attrs: { transpose_a: false, transpose_b: false, note: "a sentence explains" },
    inputs: ["a", "b"],
    outputs: ["y"],
    upstream: ["grad_y"],
    grads: ["grad_a"],
    f32_dev: { y: 0 },
    ...meta,
  };
  return writeSafetensors(tensors, { format: "golden-v1", "case/1": JSON.stringify(described) });
}

async function only(bytes: Uint8Array, handlers: Handlers = matmulHandlers): Promise<CaseReport> {
  const { cases } = await runFixtures(bytes, "sample", handlers);
  expect(cases).toHaveLength(1);
  return cases[0]!;
}

test("correct numbers pass, with their margin", async () => {
  const report = await only(fixture());
  expect(report).toMatchObject({ name: "case/1", op: "matmul", status: "passed", reason: "" });
  expect(report.worst).toBeLessThan(1);
});

test("a wrong value, gradient, shape or NaN fails with its deviation and limit", async () => {
  const wrong = await only(fixture({ y: [7, 10.001] }));
  expect(wrong.status).toBe("failed");
  expect(wrong.reason).toMatch(/^y is off by 1\.00e-3, limit 1\.0\de-4$/);
  expect((await only(fixture({ gradX: [3, 6] }))).reason).toMatch(/^grad_a is off by 1\.00e\+0/);
  expect((await only(fixture({ y: [7, Number.NaN] }))).reason).toContain("off by Infinity");
  expect((await only(fixture({ shape: [2, 1] }))).reason).toContain("y has shape [1,2], want [2,1]");
  expect((await only(fixture({ y: [7, 10.001], meta: { f32_dev: { y: 1e-3 } } }))).status).toBe("passed");
});

test("a tensor that no handler computes fails", async () => {
  const report = await only(fixture({ meta: { outputs: ["y", "z"] } }));
  expect(report).toMatchObject({ status: "failed", reason: "z was not computed" });
});

test("unknown ops, attributes and values are unsupported, with the reason", async () => {
  expect(await only(fixture({ meta: { op: "matmul_banded" } }))).toMatchObject({
    status: "unsupported",
    reason: "no op named matmul_banded",
  });
  expect((await only(fixture({ meta: { attrs: { precision: 16 } } }))).reason).toBe(
    "attribute precision = 16 is not known for this op",
  );
  expect((await only(fixture({ meta: { attrs: { transpose_a: "yes" } } }))).reason).toContain("true or false");
});

test("a case that must be refused passes only on OpError", async () => {
  const handlers: Handlers = {
    accepts: (_attrs, c) => () => runOp(c, (t) => linear(input(t, "a"), input(t, "b"), null)),
    misfit: (_attrs, c) => () => runOp(c, (t) => linear(input(t, "b"), input(t, "y"), null)),
    crashes: () => () => Promise.reject(new Error("oh")),
  };
  const meta = { attrs: {}, expect_error: "no reason" };
  const accepted = await only(fixture({ meta: { ...meta, op: "accepts" } }), handlers);
  expect(accepted).toMatchObject({ status: "failed", reason: "was accepted, but must be refused: no reason" });
  expect((await only(fixture({ meta: { ...meta, op: "crashes" } }), handlers)).reason).toBe("Error: oh");
  const inputs = ["b", "y"];
  const misfit = fixture({ meta: { ...meta, op: "misfit", inputs }, y: [1, 2, 3], shape: [1, 3] });
  expect((await only(misfit, handlers)).status).toBe("passed");
});

test("a case about another file reads it, and is unsupported without a reader", async () => {
  const attrs = { file: "e.bin", bytes: 5, height: 2, width: 2, frames: 1, format: "a sentence" };
  const outputs = ["t", "y", "frames_by_number"];
  const described = { op: "event_file", attrs, inputs: [], outputs, upstream: [], grads: [] };
  const i32 = (data: number[], shape = [data.length]): FileArrayInput => ({
    dtype: "I32",
    shape,
    data: Int32Array.from(data),
  });
  const tensors = new Map([
    ["c/t", i32([7])],
    ["c/y", i32([1])],
    ["c/frames_by_number", i32([0, 0, 0, 0, 0, 0, 1, 0], [1, 2, 2, 2])],
  ]);
  const bytes = writeSafetensors(tensors, { format: "golden-v1", c: JSON.stringify(described) });
  const run = async (readFile?: (path: string) => Promise<Uint8Array>) =>
    (await runFixtures(bytes, "sample", eventHandlers, readFile)).cases[0];
  const files = (data: number[]) => async (path: string) => {
    expect(path).toBe("e.bin");
    return Uint8Array.from(data);
  };
  expect(await run(files([0, 1, 128, 0, 7]))).toMatchObject({ status: "passed" });
  expect((await run(files([0, 1, 128, 0, 8])))?.reason).toContain("t is off by 1.00e+0, limit 0");
  expect((await run(files([0, 1, 128, 0])))?.reason).toContain("e.bin has 4 bytes, the case says 5");
  expect((await run(files([0, 2, 128, 0, 7])))?.reason).toContain("expected a pixel of the sensor, 2 x 2");
  expect(await run()).toMatchObject({ status: "unsupported" });
});

test("a corrupt file is one failed case, and the report counts and names it", async () => {
  const broken = await runFixtures(fixture().subarray(0, 100), "broken.safetensors", matmulHandlers);
  const good = await runFixtures(fixture(), "good.safetensors", matmulHandlers);
  expect(fileLine(good)).toContain("1 passed, 0 failed, 0 unsupported");
  expect(problemLines([good, broken])).toHaveLength(1);
  expect(problemLines([good, broken])[0]).toMatch(/^FAILED broken\.safetensors/);
  expect(totalLine([good, broken])).toBe("1 passed, 1 failed, 0 unsupported");
  expect([anyFailed([good]), anyFailed([broken])]).toEqual([false, true]);
});

test("schedules: a wrong value fails, an unknown schedule is unsupported", () => {
  const linear = { N: 4, D: 1, n: [0, 1, 2, 4], values: [0, 0.25, 0.5, 1] };
  const { cases } = runSchedules(
    { threshold: { linear, cubic: linear, sawtooth: linear }, lr: { step_per_epoch: { ...linear, lr: 1 } } },
    "schedules.json",
  );
  expect(cases.map((c) => c.status)).toEqual(["passed", "failed", "unsupported", "unsupported"]);
});
