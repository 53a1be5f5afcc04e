// Integer networks: the ONNX file in ONNX Runtime and the engine's simulation against a float64 reading of the file's nodes.
import { expect, test } from "vitest";
import { calibrateInt8, exportOnnx, type Int8Calibration, simulateInt8 } from "../../src/export/index.ts";
import { scaleOfRange } from "../../src/export/int8/calibrate.ts";
import { buildModel } from "../../src/models/index.ts";
import { BatchNorm2d, Conv2d, Linear, type Module, ReLU, Sequential, type StateDict } from "../../src/nn/index.ts";
import { softplus } from "../../src/ops/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import type { HostBatch } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { decodeOnnx, runFloat64 } from "./onnx_float64.ts";
import { loadOnnx, pruned, relativeError } from "./onnx_runtime.ts";

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

async function* batches(sample: readonly number[], count: number, size: number): AsyncGenerator<HostBatch> {
  for (let i = 0; i < count; i++)
    yield { x: randomArray(size * sizeOf(sample), 40 + i), y: new Int32Array(size), size };
}

/** Nine tenths of the weights are zero; batch norm has the statistics of a batch, and one negative and one zero factor. */
async function prepare(model: Module, sample: readonly number[]): Promise<StateDict> {
  using _scope = new Scope();
  const state: StateDict = new Map();
  let seed = 3;
  for (const [name, t] of model.namedState()) {
    seed++;
    let data = t.initialValues();
    if (t.shape.length === 1 && !name.includes("running")) {
      const isFactor = data[0] === 1;
      data = randomArray(t.numel, seed, 0.3).map((v) => (isFactor ? 1 + v : v));
      if (isFactor) data.set([-0.7, 0]);
    }
    state.set(name, { data, shape: t.shape });
  }
  model.loadStateDict(pruned(state, 0.5));
  const norms = [...model.namedModules()].flatMap(([, m]) => (m instanceof BatchNorm2d ? [m] : []));
  for (const m of norms) (m as { momentum: number }).momentum = 1;
  model.train().forward(tensor(randomArray(8 * sizeOf(sample), 77), [8, ...sample]));
  for (const m of norms) (m as { momentum: number }).momentum = 0.1;
  return model.stateDict();
}

async function logitsOf(model: Module, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  using _scope = new Scope();
  return (await model.eval().forward(tensor(x, shape)).data()) as Float32Array;
}

/** Largest index of each row. */
const classesOf = (logits: ArrayLike<number>) =>
  Array.from({ length: logits.length / 10 }, (_, n) => {
    const row = Array.from({ length: 10 }, (_, i) => logits[10 * n + i]!);
    return row.indexOf(Math.max(...row));
  });

test.each([
  ["lenet-bn", [1, 28, 28]],
  ["lenet", [1, 28, 28]],
  ["resnet-8-narrow", [3, 16, 16]],
  ["mobilenet-small", [1, 28, 28]],
] as const)("%s: ONNX Runtime and the engine compute as the file's nodes in float64", async (name, sample) => {
  const [channels, size] = sample;
  const model = buildModel(name, { channels, size, classes: 10 });
  const weights = await prepare(model, sample);
  const int8 = await calibrateInt8(model, batches(sample, 3, 8), { sample });
  expect(int8.batches).toBe(3);
  const bytes = exportOnnx(model, { input: sample, weights, int8 });
  const shape = [16, ...sample];
  const x = randomArray(sizeOf(shape), 41);
  const exact = Float32Array.from(runFloat64(bytes, { data: x, shape }).get("logits")!.data);
  const runtime = await loadOnnx(bytes);
  const { logits } = await runtime.run({ input: { data: x, shape } });
  await runtime.release();
  const own = await simulateInt8(model, int8, () => logitsOf(model, x, shape));
  const plain = await logitsOf(model, x, shape);
  const errors = {
    runtime: relativeError(logits!.data, exact),
    engine: relativeError(own, exact),
    float: relativeError(plain, exact),
  };
  console.info(`${name}: ${JSON.stringify(errors)}`);
  expect(errors.runtime).toBeLessThan(1e-5);
  // On other adapters a value halfway between two integers may round the other way, by a step of its scale.
  expect(errors.engine).toBeLessThan(errors.float / 4);
  expect(errors.float).toBeLessThan(0.2);
  expect(errors.float).toBeGreaterThan(1e-4);
  expect(classesOf(logits!.data)).toEqual(classesOf(exact));
  // The simulation left the model as it was.
  expect(await model.stateDict()).toEqual(weights);
  // Zeros stay zeros, all convolutions are folded, and every weight is an integer.
  const { nodes, initializers } = decodeOnnx(bytes);
  expect(nodes.some(({ opType }) => opType === "BatchNormalization")).toBe(false);
  for (const [
    key,
    {
      data,
      shape: [, ...more],
    },
  ] of weights) {
    if (more.length === 0) continue;
    const codes = new Int8Array(initializers.get(key)!.rawData.slice().buffer);
    expect([key, data.every((v: number, i: number) => v !== 0 || codes[i] === 0)]).toEqual([key, true]);
    expect([key, codes.some((code) => Math.abs(code) === 127)]).toEqual([key, true]);
  }
  expect(await simulateInt8(model, int8, () => logitsOf(model, x, shape))).toEqual(own);
  model.dispose();
});

