// ONNX files of precision f16 in ONNX Runtime, beside the engine's f32 results.
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { Pointwise } from "../../src/nn/activation.ts";
import { BatchNorm2d, Conv2d, Linear, type Module, manualSeed, Sequential } from "../../src/nn/index.ts";
import * as ops from "../../src/ops/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { loadOnnx, relativeError } from "./onnx_runtime.ts";

/** Values of f16 have 11 bits; the largest error of a logit after some twenty layers. */
const TOLERANCE = 1e-2;

async function compare(model: Module, input: readonly [number, number, number]): Promise<void> {
  const shape = [2, ...input];
  const x = randomArray(
    shape.reduce((a, b) => a * b),
    3,
  );
  using _scope = new Scope();
  for (const [, m] of model.namedModules()) if (m instanceof BatchNorm2d) (m as { momentum: number }).momentum = 1;
  model.train().forward(tensor(x, shape));
  const own = (await model.eval().forward(tensor(x, shape)).data()) as Float32Array;
  const weights = await model.stateDict();
  const [half, full] = [exportOnnx(model, { input, weights, precision: "f16" }), exportOnnx(model, { input, weights })];
  const runtime = await loadOnnx(half);
  const { logits } = await runtime.run({ input: { data: x, shape } });
  await runtime.release();
  expect(logits!.data).toBeInstanceOf(Float32Array);
  expect(relativeError(logits!.data, own)).toBeLessThan(TOLERANCE);
  const { graph, metadataProps } = fromBinary(ModelProtoSchema, half);
  expect(metadataProps.find(({ key }) => key === "precision")?.value).toBe("f16");
  const held = graph!.initializer.filter(({ name }) => weights.has(name));
  expect(held.map(({ dataType }) => dataType)).toEqual(held.map(() => TensorProto_DataType.FLOAT16));
  for (const { type } of [...graph!.input, ...graph!.output])
    expect(type?.value.case === "tensorType" && type.value.value.elemType).toBe(TensorProto_DataType.FLOAT);
  const bytesOf = (weight: string) => held.find(({ name }) => name === weight)!.rawData.length;
  for (const [name, { data }] of weights) if (!name.endsWith("tracked")) expect(bytesOf(name)).toBe(2 * data.length);
  expect(half.length).toBeLessThan(full.length);
  model.dispose();
}

test.each([
  ["lenet-bn", [1, 28, 28]],
  ["resnet-20", [3, 32, 32]],
  ["mobilenet-small", [1, 28, 28]],
] as const)("%s", async (name, input) => {
  manualSeed(3);
  await compare(buildModel(name, { channels: input[0], size: input[1], classes: 10 }), input);
});

test("ops that convert, compare and resize", async () => {
  manualSeed(4);
  const own = new Pointwise((x) => {
    const wide = ops.upsample(x, { scale: [1.3, 1.7], mode: "bilinear" });
    const positive = ops.gt(wide, 0);
    return ops.clamp(ops.add(ops.mul(wide, positive), ops.where(positive, wide, ops.mul(wide, 2))), {
      min: -3,
      max: 3,
    });
  });
  const pool = new Pointwise((x) => ops.mean(x, { axes: [2, 3] }));
  await compare(new Sequential([new Conv2d(2, 4, 3), own, pool, new Linear(4, 3)]), [2, 8, 8]);
});

test("what f16 cannot hold is refused by name", async () => {
  const model = new Sequential([new Linear(4, 2)]);
  const weights = await model.stateDict();
  const withWeight = (value: number) => {
    const { data, shape } = weights.get("0.weight")!;
    return new Map(weights).set("0.weight", { data: (data as Float32Array).with(3, value), shape });
  };
  const given = (value: number) => () =>
    exportOnnx(model, { input: [4], weights: withWeight(value), precision: "f16" });
  expect(given(-65504)).not.toThrow();
  expect(given(-70000)).toThrow("exportOnnx: precision: 0.weight: expected numbers up to 65504 for f16, got 70000");
  expect(() => exportOnnx(model, { input: [4], weights, precision: "f8" as "f16" })).toThrow(
    "exportOnnx: precision: expected f32 or f16, got f8",
  );
  const spiking = buildModel("spiking-cnn", { channels: 1, size: 28, classes: 10 }, { spiking: { timeSteps: 1 } });
  const state = await spiking.stateDict();
  expect(() => exportOnnx(spiking, { input: [1, 28, 28], weights: state, precision: "f16" })).toThrow(
    "precision: expected f32 for a spiking network, whose potentials are f32, got f16",
  );
  for (const m of [model, spiking]) m.dispose();
});
