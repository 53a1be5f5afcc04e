// Operations of spiking networks against counts made one by one on the host.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  type Conv2dConfig,
  checkpointActivations,
  Flatten,
  IFNode,
  LIFNode,
  Linear,
  Module,
  ReLU,
  SeqToANNContainer,
  Sequential,
  type SpikeEvent,
  summarize,
} from "../../src/nn/index.ts";
import { foldTime, unfoldTime } from "../../src/nn/time.ts";
import { mean } from "../../src/ops/index.ts";
import { readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { captureSpikes, type HostBatch, measureActivity, PICOJOULES } from "../../src/train/index.ts";
import { type ConvCase, convolve, weightShape } from "../reference/conv2d.ts";
import { randomArray, randomInts } from "../support/random.ts";

const T = 3;

/** conv - LIF - conv - IF - flatten - fc on an image shown at every step; the first convolution runs once. */
class Net extends Module {
  conv1: Conv2d;
  lif: LIFNode;
  conv2: Conv2d;
  node: IFNode;
  fc: Linear;

  constructor(config: Conv2dConfig, fcInputs: number) {
    super();
    this.conv1 = new Conv2d(2, 4, 3, { padding: 1 });
    this.lif = new LIFNode({ tau: 1.5, vThreshold: 0.3 });
    this.conv2 = new Conv2d(4, 6, [3, 2], config);
    this.node = new IFNode({ vThreshold: 0.2, vReset: null });
    this.fc = new Linear(fcInputs, 5);
  }

  forward(x: Tensor): Tensor {
    const first = this.lif.forwardConstant(this.conv1.forward(x), T);
    const second = this.node.forward(unfoldTime(this.conv2.forward(foldTime(first)), T));
    const [, n] = second.shape as [number, number];
    const flat = new Flatten().forward(foldTime(second));
    return mean(unfoldTime(this.fc.forward(flat), T).alias([T, n, 5]), { axes: [0] });
  }
}

const SAMPLE = [2, 7, 6] as const;

function batch(size: number, seed: number): HostBatch & { readonly x: Float32Array } {
  return { x: randomArray(size * 84, seed), y: randomInts(size, 5, seed), size };
}

/** Random weights of which about half are exactly zero. */
function sparsify(model: Module): void {
  let seed = 40;
  for (const p of model.parameters()) {
    if (p.prunable) p.set(randomArray(p.numel, seed++, 0.6).map((w) => (w < 0 ? 0 : w)));
    else p.set(randomArray(p.numel, seed++, 0.1));
  }
}

/** Read back the inputs and outputs of a net's layers. */
async function observe(model: Net, { x, size }: ReturnType<typeof batch>) {
  const seen: Record<string, Tensor> = {};
  const keep = (name: string) => (event: SpikeEvent) => {
    seen[name] = event.spikes.alias(event.spikes.shape, false);
  };
  model.eval();
  model.lif.observer = keep("lif");
  model.node.observer = keep("node");
  {
    using _scope = new Scope();
    noGrad(() => model.forward(tensor(x, [size, ...SAMPLE])));
  }
  model.lif.observer = null;
  model.node.observer = null;
  model.train();
  const [lif, node] = await readAll(seen["lif"]!, seen["node"]!);
  for (const t of Object.values(seen)) t.dispose();
  return { lif: lif as Float32Array, node: node as Float32Array };
}

const total = (values: ArrayLike<number>) =>
  Array.prototype.reduce.call(values, (n, v) => (n as number) + (v as number), 0) as number;
const ones = (w: ArrayLike<number>) => Float64Array.from(w, (v) => (v === 0 ? 0 : 1));

/** Counted by hand: a convolution with ones in place of weights adds up one for each product. */
const operations = (c: ConvCase, x: ArrayLike<number>, w: ArrayLike<number>) => total(convolve(c, x, ones(w)));

let live = 0;
beforeEach(() => {
  live = currentGpu().memory().live;
});
afterEach(() => {
  expect(currentGpu().memory().live).toBe(live);
});

const base = { kernel: [3, 2] as const, outputs: 6 };
const shapes: [string, Omit<ConvCase, "x">][] = [
  ["borders", { ...base, stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 }],
  ["no padding", { ...base, stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 }],
  ["strides that leave pixels out", { ...base, stride: [2, 3], padding: [1, 0], dilation: [1, 1], groups: 1 }],
  ["groups and dilation", { ...base, stride: [1, 2], padding: [2, 1], dilation: [2, 1], groups: 2 }],
];

describe("measureActivity", () => {
  test.each(shapes)("counts synaptic operations exactly: %s", async (_name, c) => {
    const { kernel: _k, outputs: _o, ...config } = c;
    const one: ConvCase = { ...c, x: [1, 4, 7, 6] };
    const places =
      convolve(one, new Float64Array(168), new Float64Array(total([...weightShape(one)]) * 100)).length / 6;
    const model = new Net(config, 6 * places);
    sparsify(model);
    const batches = [batch(6, 1), batch(6, 2), batch(2, 3)];
    const [w1, w2, wf] = await readAll(model.conv1.weight, model.conv2.weight, model.fc.weight);
    let lifSpikes = 0;
    let nodeSpikes = 0;
    let conv2 = 0;
    let fc = 0;
    let conv1 = 0;
    for (const b of batches) {
      const seen = await observe(model, b);
      lifSpikes += total(seen.lif);
      nodeSpikes += total(seen.node);
      conv2 += operations({ ...c, x: [T * b.size, 4, 7, 6] }, seen.lif, w2!);
      seen.node.forEach((s, i) => {
        for (let o = 0; o < 5; o++) if (wf![o * 6 * places + (i % (6 * places))] !== 0) fc += s;
      });
      const first: ConvCase = {
        x: [b.size, 2, 7, 6],
        outputs: 4,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
      };
      conv1 += operations(first, new Float64Array(b.x.length).fill(1), w1!);
    }
    expect(conv2).toBeGreaterThan(100);
    expect(fc).toBeGreaterThan(10);

    const activity = await measureActivity(model, batches, { sample: SAMPLE });
    const [a, b, d] = activity.weighted;
    expect(activity).toMatchObject({ samples: 14, timeSteps: T });
    expect(activity.weighted.map((l) => [l.name, l.kind, l.input])).toEqual([
      ["conv1", "conv", "analog"],
      ["conv2", "conv", "spikes"],
      ["fc", "linear", "spikes"],
    ]);
    expect(Math.round(a!.operations * 14)).toBe(conv1);
    expect(b!.operations).toBe(conv2 / 14);
    expect(d!.operations).toBe(fc / 14);
    expect(b!.nonzero).toBe(total(ones(w2!)));

    const [lif, node] = activity.spiking;
    expect(lif).toMatchObject({ name: "lif", type: "LIFNode", neurons: 168, timeSteps: T, spikes: lifSpikes / 14 });
    expect(lif!.rate).toBeCloseTo(lifSpikes / (14 * T * 168), 12);
    expect(node).toMatchObject({ name: "node", neurons: 6 * places, spikes: nodeSpikes / 14 });
    const order = [...activity.spiking, ...activity.weighted].sort((x, y) => x.order - y.order).map((l) => l.name);
    expect(order).toEqual(["conv1", "lif", "conv2", "node", "fc"]);

    const macs = a!.operations;
    expect(activity.total.synOps).toBeCloseTo((conv2 + fc) / 14, 9);
    expect(activity.total.energy).toBeCloseTo(
      macs * PICOJOULES.multiplyAccumulate + ((conv2 + fc) / 14) * PICOJOULES.accumulate,
      6,
    );
    // The first convolution runs once, the others at every step.
    const ann = 72 * 42 + w2!.length * places + 5 * 6 * places;
    expect(activity.total.annMacs).toBe(ann);
    expect(activity.total.denseMacs).toBe(72 * 42 + T * (ann - 72 * 42));
    expect(activity.total.annEnergy).toBeCloseTo(ann * 4.6, 6);
    expect(activity.total.rate).toBeCloseTo((lifSpikes + nodeSpikes) / 14 / (T * (168 + 6 * places)), 12);
    model.dispose();
  });

  test("a plain network has multiply-accumulates only, as many as its summary says when nothing is padded", async () => {
    const model = new Sequential([
      new Conv2d(2, 4, 3, { stride: 1 }),
      new ReLU(),
      new Flatten(),
      new Linear(4 * 5 * 4, 7),
      new Linear(7, 5, { bias: false }),
    ]);
    for (const p of model.parameters()) p.set(randomArray(p.numel, 5).map((w) => w + 9)); // none is zero
    // Whole numbers come in, and still nothing spikes.
    const whole = { ...batch(4, 2), x: Float32Array.from(randomInts(4 * 84, 255)) };
    const activity = await measureActivity(model, [whole], { sample: SAMPLE });
    expect(activity.spiking).toEqual([]);
    expect(activity.timeSteps).toBe(1);
    const { macs } = summarize(model, SAMPLE);
    expect(activity.total).toMatchObject({ macs, annMacs: macs, denseMacs: macs, synOps: 0, neurons: 0, rate: null });
    expect(activity.total.energy).toBe(activity.total.annEnergy);
    // Half of the weights of one layer gone.
    const fc = model.at(3) as Linear;
    fc.weight.set(Float32Array.from({ length: fc.weight.numel }, (_, i) => i % 2));
    const less = await measureActivity(model, [whole], { sample: SAMPLE });
    expect(less.weighted[1]).toMatchObject({ nonzero: 280, weights: 560, operations: 280, denseMacs: 560 });
    model.dispose();
  });
});

describe("measureActivity in special cases", () => {
  test("measures fused layers, and counts pooled spikes as analog values", async () => {
    class Fused extends Module {
      conv = new Conv2d(2, 4, 3, { padding: 1, bias: false });
      bn = new BatchNorm2d(4);
      lif = new LIFNode({ vThreshold: 0.3 });
      block = new SeqToANNContainer(new Conv2d(4, 4, 3, { padding: 1 }), new BatchNorm2d(4));
      node = new IFNode({ vThreshold: 5 });
      head = new SeqToANNContainer(new AvgPool2d({ kernel: [7, 6] }), new Flatten(), new Linear(4, 5));
      forward(x: Tensor): Tensor {
        const y = this.lif.forwardBatchNorm(this.bn, this.conv.forward(x), T, { constant: true });
        return mean(this.head.forward(this.block.forwardInto(this.node, y)), { axes: [0] });
      }
    }
    const model = new Fused();
    sparsify(model);
    for (const [name, p] of model.namedParameters()) {
      if (!p.prunable) p.set(new Float32Array(p.numel).fill(name === "bn.weight" || name.endsWith("1.weight") ? 1 : 0));
    }
    const { weighted, spiking } = await measureActivity(model, [batch(3, 1)], { sample: SAMPLE });
    expect(weighted.map((l) => [l.name, l.input])).toEqual([
      ["conv", "analog"],
      ["block.module.0", "spikes"],
      ["head.module.2", "analog"],
    ]);
    expect(spiking.map((l) => l.name)).toEqual(["lif", "node"]);
    expect(spiking.every((l) => l.rate > 0 && l.rate < 1)).toBe(true);
    expect(weighted[2]?.operations).toBe(T * (weighted[2]?.nonzero as number));
    // Silence in the samples looked at first says nothing: what follows does.
    const silent = { ...batch(4, 1), x: new Float32Array(4 * 84) };
    const later = await measureActivity(model, [silent, batch(3, 1)], { sample: SAMPLE });
    expect(later.spiking.every((l) => l.rate > 0)).toBe(true);
    expect(later.weighted.map((l) => l.input)).toEqual(["analog", "spikes", "analog"]);
    model.dispose();
  });

  test("a layer used twice counts twice, with its weights counted once", async () => {
    class Twice extends Module {
      a = new Linear(84, 84, { bias: false });
      same = this.a;
      node = new IFNode({ vThreshold: 1e-3 });
      forward(x: Tensor): Tensor {
        const y = this.same.forward(this.a.forward(new Flatten().forward(x)));
        return mean(this.node.forwardConstant(y, 2), { axes: [0] });
      }
    }
    const model = new Twice();
    const { weighted, total: sums } = await measureActivity(model, [batch(3, 1)], { sample: SAMPLE });
    expect(weighted).toHaveLength(1);
    expect(sums).toMatchObject({ weights: 84 * 84, nonzero: 84 * 84, macs: 2 * 84 * 84 });
    model.dispose();
  });

  test("stops at a limit and restores everything, also after an error", async () => {
    const model = new Net({ padding: [1, 1] }, 6 * 7 * 7);
    sparsify(model);
    checkpointActivations(model.conv2);
    const own = Object.getOwnPropertyDescriptor(model.conv2, "forward");
    let heard = 0;
    const observer = () => void heard++;
    model.lif.observer = observer;
    model.fc.training = false;
    const untouched = () => {
      expect(model.lif.observer).toBe(observer);
      expect(model.node.observer).toBeNull();
      expect(Object.getOwnPropertyDescriptor(model.conv2, "forward")).toEqual(own);
      expect(Object.hasOwn(model.conv1, "forward")).toBe(false);
      expect([model.training, model.conv1.training, model.fc.training]).toEqual([true, true, false]);
    };
    const activity = await measureActivity(model, [batch(6, 1), batch(6, 2), batch(6, 3)], {
      sample: SAMPLE,
      limit: 7,
    });
    expect(activity.samples).toBe(12);
    expect(heard).toBe(3); // two batches and the look ahead
    untouched();
    await expect(measureActivity(model, [{ ...batch(2, 1), size: 3 }], { sample: SAMPLE })).rejects.toThrow(
      "a batch of 3 samples [2,7,6]: expected 252 values, got 168",
    );
    await expect(measureActivity(model, [], { sample: SAMPLE })).rejects.toThrow("expected at least one sample");
    await expect(measureActivity(model, [], { sample: SAMPLE, limit: 0 })).rejects.toThrow(
      "limit: expected a number > 0",
    );
    const broken = new Net({ padding: [1, 1] }, 5); // fc does not fit
    await expect(measureActivity(broken, [batch(2, 1)], { sample: SAMPLE })).rejects.toThrow("linear");
    await expect(captureSpikes(broken, batch(2, 1), { sample: SAMPLE })).rejects.toThrow("linear");
    expect(Object.hasOwn(broken.conv1, "forward")).toBe(false);
    untouched();
    model.dispose();
    broken.dispose();
  });
});

describe("captureSpikes", () => {
  test("gives spikes and potentials of the layers, and the predictions", async () => {
    const model = new Net({ padding: [1, 1] }, 6 * 7 * 7);
    sparsify(model);
    const data: HostBatch = { ...batch(5, 1), y: Int32Array.of(3, 3, 1, 3, 1) };
    const figure = await captureSpikes(model, data, {
      sample: SAMPLE,
      samples: 3,
      neurons: 30,
      classes: ["a", "b", "c", "d"],
      traceLayer: "node",
      traceNeurons: [0, 17],
    });
    // One of each class first, shown by class.
    expect(figure.samples.map((s) => s.label)).toEqual(["b", "d", "d"]);
    expect(figure).toMatchObject({ timeSteps: T, vThreshold: 0.2, vReset: null });
    const x = new Float32Array(3 * 84);
    for (const [i, at] of [2, 0, 1].entries()) x.set(data.x.subarray(at * 84, (at + 1) * 84), i * 84);
    const seen = await observe(model, { x, y: Int32Array.of(1, 3, 3), size: 3 });
    for (const [name, all] of Object.entries(seen)) {
      const raster = figure.layers.find((l) => l.name === name)!;
      const { neurons, shown, spikes } = raster;
      expect(shown).toHaveLength(15);
      expect([...shown]).toEqual([...new Set(shown)].sort((a, b) => a - b));
      expect(raster.rate).toBeCloseTo(total(all) / all.length, 12);
      for (let s = 0; s < 3; s++) {
        for (let t = 0; t < T; t++) {
          for (let i = 0; i < 15; i++) {
            expect(spikes[(s * T + t) * 15 + i]).toBe(all[(t * 3 + s) * neurons + shown[i]!]);
          }
        }
      }
    }
    expect(figure.traces.map((t) => [t.name, t.neuron])).toEqual([
      ["node", 0],
      ["node", 17],
    ]);
    for (const { h, spikes } of figure.traces) {
      expect(h).toHaveLength(9);
      h.forEach((v, at) => {
        expect(spikes[at]).toBe(v >= Math.fround(0.2) ? 1 : 0);
      });
    }
    const {
      y: [logits],
    } = await (async () => {
      using _scope = new Scope();
      model.eval();
      const y = noGrad(() => model.forward(tensor(x, [3, ...SAMPLE]))).alias([3, 5], false);
      const read = await readAll(y);
      y.dispose();
      return { y: read };
    })();
    figure.samples.forEach(({ predicted }, s) => {
      const row = [...logits!.subarray(5 * s, 5 * s + 5)];
      expect(predicted).toBe(["a", "b", "c", "d", "4"][row.indexOf(Math.max(...row))]);
    });
    model.dispose();
  });

  test("chooses layers and three typical neurons, with a constant current too", async () => {
    const model = new Net({ padding: [1, 1] }, 6 * 7 * 7);
    sparsify(model);
    const figure = await captureSpikes(model, batch(5, 1), { sample: SAMPLE });
    expect(figure.layers.map((l) => l.name)).toEqual(["lif", "node"]);
    expect(figure.samples).toHaveLength(5);
    expect(figure.traces.map((t) => t.name)).toEqual(["node", "node", "node"]);
    const counts = figure.traces.map((t) => total(t.spikes));
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
    expect(counts[2]).toBeGreaterThan(0);
    // A layer whose current is the same at every step.
    const first = await captureSpikes(model, batch(5, 1), { sample: SAMPLE, traceLayer: "lif" });
    expect(first.traces.map((t) => t.name)).toEqual(["lif", "lif", "lif"]);
    for (const { h, spikes } of first.traces) {
      h.forEach((v, at) => {
        expect(spikes[at]).toBe(v >= Math.fround(0.3) ? 1 : 0);
      });
    }
    await expect(captureSpikes(model, batch(2, 1), { sample: SAMPLE, layers: ["conv1"] })).rejects.toThrow(
      "expected a spiking layer (lif, node), got conv1",
    );
    await expect(
      captureSpikes(model, batch(2, 1), { sample: SAMPLE, traceLayer: "lif", traceNeurons: [168] }),
    ).rejects.toThrow("lif: expected neurons 0 to 167, got 168");
    await expect(captureSpikes(model, batch(2, 1), { sample: SAMPLE, samples: 0 })).rejects.toThrow(
      "samples: expected an integer >= 1, got 0",
    );
    const plain = new Linear(6, 2);
    await expect(captureSpikes(plain, batch(2, 1), { sample: SAMPLE })).rejects.toThrow();
    model.dispose();
    plain.dispose();
  });
});