test("one layer in ONNX Runtime is exact in nearly all outputs", async () => {
  const model = new Sequential([new Conv2d(3, 8, 3, { padding: 1 }), new ReLU(), new Conv2d(8, 4, 3)]);
  const sample = [3, 9, 9];
  const int8 = await calibrateInt8(model, batches(sample, 1, 4), { sample });
  const bytes = exportOnnx(model, { input: sample, weights: await model.stateDict(), int8 });
  const x = randomArray(4 * 243, 8);
  const exact = runFloat64(bytes, { data: x, shape: [4, ...sample] }).get("logits")!.data;
  const runtime = await loadOnnx(bytes);
  const { logits } = await runtime.run({ input: { data: x, shape: [4, ...sample] } });
  await runtime.release();
  const most = Math.max(...exact.map(Math.abs));
  const off = exact.filter((v, i) => Math.abs(v - logits!.data[i]!) > 1e-5 * most).length;
  console.info(`${off} of ${exact.length} outputs differ by a rounding`);
  expect(off).toBeLessThan(exact.length / 50);
  model.dispose();
});

test("scales contain 0 exactly", () => {
  expect(scaleOfRange({ low: 0, high: 2.55 })).toEqual({ scale: Math.fround(0.01), zero: -128 });
  expect(scaleOfRange({ low: 1, high: 2.55 })).toEqual({ scale: Math.fround(0.01), zero: -128 });
  expect(scaleOfRange({ low: -1, high: 1 })).toEqual({ scale: Math.fround(2 / 255), zero: -1 });
  expect(scaleOfRange({ low: -2, high: 0 })).toEqual({ scale: Math.fround(2 / 255), zero: 127 });
  expect(scaleOfRange({ low: 0, high: 0 })).toEqual({ scale: 1, zero: -128 });
});

test("refuses by name what has no integers", async () => {
  const sample = [4];
  const model = new Sequential([new Linear(4, 10)]);
  const weights = await model.stateDict();
  const int8 = await calibrateInt8(model, batches(sample, 2, 4), { sample, count: 1 });
  expect(int8).toMatchObject({ batches: 1, scales: { input: { zero: expect.any(Number) } } });
  const other: Int8Calibration = { ...int8, scales: {} };
  expect(() => exportOnnx(model, { input: [4], weights, int8: other })).toThrow(
    "exportOnnx: int8: expected a calibration of this network, got one without a scale of input",
  );
  expect(() => exportOnnx(model, { input: [4], weights, int8, precision: "f16" })).toThrow(
    "expected f32 with int8, got f16",
  );
  expect(() => exportOnnx(model, { input: [4], weights, int8: {} as Int8Calibration })).toThrow(
    "int8: expected the result of",
  );
  const spiking = buildModel("spiking-cnn", { channels: 1, size: 28, classes: 10 });
  await expect(calibrateInt8(spiking, batches([1, 28, 28], 1, 1), { sample: [1, 28, 28] })).rejects.toThrow(
    "calibrateInt8: expected a network without spiking neurons, got sn1, a LIFNode",
  );
  const none = { forward: softplus };
  await expect(calibrateInt8(none as never, batches(sample, 1, 1), { sample })).rejects.toThrow(
    "model: expected a module",
  );
  await expect(calibrateInt8(new ReLU(), batches(sample, 1, 1), { sample })).rejects.toThrow(
    "expected a convolution or linear layer with weights, got none",
  );
  await expect(calibrateInt8(model, batches(sample, 0, 1), { sample })).rejects.toThrow(
    "expected at least one batch, got none",
  );
  await expect(calibrateInt8(model, batches(sample, 1, 1), { sample, count: 0 })).rejects.toThrow(
    "count: expected an integer >= 1, got 0",
  );
});
