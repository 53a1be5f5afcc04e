// Small spiking networks that learn, and residual blocks that start as the identity.
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { sewKeyToSpikingJelly, sewStateFromSpikingJelly } from "../../src/io/index.ts";
import { buildModel, SewBasicBlock, SewBottleneck, SewDvs, SewNet, SpikingCnn } from "../../src/models/index.ts";
import { firingCurrent, neuronMaker } from "../../src/models/spiking/input.ts";
import {
  checkpointActivations,
  IFNode,
  type Module,
  manualSeed,
  RandomState,
  Sequential,
  SpikingNode,
} from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { TrainStep } from "../../src/train/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray, randomInts } from "../support/random.ts";

const neurons = () => new IFNode({ surrogate: "atan", detachReset: true });
const spikes = (shape: readonly number[], seed = 1) =>
  tensor(
    randomArray(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ).map((v) => (v > 0.3 ? 1 : 0)),
    shape,
  );
const values = async (t: Tensor) => [...(await t.data())];

describe("blocks", () => {
  test("AND starts as the identity with leaking neurons too", async () => {
    using _scope = new Scope();
    for (const neuron of ["lif", "plif"] as const) {
      const options = { neuron, tau: 1.6, vThreshold: 0.7 };
      const config = { neurons: neuronMaker(options), firingCurrent: firingCurrent(options) };
      const block = new SewBasicBlock(2, 2, 1, { ...config, connect: "AND", zeroInit: true });
      const x = spikes([3, 2, 2, 3, 3]);
      expect(await values(block.forward(x))).toEqual(await values(x));
      block.dispose();
    }
  });

  test.each(["ADD", "AND", "IAND"] as const)(
    "%s starts as the identity, in training and in evaluation",
    async (connect) => {
      using _scope = new Scope();
      const x = spikes([3, 2, 8, 4, 4]);
      for (const block of [
        new SewBasicBlock(8, 8, 1, { connect, zeroInit: true, neurons }),
        new SewBottleneck(8, 2, 1, { connect, zeroInit: true, neurons }),
      ]) {
        for (const training of [true, false]) {
          block.train(training);
          expect(await values(block.forward(x))).toEqual(await values(x));
        }
        block.dispose();
      }
    },
  );

  test("without it the branch fires, and joins correctly", async () => {
    using _scope = new Scope();
    const x = spikes([3, 2, 4, 6, 6]);
    const joined = {
      ADD: (a: number, b: number) => a + b,
      AND: (a: number, b: number) => a * b,
      IAND: (a: number, b: number) => a * (1 - b),
    };
    for (const connect of ["ADD", "AND", "IAND"] as const) {
      manualSeed(1);
      const block = new SewBasicBlock(4, 4, 1, { connect, neurons });
      const heard: Tensor[] = [];
      block.sn2.observer = (event) => heard.push(event.spikes);
      const y = await values(block.forward(x));
      const [branch, identity] = [await values(heard[0]!), await values(x)];
      expect(new Set(branch)).toEqual(new Set([0, 1]));
      expect(y).toEqual(identity.map((v, i) => joined[connect](v, branch[i]!)));
      block.dispose();
    }
  });

  test("a shortcut of convolution, batch norm and neurons gives spikes of the new shape", async () => {
    using _scope = new Scope();
    manualSeed(1);
    const block = new SewBasicBlock(4, 8, 2, { neurons });
    const y = block.forward(spikes([2, 3, 4, 6, 6]));
    expect(y.shape).toEqual([2, 3, 8, 3, 3]);
    expect(new Set(await values(y))).toEqual(new Set([0, 1, 2]));
    block.dispose();
  });
});

test("a state_dict with SpikingJelly's names loads, and gives the same output", async () => {
  using _scope = new Scope();
  class Net extends Sequential {
    readonly layer1: Sequential;
    constructor() {
      super([]);
      this.layer1 = new Sequential([new SewBasicBlock(4, 8, 2, { neurons }), new SewBottleneck(8, 2, 1, { neurons })]);
    }
    override forward(x: Tensor): Tensor {
      return this.layer1.forward(x);
    }
  }
  manualSeed(1);
  const from = new Net();
  manualSeed(2);
  const to = new Net();
  const x = spikes([2, 2, 4, 6, 6]);
  const want = await values(from.forward(x));
  const theirs = new Map([...(await from.stateDict())].map(([name, array]) => [sewKeyToSpikingJelly(name), array]));
  expect(theirs.has("layer1.0.downsample.1.weight")).toBe(true);
  theirs.set("layer1.0.bn1.num_batches_tracked", { data: Int32Array.of(7), shape: [] });
  expect(() => to.loadStateDict(theirs)).toThrow("layer1.0.conv1.weight is unknown");
  to.loadStateDict(sewStateFromSpikingJelly(theirs));
  for (const m of [from, to]) m.train();
  expect(await values(to.forward(x))).toEqual(want);
  for (const m of [from, to]) m.dispose();
});

interface Run {
  readonly model: Module;
  readonly sample: readonly number[];
  readonly x: Float32Array;
  readonly classes: number;
  readonly steps?: number;
  readonly lr?: number;
  readonly random?: RandomState;
  readonly replay?: boolean;
}

/** Losses of SGD on one batch of four. */
async function train({ model, sample, x, classes, steps = 3, lr = 0.05, random, replay = true }: Run) {
  const optimizer = new SGD(model.parameters(), { lr, momentum: 0.9 });
  const step = new TrainStep({ model, optimizer, sample, replay, ...(random ? { random } : {}) });
  const y = randomInts(4, classes, 3);
  for (let i = 0; i < steps; i++) {
    step.run({ x, y, size: 4 }, { step: i, lr });
  }
  const { steps: metrics, badStep } = await step.read(0, steps);
  expect(badStep).toBe(null);
  const state = new Map([...(await model.stateDict())].map(([name, a]) => [name, [...a.data]]));
  step.dispose();
  optimizer.dispose();
  model.dispose();
  random?.dispose();
  return { losses: metrics.map((m) => m.loss), state };
}

