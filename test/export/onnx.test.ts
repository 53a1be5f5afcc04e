// Contents of an ONNX file, and what the exporter refuses. The gpu tests compare the computed values.
import { fromBinary } from "@bufbuild/protobuf";
import { type GraphProto, ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { buildModel, modelRegistry } from "../../src/models/index.ts";
import { Pointwise } from "../../src/nn/activation.ts";
import {
  BatchNorm2d,
  Conv2d,
  constantInit,
  Dropout,
  LIFNode,
  Linear,
  Module,
  Parameter,
  RandomState,
  Sequential,
  type StateDict,
} from "../../src/nn/index.ts";
import * as ops from "../../src/ops/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { loadOnnx } from "./onnx_runtime.ts";

const initial = (model: Module): StateDict =>
  new Map([...model.namedState()].map(([name, t]) => [name, { data: t.initialValues(), shape: t.shape }]));
const parse = (bytes: Uint8Array) => fromBinary(ModelProtoSchema, bytes);
const dims = (graph: GraphProto, kind: "input" | "output") =>
  graph[kind].map(({ name, type }) => {
    if (type?.value.case !== "tensorType") throw new Error(`${name} is no tensor`);
    expect(type.value.value.elemType).toBe(TensorProto_DataType.FLOAT);
    return [
      name,
      ...(type.value.value.shape?.dim ?? []).map((d) =>
        typeof d.value.value === "bigint" ? Number(d.value.value) : d.value.value,
      ),
    ];
  });

/** Any function of a tensor as the module inner.0. */
class Calls extends Module {
  readonly inner: Sequential;
  constructor(fn: (x: Tensor) => Tensor) {
    super();
    this.inner = new Sequential([new Pointwise(fn)]);
  }
  forward(x: Tensor): Tensor {
    return this.inner.forward(x);
  }
}

describe("the file", () => {
  const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 10 });
  const weights = initial(model);
  const bytes = exportOnnx(model, { input: [1, 28, 28], weights, name: "digits", metadata: { accuracy: "0.99" } });
  const proto = parse(bytes);
  const graph = proto.graph!;

  test("names versions, inputs, outputs and metadata", () => {
    expect([proto.irVersion, proto.producerName, graph.name]).toEqual([8n, "espalier", "digits"]);
    expect(proto.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([["", 17n]]);
    expect(proto.metadataProps.map(({ key, value }) => [key, value])).toEqual([["accuracy", "0.99"]]);
    expect(dims(graph, "input")).toEqual([["input", "N", 1, 28, 28]]);
    expect(dims(graph, "output")).toEqual([["logits", "N", 10]]);
  });

  test("holds the state_dict by name, bit for bit", () => {
    const held = graph.initializer.filter(({ name }) => weights.has(name));
    expect(held.map(({ name }) => name)).toEqual([...weights.keys()]);
    for (const { name, dims: size, rawData } of held) {
      const { data, shape } = weights.get(name)!;
      expect(size.map(Number)).toEqual(shape);
      expect(new Float32Array(rawData.slice().buffer).every((v, i) => v === data[i])).toBe(true);
    }
  });

  test("computes every value once, before its use", () => {
    const known = new Set(["", ...graph.input.map((v) => v.name), ...graph.initializer.map((t) => t.name)]);
    for (const node of graph.node) {
      for (const input of node.input) expect(known).toContain(input);
      expect(node.output.filter((name) => known.has(name))).toEqual([]);
      for (const name of node.output) known.add(name);
    }
    expect(new Set(graph.node.map((n) => n.name)).size).toBe(graph.node.length);
  });

  test("is the same for the same model, which stays unchanged", () => {
    expect(model.training).toBe(true);
    expect(Object.hasOwn(model, "forward")).toBe(false);
    const again = exportOnnx(model, { input: [1, 28, 28], weights, name: "digits", metadata: { accuracy: "0.99" } });
    expect([again.length, again.every((byte, i) => byte === bytes[i])]).toEqual([bytes.length, true]);
  });

  test("has a fixed batch if `batch` is a number", () => {
    const fixed = parse(exportOnnx(model, { input: [1, 28, 28], weights, batch: 5 })).graph!;
    expect([dims(fixed, "input"), dims(fixed, "output")]).toEqual([[["input", 5, 1, 28, 28]], [["logits", 5, 10]]]);
  });
});

