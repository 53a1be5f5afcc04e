// Training in f16: activations and their gradients are f16, everything that accumulates is f32.
import { expect } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { ResNetCifar } from "../../src/models/index.ts";
import { BasicBlock } from "../../src/models/resnet_block.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { cast } from "../../src/ops/cast.ts";
import { LossScale } from "../../src/optim/index.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { CheckpointError, GradientSum, Session, type StepRecord, TrainStep } from "../../src/train/index.ts";
import { testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";
import { squares } from "../support/shapes.ts";
import {
  differing,
  finish,
  TINY_LAYERS,
  type TinyMore,
  type TinyPrune,
  tensorOf,
  tinyConfig,
  tinyModel,
  tinyRun,
  tinySession,
} from "../support/tiny_session.ts";

const HALF: TinyMore = { precision: "f16", epochs: 2, logEvery: 3 };
const tiny = (prune: TinyPrune, more: TinyMore = {}) => tinySession(prune, { ...HALF, ...more });

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

const SHAPE = [8, 3, 16, 16] as const;
const images = (seed: number) => randomArray(8 * 3 * 256, seed);
const labels = (seed: number) => Int32Array.from({ length: 8 }, (_, i) => (3 * i + seed) % 10);

/** Gradients of a block with a shortcut, by parameter, from a gradient of its output. */
async function gradients(precision: "f32" | "f16", scale: number): Promise<Map<string, Float32Array>> {
  using _scope = new Scope();
  manualSeed(4);
  const block = new BasicBlock(8, 16, 2);
  const x = cast(tensor(randomArray(8 * 8 * 256, 1), [8, 8, 16, 16]), precision);
  const upstream = tensor(randomArray(8 * 16 * 64, 2, scale), [8, 16, 8, 8]);
  {
    using tape = new Tape();
    const y = block.forward(x);
    expect(y.dtype).toBe(precision);
    tape.backward(y, cast(upstream, precision));
  }
  const out = new Map<string, Float32Array>();
  for (const [name, p] of block.namedParameters()) {
    expect(p.grad!.dtype).toBe("f32");
    const values = (await p.grad!.data()) as Float32Array;
    out.set(
      name,
      values.map((g) => g / scale),
    );
  }
  block.dispose();
  return out;
}

testHalf("gradients of a residual block point where those of f32 do", async () => {
  const full = await gradients("f32", 1);
  const half = await gradients("f16", 16);
  for (const [name, g] of full) expect(cosine(g, half.get(name)!), name).toBeGreaterThan(0.9995);
});

/** Losses of a ResNet-8 in 20 steps on four batches. */
async function losses(precision: "f32" | "f16", replay = true, microBatch = 8) {
  manualSeed(5);
  const model = new ResNetCifar({ blocks: 1, width: 8, shortcut: "projection" });
  const optimizer = new SGD(model.parameters(), { lr: 0.01, momentum: 0.9, weightDecay: 5e-4 });
  const micro = microBatch < 8 ? new GradientSum(optimizer, { batchSize: 8, microBatch }, replay) : undefined;
  const step = new TrainStep({ model, optimizer, sample: SHAPE.slice(1), precision, replay, micro });
  for (let n = 0; n < 20; n++) step.run({ x: images(n % 4), y: labels(n % 4), size: 8 }, { step: n });
  const { steps, lossScale } = await step.read(0, 20);
  const weights = await Promise.all(model.parameters().map((p) => p.data()));
  for (const part of [step, optimizer, model]) part.dispose();
  return { losses: steps.map(({ loss }) => loss), weights, lossScale };
}

testHalf("20 steps of a ResNet-8 have the losses of f32 within 2 percent, and the same bits eagerly", async () => {
  const full = await losses("f32");
  const half = await losses("f16");
  half.losses.forEach((loss, n) => {
    expect(Math.abs(loss / full.losses[n]! - 1), `step ${n}`).toBeLessThan(0.02);
  });
  expect(half.lossScale).toEqual({ scale: 65536, goodSteps: 20, skippedSteps: 0 });
  const eager = await losses("f16", false);
  expect(eager).toEqual(half);
});

testHalf("micro-batches in f16 have the same bits replayed and eagerly", async () => {
  const replayed = await losses("f16", true, 4);
  expect(await losses("f16", false, 4)).toEqual(replayed);
  expect(replayed.losses.at(-1)!).toBeLessThan(replayed.losses[0]!);
});

testHalf("steps that overflow in f16 are skipped until the scale fits, and leave no trace", async () => {
  const run = async (initial: number) => {
    manualSeed(6);
    const model = tinyModel();
    const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });
    const scale = new LossScale(optimizer, { initial });
    const step = new TrainStep({ model, optimizer, sample: [1, 8, 8], precision: "f16" });
    const batch = { x: randomArray(16 * 64, 3), y: Int32Array.from({ length: 16 }, (_, i) => i % 4), size: 16 };
    const before = await scale.read();
    // As many good steps as in a run that skips none.
    for (let n = 0; n < 3; ) {
      step.run(batch, { step: n });
      n = (await scale.read()).goodSteps;
    }
    const weights = await Promise.all(model.parameters().map((p) => p.data()));
    const after = await scale.read();
    for (const part of [step, optimizer, model]) part.dispose();
    return { before, after, weights };
  };
  const high = await run(2 ** 24);
  expect(high.after.skippedSteps).toBeGreaterThan(0);
  expect(high.after.scale).toBe(2 ** (24 - high.after.skippedSteps));
  // A run that begins with the scale that fits.
  const fitting = await run(high.after.scale);
  expect(fitting.after.skippedSteps).toBe(0);
  expect(fitting.weights).toEqual(high.weights);
});