const pixels = (n: number, seed = 1) => randomArray(n, seed).map((v) => Math.min(Math.abs(v) / 2, 0.999));
const small = { size: 8, width: 4, classes: 3, timeSteps: 3 } as const;
const image = { sample: [1, 8, 8], x: pixels(4 * 64), classes: 3 } as const;

describe("training", () => {
  test("SpikingCnn of a constant image: the loss falls in 20 steps, replayed and not, to the same bits", async () => {
    const runs = [];
    for (const replay of [true, false]) {
      manualSeed(4);
      runs.push(await train({ model: new SpikingCnn(small), ...image, steps: 20, replay }));
    }
    const { losses } = runs[0]!;
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
    expect(runs[1]).toEqual(runs[0]);
  });

  test("SpikingCnn with Poisson spikes depends on the random state, and learns", async () => {
    const run = async (seed: number, steps: number) => {
      const random = new RandomState(seed);
      manualSeed(4);
      const model = new SpikingCnn({ ...small, encoder: "poisson", random });
      return (await train({ model, ...image, random, steps })).losses;
    };
    const losses = await run(1, 20);
    expect(Math.min(...losses.slice(-5))).toBeLessThan(0.7 * losses[0]!);
    expect(await run(1, 3)).toEqual(losses.slice(0, 3));
    expect(await run(2, 3)).not.toEqual(losses.slice(0, 3));
  });

  test("SpikingCnn of event frames, with PLIF: every parameter moves", async () => {
    manualSeed(4);
    const model = new SpikingCnn({ ...small, channels: 6, frames: true, neuron: "plif" });
    expect(model.conv1.weight.shape).toEqual([4, 2, 5, 5]);
    const before = await model.stateDict();
    const events = Float32Array.from(randomInts(4 * 6 * 64, 4, 1));
    const { losses, state } = await train({ model, sample: [6, 8, 8], x: events, classes: 3, steps: 5 });
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    for (const [name, values] of state) expect(values, name).not.toEqual([...before.get(name)!.data]);
    expect([...state.keys()].filter((name) => name.endsWith(".w"))).toEqual(["sn1.w", "sn2.w", "sn3.w"]);
  });

  test("SewNet learns", async () => {
    manualSeed(4);
    const model = new SewNet({ width: 4, classes: 3, timeSteps: 3 });
    const { losses } = await train({ model, ...image, steps: 10 });
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  });

  test("SewDvs of two stages, blocks checkpointed or not: the same bits", async () => {
    const x = Float32Array.from(randomInts(4 * 6 * 64, 3, 2));
    const runs = [];
    for (const on of [false, true]) {
      manualSeed(4);
      const model = new SewDvs({ widths: [4, 4], channels: 6, size: 8, classes: 3, timeSteps: 3, zeroInit: true });
      if (on) for (const [, m] of model.namedModules()) if (m instanceof SewBasicBlock) checkpointActivations(m);
      runs.push(await train({ model, sample: [6, 8, 8], x, classes: 3, steps: 4 }));
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[0]!.losses.at(-1)).toBeLessThan(runs[0]!.losses[0]!);
  });
});

test("a constant image equals its repetition through the encoder", async () => {
  using _scope = new Scope();
  // One spike train is the image itself where all pixels are 0 or 1: at a rate of 1, each pixel fires at every step.
  const x = spikes([4, 1, 8, 8]);
  const random = new RandomState(1);
  manualSeed(4);
  const direct = new SpikingCnn(small);
  const state = await direct.stateDict();
  const coded = new SpikingCnn({ ...small, encoder: "poisson", random });
  coded.loadStateDict(state);
  const results: Map<string, Float32Array>[] = [];
  for (const model of [direct, coded]) {
    using tape = new Tape();
    const y = tape.keep(model.forward(x));
    tape.backward(y, tensor(randomArray(y.numel, 2), y.shape));
    const out = new Map([["logits", (await y.data()) as Float32Array]]);
    for (const [name, p] of model.namedParameters()) {
      out.set(name, (await p.grad!.data()) as Float32Array);
      p.grad!.dispose();
    }
    results.push(out);
  }
  const [a, b] = results as [Map<string, Float32Array>, Map<string, Float32Array>];
  for (const [name, want] of b) expectClose(a.get(name)!, want, { rtol: 1e-4, atol: 1e-5 }, name);
  direct.dispose();
  coded.dispose();
  random.dispose();
});

test("observers in every layer change nothing", async () => {
  using _scope = new Scope();
  const model = buildModel("spiking-cnn", { channels: 1, size: 8, classes: 3 }, { spiking: { timeSteps: 3 } });
  model.eval();
  const x = tensor(pixels(4 * 64), [4, 1, 8, 8]);
  const plain = await values(model.forward(x));
  const layers = [...model.namedModules()].flatMap(([, m]) => (m instanceof SpikingNode ? [m] : []));
  const heard: Tensor[] = [];
  for (const m of layers) m.observer = (event) => heard.push(event.spikes);
  expect(await values(model.forward(x))).toEqual(plain);
  expect(heard.map((t) => t.shape)).toEqual([
    [3, 4, 8, 4, 4],
    [3, 4, 16, 2, 2],
    [3, 4, 128],
  ]);
  for (const t of heard) expect((await values(t)).every((v) => v === 0 || v === 1)).toBe(true);
  model.dispose();
});