/** Hundreds of megabytes each: the gpu tests write their files. */
const LARGE = new Set(["alexnet", "alexnet-lrn", "vgg16-bn"]);

test.each(Object.keys(modelRegistry).filter((name) => !LARGE.has(name)))("%s: has a rule for every op", (name) => {
  const [channels, size] = /^sew-(cifar10-dvs|gesture)$/.test(name) ? [32, 128] : [3, 64];
  const model = buildModel(name, { channels, size, classes: 10 });
  const zeros = [...model.namedState()].map(([key, t]) => [key, { data: new Float32Array(t.numel), shape: t.shape }]);
  const bytes = exportOnnx(model, { input: [channels, size, size], weights: new Map(zeros as []) });
  const { graph } = parse(bytes);
  expect(dims(graph!, "output")[0]).toEqual(["logits", "N", 10]);
  expect(graph!.output.length > 1).toBe(modelRegistry[name]?.spiking === true);
});

describe("spiking", () => {
  test("exports one time step, with a potential in and out for each layer of neurons, and notes on their use", () => {
    const model = buildModel(
      "sew-net",
      { channels: 8, size: 16, classes: 4 },
      { spiking: { timeSteps: 4, frames: true, vReset: -0.5 } },
    );
    const { graph, metadataProps } = parse(exportOnnx(model, { input: [8, 16, 16], weights: initial(model) }));
    const states = (kind: string) => [
      [`v_${kind}.sn1`, "N", 16, 16, 16],
      [`v_${kind}.sn2`, "N", 16, 8, 8],
      [`v_${kind}.sn3`, "N", 16, 8, 8],
    ];
    expect(dims(graph!, "input")).toEqual([["input", "N", 2, 16, 16], ...states("in")]);
    expect(dims(graph!, "output")).toEqual([["logits", "N", 4], ...states("out")]);
    const notes = Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
    expect(notes["time_steps"]).toBe("4");
    expect(JSON.parse(notes["v_rest"]!)).toEqual({ "v_in.sn1": -0.5, "v_in.sn2": -0.5, "v_in.sn3": -0.5 });
    // The model keeps its four time steps.
    expect((model as unknown as { input: { timeSteps: number } }).input.timeSteps).toBe(4);
  });

  test("gives a layer that runs twice two potentials", async () => {
    const node = new LIFNode(); // H = V + (X - V) / 2
    const twice = (x: Tensor) => node.forward(node.forward(ops.encodeDirect(x, { timeSteps: 1 })));
    const model = new Calls((x) => ops.mean(twice(x), { axes: [0] }));
    const runtime = await loadOnnx(exportOnnx(model, { input: [1], weights: new Map() }));
    const one = (v: number) => ({ data: Float32Array.of(v), shape: [1, 1] });
    const run = async (input: number, a: number, b: number) => {
      const after = await runtime.run({ input: one(input), "v_in.inner.0": one(a), "v_in.inner.0_2": one(b) });
      return ["logits", "v_out.inner.0", "v_out.inner.0_2"].map((name) => after[name]!.data[0]);
    };
    expect(await run(3, 0, 0.5)).toEqual([0, 0, 0.75]); // the first fires, the second only receives it
    expect(await run(2, 0, 1)).toEqual([1, 0, 0]); // on the threshold both fire
    expect(await run(1, 0.5, 0.5)).toEqual([0, 0.75, 0.25]);
    await runtime.release();
  });

  test.each([
    [
      "several steps at once",
      (x: Tensor) => ops.lif(x, null, { timeSteps: 4 }),
      /lif in inner.0: expected one time step/,
    ],
    ["smooth firing", (x: Tensor) => ops.lif(x, null, { timeSteps: 1, smooth: true }), /lif in inner.0: smooth firing/],
    [
      "a repeated image",
      (x: Tensor) => ops.encodeDirect(x, { timeSteps: 4 }),
      /encodeDirect in inner.0: expected one time step/,
    ],
  ] as const)("refuses %s", (_, fn, message) => {
    expect(() => exportOnnx(new Calls(fn), { input: [3], weights: new Map() })).toThrow(message);
  });
});