testHalf("a resumed run has the bits of an uninterrupted one, with the loss scale", async () => {
  for (const [prune, more] of [
    [{ threshold: 0.05 }, {}],
    [{ schedule: "pgh-general", beta: 0.1, threshold: 0.05, freezeEpoch: 1 }, {}],
    [{ threshold: 0.05 }, { microBatch: 4 }],
  ] as [TinyPrune, TinyMore][]) {
    const whole = await finish(tiny(prune, more), 1);
    for (const step of [2, 7]) {
      const { bytes, position } = whole.saved.get(step)!;
      expect([...tensorOf(bytes, "loss_scale")]).toEqual([65536, 1 / 65536, step, 0]);
      const session = tiny(prune, more);
      session.load(bytes, "checkpoint");
      expect(differing(await session.save(position), bytes)).toEqual([]);
      const rest = await finish(session);
      expect(differing(rest.bytes, whole.bytes), `resumed at ${step}`).toEqual([]);
    }
  }
});

testHalf("a checkpoint of another precision is refused by name", async () => {
  const [half, full] = [tiny({ threshold: 0.05 }), tiny({ threshold: 0.05 }, { precision: "f32" })];
  const [halfBytes, fullBytes] = [await half.save(), await full.save()];
  expect(() => full.load(halfBytes, "a.safetensors")).toThrow(CheckpointError);
  expect(() => full.load(halfBytes, "a.safetensors")).toThrow(
    "a.safetensors: precision: expected f32, got a checkpoint of f16",
  );
  expect(() => half.load(fullBytes, "b.safetensors")).toThrow(
    "b.safetensors: precision: expected f16, got a checkpoint of f32",
  );
  half.dispose();
  full.dispose();
});

testHalf(
  "soft thresholds prune the f32 weights, zeros stay in the mask phase, and records report the scale",
  async () => {
    const run = await tinyRun({ threshold: 0.08, freezeEpoch: 2 }, { ...HALF, epochs: 3 });
    const steps = run.records.filter((r): r is StepRecord => r.kind === "step");
    expect(steps.map((r) => [r.lossScale, r.skippedSteps])).toEqual(steps.map(() => [65536, 0]));
    const zeros = (bytes: Uint8Array) =>
      Object.keys(TINY_LAYERS).flatMap((name) => [...tensorOf(bytes, `model.${name}`)].map((w) => Number(w === 0)));
    const atFreeze = await finish(tiny({ threshold: 0.08, freezeEpoch: 2 }, { epochs: 3 }), 1);
    const frozen = zeros(atFreeze.saved.get(10)!.bytes);
    expect(frozen.reduce((a, b) => a + b)).toBeGreaterThan(500);
    expect(zeros(run.bytes)).toEqual(frozen);
    expect(steps.at(-1)!.sparsity).toBeCloseTo(frozen.reduce((a, b) => a + b) / frozen.length, 6);
  },
);

testHalf("SNIP cuts about the weights that it cuts in f32", async () => {
  const cut = async (precision: "f32" | "f16") => {
    const { bytes } = await tinyRun({ method: "snip", sparsity: 0.7 }, { ...HALF, precision, epochs: 1 });
    return Object.keys(TINY_LAYERS).flatMap((name) => [...tensorOf(bytes, `model.${name}`)].map((w) => w === 0));
  };
  const [full, half] = [await cut("f32"), await cut("f16")];
  expect(half.filter(Boolean).length).toBe(full.filter(Boolean).length);
  const different = half.filter((zero, i) => zero !== full[i]).length;
  expect(different / half.length).toBeLessThan(0.01);
});

testHalf("a session evaluates in f16 as it trains", async () => {
  manualSeed(5);
  const session = new Session({
    model: tinyModel(),
    data: { train: squares(72, 8, 1), test: squares(60, 8, 9) },
    config: tinyConfig({ threshold: 0.02 }, { precision: "f16", epochs: 3 }),
  });
  const { last } = await session.fit();
  const again = await session.evaluate();
  expect(again.loss).toBe(last!.testLoss);
  expect(last!.testAccuracy).toBeGreaterThan(0.4);
  session.dispose();
});
