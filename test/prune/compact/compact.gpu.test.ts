// Compaction: which channels go, which stay and why, and what it refuses.
import { expect, test } from "vitest";
import { OpError } from "../../../src/gpu/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  GroupNorm,
  Linear,
  Module,
  manualSeed,
  ReLU,
  Sequential,
  SpikingCnn,
  type StateDict,
} from "../../../src/internal.ts";
import { ResNetCifar } from "../../../src/models/index.ts";
import { applyCompaction, compact, planCompaction } from "../../../src/prune/index.ts";
import { Scope, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { withDeadChannels } from "../../support/dead_channels.ts";
import { randomArray } from "../../support/random.ts";
import { compacted } from "../../support/same_outputs.ts";

const valuesOf = (model: Module): StateDict =>
  new Map([...model.namedState()].map(([name, t]) => [name, { data: t.initialValues(), shape: t.shape }]));

const put = (state: StateDict, name: string, values: readonly number[]) =>
  (state.get(name)!.data as Float32Array).set(values);

/** Set output o of a layer to a constant. */
function kill(state: StateDict, path: string, o: number, bias: number): void {
  const { data, shape } = state.get(`${path}.weight`)!;
  const row = data.length / shape[0]!;
  data.fill(0, o * row, (o + 1) * row);
  state.get(`${path}.bias`)!.data[o] = bias;
}

const pairOf = (padding: number) => () => {
  manualSeed(1);
  return new Sequential([new Conv2d(2, 3, 3), new ReLU(), new Conv2d(3, 2, 3, { padding })]);
};

test("a constant channel moves into the bias of a convolution without padding", async () => {
  const state = valuesOf(pairOf(0)());
  kill(state, "0", 1, 0.75);
  const { plan, difference } = await compacted(pairOf(0), state, { sample: [2, 8, 8] });
  expect(plan.layers.map(({ outputs }) => outputs)).toEqual([
    [3, 2],
    [2, 2],
  ]);
  expect(plan.kept).toEqual([]);
  expect(difference).toBeLessThan(1e-6);
});

test("a constant channel other than zero stays before a convolution with padding, a zero goes", async () => {
  const state = valuesOf(pairOf(1)());
  kill(state, "0", 0, -0.5); // ReLU makes it zero
  kill(state, "0", 1, 0.75);
  const { plan, difference } = await compacted(pairOf(1), state, { sample: [2, 8, 8] });
  expect(plan.layers[0]!.outputs).toEqual([3, 2]);
  expect(plan.kept).toEqual([
    { name: "0", channels: 1, why: "they are constant, but not zero, and 2 pads its input with zeros" },
  ]);
  expect(difference).toBeLessThan(1e-6);
});

test("a channel that nothing reads goes, and with it those that only it read", async () => {
  const build = () => {
    manualSeed(2);
    return new Sequential([new Linear(5, 4), new ReLU(), new Linear(4, 3), new ReLU(), new Linear(3, 2)]);
  };
  const state = valuesOf(build());
  // Output 2 of layer 2 is not read; it alone read output 3 of layer 0.
  put(state, "4.weight", [1, 2, 0, 3, 4, 0]);
  put(state, "2.weight", [1, 1, 1, 0, 1, -1, 1, 0, 1, 1, 1, 1]);
  const { plan, difference } = await compacted(build, state, { sample: [5] });
  expect(plan.layers.map(({ outputs }) => outputs)).toEqual([
    [4, 3],
    [3, 2],
    [2, 2],
  ]);
  expect(plan.layers.map(({ weights }) => weights)).toEqual([
    [20, 15],
    [12, 6],
    [6, 4],
  ]);
  expect(difference).toBeLessThan(1e-6);
});

test("without a dead channel and without folding, the weights and outputs are the same bits", async () => {
  const build = () => {
    manualSeed(3);
    return new ResNetCifar({ width: 4, blocks: 1 });
  };
  const state = withDeadChannels(build(), { sample: [3, 16, 16], share: 0 });
  const { plan, before, after } = await compacted(build, state, { sample: [3, 16, 16], fold: false });
  expect(plan.sizes).toEqual({});
  expect(plan.kept).toEqual([]);
  expect([...plan.weights]).toEqual([...state]);
  expect(after).toEqual(before);
});

test("channels of a residual sum go if they are dead in every branch, also where a shortcut adds zeros", async () => {
  const build = () => {
    manualSeed(3);
    return new ResNetCifar({ width: 4, blocks: 2 });
  };
  const sample = [3, 16, 16];
  const state = withDeadChannels(build(), { sample, share: 0 });
  const silence = (path: string, norm: string, o: number) => {
    const { data, shape } = state.get(`${path}.weight`)!;
    data.fill(0, (o * data.length) / shape[0]!, ((o + 1) * data.length) / shape[0]!);
    for (const name of ["weight", "bias"]) state.get(`${norm}.${name}`)!.data[o] = 0;
  };
  // Channel 1 of the first stage is channel 2 + 1 of the second and 4 + 2 + 1 of the third.
  silence("conv1", "bn1", 1);
  for (const [layer, o] of [
    ["layer1", 1],
    ["layer2", 3],
    ["layer3", 7],
  ] as const)
    for (const block of [0, 1]) silence(`${layer}.${block}.conv2`, `${layer}.${block}.bn2`, o);
  // A zero that the first shortcut adds, dead in the second stage; it is channel 4 of the third.
  for (const block of [0, 1]) {
    silence(`layer2.${block}.conv2`, `layer2.${block}.bn2`, 0);
    silence(`layer3.${block}.conv2`, `layer3.${block}.bn2`, 4);
  }
  // Dead in one branch alone.
  silence("layer1.0.conv2", "layer1.0.bn2", 2);
  const { plan, difference } = await compacted(build, state, { sample });
  const outputs = Object.fromEntries(plan.layers.map(({ name, outputs }) => [name, outputs]));
  expect(outputs).toMatchObject({
    conv1: [4, 3],
    "layer1.1.conv2": [4, 3],
    "layer2.1.conv2": [8, 6],
    "layer3.1.conv2": [16, 14],
  });
  expect(plan.sizes["layer2.0"]).toEqual({ zeros: [1, 2] });
  expect(plan.kept).toMatchObject([{ name: "layer1.0.conv2", channels: 1 }]);
  expect(plan.kept[0]!.why).toMatch(/^they are joined with live channels that/);
  expect(difference).toBeLessThan(1e-5);
});

test("a layer keeps at least one channel if a shortcut goes around it", async () => {
  const build = () => {
    manualSeed(3);
    return new ResNetCifar({ width: 4, blocks: 1 });
  };
  const state = withDeadChannels(build(), { sample: [3, 16, 16], share: 0 });
  state.get("layer1.0.conv1.weight")!.data.fill(0);
  state.get("layer1.0.bn1.weight")!.data.fill(0);
  state.get("layer1.0.bn1.bias")!.data.fill(0);
  const { plan, difference } = await compacted(build, state, { sample: [3, 16, 16] });
  expect(plan.layers[1]).toMatchObject({ name: "layer1.0.conv1", outputs: [4, 1] });
  expect(plan.kept[0]).toEqual({ name: "layer1.0.conv1", channels: 1, why: "layer1.0.conv1 has at least one channel" });
  // Its outputs are constant, and added to live ones.
  expect(plan.kept[1]).toMatchObject({ name: "layer1.0.conv2", channels: 4 });
  expect(difference).toBeLessThan(1e-5);
});

test("refuses a dead network, and names its layers", () => {
  const model = pairOf(1)();
  const state = valuesOf(model);
  for (const o of [0, 1, 2]) kill(state, "0", o, -1);
  const plan = () => planCompaction(model, { sample: [2, 8, 8], weights: state });
  expect(plan).toThrow(OpError);
  expect(plan).toThrow(
    "compact: the network is dead: its outputs are the same for every input; layers without live outputs: 0",
  );
});

test("channels that an unknown op reads stay", async () => {
  const build = () => {
    manualSeed(5);
    return new Sequential([new Conv2d(2, 4, 3), new GroupNorm(2, 4), new ReLU(), new Conv2d(4, 2, 1)]);
  };
  const state = valuesOf(build());
  kill(state, "0", 1, 0);
  const { plan, difference } = await compacted(build, state, { sample: [2, 6, 6] });
  expect(plan.layers.map(({ outputs }) => outputs)).toEqual([
    [4, 4],
    [2, 2],
  ]);
  expect(plan.kept).toEqual([
    { name: "0", channels: 1, why: "groupNorm in 1 reads them, an op that compaction does not cross" },
  ]);
  expect(difference).toBe(0);
});

test("layers that run twice stay as they are", async () => {
  class Twice extends Module<[x: Tensor], Tensor> {
    readonly layer = new Linear(4, 4);
    readonly last = new Linear(4, 2);
    forward(x: Tensor): Tensor {
      return this.last.forward(this.layer.forward(this.layer.forward(x)));
    }
  }
  const build = () => {
    manualSeed(6);
    return new Twice();
  };
  const state = valuesOf(build());
  kill(state, "layer", 1, 0);
  const { plan, difference } = await compacted(build, state, { sample: [4] });
  expect(plan.sizes).toEqual({});
  expect(difference).toBe(0);
});

test("neurons go if their constant current never makes them spike", async () => {
  const build = () => {
    manualSeed(7);
    return new SpikingCnn({ channels: 1, size: 12, width: 4, timeSteps: 4 });
  };
  const sample = [1, 12, 12];
  const state = withDeadChannels(build(), { sample, share: 0 });
  // Batch norm of weight 0 gives its bias: LIF neurons with tau 2 and threshold 1 spike at a constant current above 1.
  put(state, "bn1.weight", [0, 0, 0, 1]);
  put(state, "bn1.bias", [0.9, 1.1, -3, 0.2]);
  const { plan, difference } = await compacted(build, state, { sample });
  expect(plan.layers[0]).toMatchObject({ name: "conv1", outputs: [4, 2] });
  expect(difference).toBeLessThan(1e-5);
});

test("compacts a model in place, and its outputs stay", async () => {
  using _scope = new Scope();
  manualSeed(8);
  const model = new Sequential([
    new Conv2d(2, 4, 3, { bias: false }),
    new BatchNorm2d(4),
    new ReLU(),
    new Conv2d(4, 2, 3),
  ]).eval();
  const weight = model.parameters()[0]!;
  const values = randomArray(72, 2);
  values.fill(0, 18, 36);
  weight.set(values);
  const x = tensor(randomArray(2 * 2 * 64, 1), [2, 2, 8, 8]);
  const before = await model.forward(x).data();
  const { weights, layers } = await compact(model, { sample: [2, 8, 8] });
  expect(layers[0]!.outputs).toEqual([4, 3]);
  expect([...weights.keys()]).toEqual([...model.namedState()].map(([name]) => name));
  expect([...weights.keys()].sort()).toEqual(["0.bias", "0.weight", "3.bias", "3.weight"]);
  const after = await model.forward(x).data();
  expect(Math.max(...before.map((v, i) => Math.abs(v - after[i]!)))).toBeLessThan(1e-6);
  model.dispose();
});

test("refuses sizes that do not fit the model", () => {
  const model = () => new Sequential([new Conv2d(2, 4, 3), new BatchNorm2d(4)]);
  const apply = (sizes: unknown) => () => applyCompaction(model(), sizes as never);
  expect(apply(null)).toThrow("applyCompaction: sizes: expected an object of layers by path, got null");
  expect(apply({ 7: { weight: [1, 2, 3, 3] } })).toThrow(
    "7: expected a layer with channels, as the model was compacted, got none",
  );
  expect(apply({ 0: { weight: [1, 2, 5, 5] } })).toThrow(
    "0.weight: expected a shape that fits [4,2,3,3], got [1,2,5,5]",
  );
  expect(apply({ 0: { weight: [0, 2, 3, 3] } })).toThrow("0.weight: expected a shape");
  expect(apply({ 0: { weight: [4, 1, 3, 3], groups: 3 } })).toThrow(
    "0: groups: expected a divisor of 4 channels, got 3",
  );
  expect(apply({ 1: { channels: -1 } })).toThrow("1: channels: expected an integer >= 0, got -1");
  expect(apply({ 1: 3 })).toThrow("1: expected the sizes of a layer, got 3");
});

test("refuses weights that do not fit, and unknown options", () => {
  const model = new Sequential([new Linear(3, 2)]);
  const plan = (options: object) => () => planCompaction(model, { sample: [3], ...options } as never);
  expect(plan({ weights: {} })).toThrow("weights: expected the result of await model.stateDict()");
  expect(plan({ weights: new Map() })).toThrow("weights: expected 0.weight, got none");
  const short = new Map([["0.weight", { data: new Float32Array(2), shape: [2] }]]);
  expect(plan({ weights: short })).toThrow("weights: 0.weight: expected [2,3], got [2]");
  expect(plan({ weights: valuesOf(model), folds: true })).toThrow("folds");
});
