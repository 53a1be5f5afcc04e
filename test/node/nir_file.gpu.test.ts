// NIR: the engine's spikes against a float64 simulation of the written file, round trips, the layout, and what is refused.
import { expect, test } from "vitest";
import { exportNir, importNir, type NirNetwork } from "../../src/export/index.ts";
import { thresholdAbove, thresholdAt } from "../../src/export/nir/numbers.ts";
import type { NirGraph, NirNode } from "../../src/io/index.ts";
import { buildModel, type SpikingOptions } from "../../src/models/index.ts";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Flatten,
  foldTime,
  IFNode,
  LIFNode,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Sequential,
  SpikingNode,
  type StateDict,
  unfoldTime,
} from "../../src/nn/index.ts";
import { readNir, writeNir } from "../../src/node/nir_file.ts";
import { mean, sewConnect } from "../../src/ops/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { readFile, simulate, withHdf5 } from "./nir_float64.ts";

const T = 20;
const on = (grid: number, values: Float32Array) => values.map((v) => Math.round(v * grid) / grid);

/** Weights on a grid, batch norms whose factor is a power of two, and half of the weights pruned: sums and folded weights are exact. */
function weightsOf(model: Module, gain = 2): StateDict {
  const weights: StateDict = new Map();
  let seed = 1;
  for (const [name, t] of model.namedState()) {
    seed++;
    let data = on(256, t.initialValues()).map((v, i) =>
      t.shape.length > 1 && (i * 7 + seed) % 2 === 0 ? 0 : gain * v,
    );
    if (name.endsWith("running_var")) data = new Float32Array(t.numel).fill(0.25 - 1e-5);
    else if (name.endsWith("running_mean")) data = on(16, randomArray(t.numel, seed, 0.1));
    else if (name.endsWith("bias")) data = on(16, randomArray(t.numel, seed, 0.3)).map((v) => v + 0.25 + 1 / 4096);
    else if (t.shape.length === 1) data = new Float32Array(t.numel).fill(1).map((_, i) => (i % 2 === 0 ? 1 : 0.5));
    else if (t.shape.length === 0) data = Float32Array.of(0.3);
    weights.set(name, { data, shape: t.shape });
  }
  return weights;
}

/** Spikes of every layer of neurons of one sample, [T][*], and the output. */
async function engineOf(model: Module, x: Float32Array, shape: readonly number[]) {
  using _scope = new Scope();
  const spikes = new Map<string, Float32Array>();
  const found: [string, Tensor][] = [];
  for (const [name, m] of model.namedModules())
    if (m instanceof SpikingNode) m.observer = ({ spikes: s }) => found.push([name, s]);
  const y = (await model
    .eval()
    .forward(tensor(x, [1, ...shape]))
    .data()) as Float32Array;
  for (const [name, s] of found) spikes.set(name, (await s.data()) as Float32Array);
  for (const [, m] of model.namedModules()) if (m instanceof SpikingNode) m.observer = null;
  return { spikes, output: y };
}