describe("refused", () => {
  const model = new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2)]);
  const weights = initial(model);
  const input = [1, 5, 5];

  test.each([
    ["an op without a rule", (x: Tensor) => ops.packSpikes(x), /packSpikes in inner.0 has no ONNX rule/],
    [
      "batch statistics",
      (x: Tensor) => ops.batchNorm(x, null, null, null, null, { training: true }),
      /batchNorm in inner.0: expected evaluation mode/,
    ],
    [
      "a repeated batch",
      (x: Tensor) => ops.expand(ops.mean(x, { axes: [0], keepdims: true }), { shape: x.shape }),
      /expand in inner.0: repeats along the batch/,
    ],
    [
      "a slice of the batch",
      (x: Tensor) => ops.narrow(x, { axis: 0, start: 0, length: x.shape[0]! }),
      /narrow in inner.0: axis 0: expected a size/,
    ],
  ] as const)("%s", (_, fn, message) => {
    expect(() => exportOnnx(new Calls(fn), { input: [3, 4], weights: new Map() })).toThrow(message);
  });

  test("a parameter of another model", () => {
    const foreign = new Parameter([4], constantInit(1));
    const run = () => exportOnnx(new Calls((x) => ops.add(x, foreign)), { input: [3, 4], weights: new Map() });
    expect(run).toThrow(/add in inner.0 reads a parameter of another model/);
  });

  test("weights that do not fit, naming all of them", () => {
    const wrong: StateDict = new Map(weights);
    wrong.delete("0.bias");
    wrong.set("1.weight", { data: new Float32Array(3), shape: [3] });
    wrong.set("1.bias", { data: new Int32Array(2), shape: [2] });
    wrong.set("head.weight", { data: new Float32Array(1), shape: [1] });
    wrong.set("1.num_batches_tracked", { data: new Int32Array(1), shape: [] });
    expect(() => exportOnnx(model, { input, weights: wrong })).toThrow(
      "exportOnnx: weights do not fit the model: 0.bias is missing; 1.weight: expected [2], got [3]; 1.bias: expected 2 float32 values; head.weight is unknown",
    );
  });

  test.each([
    ["an empty input", { input: [], weights }, /input: expected the shape of one sample/],
    ["no weights", { input } as never, /weights: expected the result of await model\.stateDict\(\), got/],
    ["a size of 0", { input: [1, 0, 5], weights }, /input: expected the shape/],
    ["a batch of 0", { input, weights, batch: 0 }, /batch: expected "N" or an integer/],
    ["an image too small", { input: [1, 2, 2], weights }, /conv2d/],
  ] as const)("%s", (_, options, message) => {
    expect(() => exportOnnx(model, options as unknown as Parameters<typeof exportOnnx>[1])).toThrow(message);
    expect(Object.hasOwn(model, "forward")).toBe(false);
  });

  test("writes no node for dropout", () => {
    const net = new Sequential([new Dropout(0.5, new RandomState(0, { owned: true })), new Linear(4, 2)]);
    const { graph } = parse(exportOnnx(net, { input: [4], weights: initial(net) }));
    expect(graph!.node.map((n) => n.opType)).toEqual(["Gemm"]);
  });
});