/** Compares the engine and the file, and the engine's network made of the file. */
async function compare(model: Module, shape: readonly number[], weights: StateDict, dt = 1): Promise<NirNetwork> {
  const bytes = await writeNir(exportNir(model, { input: shape, weights, dt }));
  const file = await readFile(bytes);
  const copy = importNir(await readNir(bytes), { dt, timeSteps: T });
  let [fired, neurons] = [0, 0];
  for (const seed of [1, 2]) {
    const x = on(
      8,
      randomArray(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    ).map(Math.abs);
    const own = await engineOf(model, x, shape);
    const reference = simulate(file, x, T, dt);
    const again = await engineOf(copy, x, shape);
    expect(own.spikes.size).toBeGreaterThan(0);
    for (const [layer, spikes] of own.spikes) {
      const wanted = Float32Array.from(reference.get(layer)!.flatMap((step) => [...step]));
      const differing = spikes.filter((v, i) => v !== wanted[i]).length;
      expect([layer, spikes.length, differing]).toEqual([layer, wanted.length, 0]);
      expect([layer, again.spikes.get(layer)]).toEqual([layer, spikes]);
      fired += spikes.filter((v) => v === 1).length;
      neurons += spikes.length;
      expect([layer, new Set(spikes).size]).toEqual([layer, 2]);
    }
    const steps = reference.get("output")!;
    const output = steps[0]!.map((_, i) => steps.reduce((sum, step) => sum + step[i]! / T, 0));
    for (const [i, v] of output.entries()) expect(own.output[i]).toBeCloseTo(v, 4);
  }
  console.info(`${neurons} neuron steps, ${((100 * fired) / neurons).toFixed(1)} % fired, no spike differs`);
  // Exported again, the imported network is the same file's graph, and its weights the same bits.
  const state = await copy.stateDict();
  const second = importNir(exportNir(copy, { input: shape, weights: state, dt }), { dt, timeSteps: T });
  expect(await second.stateDict()).toEqual(state);
  second.dispose();
  return copy;
}

/** A stem, and a residual block whose branches add up: convolutions of groups, of stride and dilation, with and without batch norm. */
class SmallNet extends Module {
  readonly conv1 = new Conv2d(2, 4, 3, { padding: 1 });
  readonly sn1: SpikingNode;
  readonly conv2 = new Conv2d(4, 4, 3, { padding: 2, dilation: 2, groups: 2, bias: false });
  readonly bn2 = new BatchNorm2d(4);
  readonly sn2: SpikingNode;
  readonly pool = new AvgPool2d({ kernel: 2 });
  readonly flatten = new Flatten();
  readonly fc1 = new Linear(64, 12, { bias: false });
  readonly sn3: SpikingNode;
  readonly fc2 = new Linear(12, 3);
  private readonly steps: number;

  constructor(neurons: () => SpikingNode, steps = T) {
    super();
    this.steps = steps;
    this.sn1 = neurons();
    this.sn2 = neurons();
    this.sn3 = neurons();
  }

  forward(x: Tensor): Tensor {
    const current = this.conv1.forward(x);
    // The exporter's trace has one step.
    const steps = x.isMeta ? 1 : this.steps;
    const first = this.sn1.forwardConstant(current, steps);
    const out = this.sn2.forward(unfoldTime(this.bn2.forward(this.conv2.forward(foldTime(first))), steps));
    const joined = this.pool.forward(foldTime(sewConnect(first, out, { connect: "ADD" })));
    const hidden = this.sn3.forward(unfoldTime(this.fc1.forward(this.flatten.forward(joined)), steps));
    return this.fc2.forward(mean(hidden, { axes: [0] }));
  }
}

test.each([
  ["LIF", 8, () => new LIFNode()],
  ["LIF of tau 4, reset to -0.5", 16, () => new LIFNode({ tau: 4, vReset: -0.5, vThreshold: 0.75 })],
  ["LIF whose leak does not act on the input", 2, () => new LIFNode({ tau: 4, decayInput: false })],
  ["IF of threshold 1.5", 2, () => new IFNode({ vThreshold: 1.5 })],
] as const)("a small network with a residual block: %s", async (_name, gain, neurons) => {
  manualSeed(4);
  const model = new SmallNet(neurons);
  const weights = weightsOf(model, gain);
  model.loadStateDict(weights);
  const copy = await compare(model, [2, 8, 8], weights);
  // Layers without batch norm keep their bits.
  const state = await copy.stateDict();
  for (const name of ["conv1.weight", "conv1.bias", "fc1.weight", "fc2.weight", "fc2.bias"])
    expect(state.get(name)).toEqual(weights.get(name));
  expect([...state.keys()].sort()).toEqual(
    ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc2.weight", "fc2.bias"].sort(),
  );
  // Pruned weights stay zeros through batch norm.
  const pruned = weights.get("conv2.weight")!.data;
  expect(state.get("conv2.weight")!.data.every((v: number, i: number) => pruned[i] !== 0 || v === 0)).toBe(true);
  model.dispose();
  copy.dispose();
});

test.each<SpikingOptions>([{ neuron: "lif" }, { neuron: "plif" }, { neuron: "if" }])(
  "spiking-cnn, %s",
  async (spiking) => {
    manualSeed(2);
    const model = buildModel(
      "spiking-cnn",
      { channels: 1, size: 12, classes: 10 },
      { spiking: { timeSteps: T, ...spiking } },
    );
    const weights = weightsOf(model);
    model.loadStateDict(weights);
    const copy = await compare(model, [1, 12, 12], weights);
    model.dispose();
    copy.dispose();
  },
);

test("time constants in seconds", async () => {
  manualSeed(4);
  const model = new SmallNet(() => new LIFNode({ tau: 4, decayInput: false }));
  const weights = weightsOf(model);
  model.loadStateDict(weights);
  const dt = 2 ** -10;
  (await compare(model, [2, 8, 8], weights, dt)).dispose();
  const file = await readFile(await writeNir(exportNir(model, { input: [2, 8, 8], weights, dt })));
  expect(file.nodes.get("sn1")!.params["tau"]!.data[0]).toBe(4 * dt);
  expect(file.nodes.get("sn1")!.params["r"]!.data[0]).toBe(4);
  model.dispose();
});

test("the file has the layout of the nir package", async () => {
  const model = new SmallNet(() => new LIFNode());
  const weights = weightsOf(model);
  const graph = exportNir(model, { input: [2, 8, 8], weights, metadata: { accuracy: "0.98" } });
  const { version, nodes, edges, metadata, types } = await readFile(await writeNir(graph));
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect(metadata).toMatchObject({ accuracy: "0.98", dt: "1" });
  const kinds = Object.fromEntries([...nodes].map(([name, node]) => [name, node.type]));
  expect(kinds).toEqual({
    ...{ input: "Input", output: "Output", conv1: "Conv2d", sn1: "LIF", conv2: "Conv2d", sn2: "LIF" },
    ...{ pool: "AvgPool2d", flatten: "Flatten", fc1: "Linear", sn3: "LIF", fc2: "Affine" },
  });
  const wanted =
    "input>conv1 conv1>sn1 sn1>conv2 conv2>sn2 sn1>pool sn2>pool pool>flatten flatten>fc1 fc1>sn3 sn3>fc2 fc2>output";
  expect(edges.map((edge) => edge.join(">")).sort()).toEqual(wanted.split(" ").sort());
  // Texts are UTF-8 of variable length; numbers float32 or int64.
  const text = { type: 3, vlen: true, cset: 1 };
  for (const path of ["/version", "/node/type", "/node/nodes/conv1/type"])
    expect(types.get(path)).toMatchObject({ ...text, shape: [] });
  expect(types.get("/node/edges")).toMatchObject({ ...text, shape: [11, 2] });
  expect(types.get("/node/nodes/conv1/weight")).toMatchObject({ type: 1, size: 4, shape: [4, 2, 3, 3] });
  expect(types.get("/node/nodes/conv1/groups")).toMatchObject({ type: 0, size: 8, shape: [] });
  for (const key of ["stride", "padding", "dilation", "input_shape"])
    expect(types.get(`/node/nodes/conv1/${key}`)).toMatchObject({ type: 0, size: 8, shape: [2] });
  for (const key of ["tau", "r", "v_leak", "v_threshold", "v_reset"])
    expect(types.get(`/node/nodes/sn1/${key}`)).toMatchObject({ type: 1, size: 4, shape: [4, 8, 8] });
  expect(nodes.get("input")!.params["shape"]).toEqual({ data: Float64Array.of(2, 8, 8), shape: [3] });
  expect(nodes.get("output")!.params["shape"]!.data).toEqual(Float64Array.of(3));
  expect(nodes.get("flatten")!.params).toMatchObject({
    start_dim: { data: Float64Array.of(0) },
    end_dim: { data: Float64Array.of(-1) },
  });
  expect(nodes.get("sn1")!.params["v_threshold"]!.data[0]).toBe(1 - 2 ** -24);
  model.dispose();
});

test("thresholds move to the neighbouring number and back", () => {
  for (const v of [1, 0.75, 1.5, -1, 0.1, 0, 2 ** -149, 3e38]) {
    const below = thresholdAbove(v);
    expect(below).toBeLessThan(Math.fround(v));
    expect(thresholdAt(below)).toBe(Math.fround(v));
  }
  expect(thresholdAt(0.1)).toBe(Math.fround(0.1)); // float32 is above
});

test("refuses by name what NIR lacks", async () => {
  const refusal = (model: Module, input: readonly number[]) => () =>
    exportNir(model, { input, weights: weightsOf(model) });
  const build = (name: string, spiking?: SpikingOptions) =>
    buildModel(name, { channels: 1, size: 16, classes: 10 }, spiking ? { spiking } : {});
  expect(refusal(build("sew-net"), [1, 16, 16])).toThrow("exportNir: maxPool2d in pool: NIR has no node for it");
  expect(refusal(build("spiking-cnn", { vReset: null }), [1, 16, 16])).toThrow(
    "exportNir: lif in sn1: vReset: expected a number: soft reset subtracts the threshold, and NIR's neurons reset to a value",
  );
  expect(refusal(build("lenet-bn"), [1, 16, 16])).toThrow(/^exportNir: .* in .*: NIR has no node for it$/);
  expect(refusal(new Sequential([new Linear(4, 3), new ReLU()]), [4])).toThrow(
    "exportNir: relu in 1: NIR has no node for it",
  );
  const model = new Sequential([new Linear(4, 3), new IFNode()]);
  const weights = await model.stateDict();
  expect(() => exportNir(model, { input: [4], weights, dt: 0 })).toThrow("dt: expected a number > 0, got 0");
  expect(() => exportNir(model, { input: [4], weights: new Map() })).toThrow(
    "weights: 0.weight: expected float32 values [3,4], got none",
  );
  const slash = exportNir(model, { input: [4], weights });
  await expect(writeNir({ ...slash, nodes: new Map([["a/b", slash.nodes.get("0")!]]) })).rejects.toThrow(
    'NIR: expected names without / for HDF5, got "a/b"',
  );
});

test("refuses graphs that the engine cannot run, naming the node", async () => {
  const model = new Sequential([new Linear(4, 3), new LIFNode()]);
  const graph = exportNir(model, { input: [4], weights: await model.stateDict() });
  const floats = (...values: number[]) => ({ data: Float32Array.from(values), shape: [values.length] });
  const refusal =
    (name: string, change: Partial<NirNode>, edges: NirGraph["edges"] = graph.edges) =>
    () =>
      importNir({ ...graph, edges, nodes: new Map(graph.nodes).set(name, { ...graph.nodes.get(name)!, ...change }) });
  const neuron = graph.nodes.get("1")!.params;
  expect(refusal("1", { type: "CubaLIF" })).toThrow("importNir: CubaLIF 1: expected one of Conv2d, Affine");
  expect(refusal("1", { type: "toString" })).toThrow("toString 1: expected one of");
  expect(refusal("1", { params: { ...neuron, tau: floats(2, 2, 3) } })).toThrow(
    "LIF 1: tau: expected one value for all neurons, got 2 and 3",
  );
  expect(refusal("1", { params: { ...neuron, v_leak: floats(1, 1, 1) } })).toThrow(
    "LIF 1: v_leak: expected v_reset = 0",
  );
  expect(refusal("1", { params: { ...neuron, tau: floats(1, 1, 1) } })).toThrow(
    "LIF 1: tau: expected more than dt = 1, got 1",
  );
  expect(refusal("1", { params: {} })).toThrow("LIF 1: r: expected an array, got none");
  expect(refusal("0", { params: { weight: floats(1, 2) } })).toThrow(
    "Affine 0: weight: expected floats of 2 axes, got [2]",
  );
  const without = graph.edges.filter(([from]) => from !== "input");
  expect(refusal("0", {}, without)).toThrow("Affine 0: expected an edge into it, got none");
  expect(refusal("0", {}, [...graph.edges, ["1", "0"]])).toThrow("expected a graph without cycles");
  expect(refusal("0", {}, [...graph.edges, ["0", "x"]])).toThrow("edge from 0 to x: there is no node x");
  expect(refusal("0", {}, [...graph.edges, graph.edges[0]!])).toThrow("expected one, got two");
  expect(refusal("output", { type: "Input" })).toThrow("expected one Input node, got 2");
  model.dispose();
});

test("a resistance of another program is a threshold", async () => {
  using _scope = new Scope();
  const shape = [1];
  const one = (v: number) => ({ data: Float64Array.of(v), shape });
  const size = { data: BigInt64Array.of(1n), shape };
  const node = (type: string, params: NirNode["params"]): NirNode => ({ type, params });
  const graph: NirGraph = {
    nodes: new Map([
      ["input", node("Input", { shape: size })],
      ["lif", node("LIF", { tau: one(0.02), r: one(2), v_leak: one(0), v_threshold: one(1) })],
      ["output", node("Output", { shape: size })],
    ]),
    edges: [
      ["input", "lif"],
      ["lif", "output"],
    ],
    metadata: {},
  };
  const model = importNir(graph, { dt: 0.01, timeSteps: 6 });
  const read = await readFile(await writeNir(graph));
  const reset = { ...read.nodes.get("lif")!.params, v_reset: { data: Float64Array.of(0), shape } };
  read.nodes.set("lif", { type: "LIF", params: reset });
  const wanted = simulate(read, Float32Array.of(0.7), 6, 0.01)
    .get("lif")!
    .flatMap((step) => [...step]);
  expect([...((await model.steps(tensor([[0.7]])).data()) as Float32Array)]).toEqual(wanted);
  expect(wanted).toContain(1);
});

test("refuses damaged and foreign files, naming them", async () => {
  const model = new Sequential([new Linear(4, 3), new LIFNode()]);
  const bytes = await writeNir(exportNir(model, { input: [4], weights: await model.stateDict() }));
  await expect(readNir(new Uint8Array([1, 2, 3]), "a.nir")).rejects.toThrow(
    "a.nir: expected an HDF5 file, got another kind",
  );
  await expect(readNir(bytes.subarray(0, 600), "a.nir")).rejects.toThrow(/^a\.nir: damaged HDF5: /);
  const [, other] = await withHdf5(null, (file) => file.create_dataset({ name: "x", data: new Float32Array(3) }));
  await expect(readNir(Buffer.from(other, "base64"), "b.h5")).rejects.toThrow("b.h5: node: expected a group, got none");
  const [, nested] = await withHdf5(null, (file) => {
    const root = file.create_group("node");
    root.create_dataset({ name: "type", data: "NIRGraph", dtype: "S" });
    const inner = root.create_group("nodes").create_group("sub");
    inner.create_dataset({ name: "type", data: "NIRGraph", dtype: "S" });
  });
  await expect(readNir(Buffer.from(nested, "base64"), "c.nir")).rejects.toThrow(
    "c.nir: node/nodes/sub: expected a graph without graphs inside",
  );
  const [, huge] = await withHdf5(null, (file) => {
    const root = file.create_group("node");
    root.create_dataset({ name: "type", data: "NIRGraph", dtype: "S" });
    const lif = root.create_group("nodes").create_group("lif");
    lif.create_dataset({ name: "type", data: "LIF", dtype: "S" });
    lif
      .create_dataset({ name: "tau", data: new Float32Array(4), shape: [4], maxshape: [null], chunks: [4] })
      .resize([1e9]);
  });
  await expect(readNir(Buffer.from(huge, "base64"), "d.nir")).rejects.toThrow(
    "d.nir: node/nodes/lif/tau: expected fewer than 4000000000 bytes",
  );
  model.dispose();
});
