// Runs every model family as ONNX in ONNX Runtime and compares the logits with the engine's: dense and pruned, batches of one
// and three from one file.
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { BatchNorm2d, Linear, type Module, ReLU, Sequential, type StateDict } from "../../src/nn/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { loadOnnx, pruned, relativeError } from "./onnx_runtime.ts";

/** Tolerance relative to the largest logit. Observed: 1e-7 to 4e-6, growing with the number of layers and terms of a sum. */
const TOLERANCE = 1e-4;
/** Tolerance relative to the change between two images, which is small in a pruned network with random weights. */
const OF_IMAGE = 1e-2;

/** Normal values, as many as no layer's own size divides: weights of millions are cut out of them. */
const normals = randomArray(65521, 3);
const weightValues = (n: number, from: number, scale: number): Float32Array =>
  new Float32Array(n).map((_, i) => normals[(from + i) % normals.length]! * scale);

/** He's normal weights; batch norms and biases that are not the identity and keep most of each signal above zero. */
function randomWeights(model: Module, seed: number): StateDict {
  const weights: StateDict = new Map();
  let i = seed * 1000;
  for (const [name, t] of model.namedState()) {
    i++;
    let data: Float32Array;
    if (t.shape.length > 1) data = weightValues(t.numel, 7919 * i, Math.sqrt((2 * t.shape[0]!) / t.numel));
    else if (name.endsWith("running_var")) data = new Float32Array(t.numel).fill(1);
    else if (name.endsWith("running_mean")) data = randomArray(t.numel, i, 0.1);
    else data = randomArray(t.numel, i, 0.1).map((v) => 0.5 + v);
    weights.set(name, { data, shape: t.shape });
  }
  return weights;
}

/**
 * The same with running statistics of a batch, as training leaves them, so that the image reaches the logits. A channel that
 * pruning has emptied has no variance: dividing by it would make rounding the whole signal, so there is a least one.
 */
async function calibrated(model: Module, weights: StateDict, shape: readonly number[]): Promise<StateDict> {
  using _scope = new Scope();
  model.loadStateDict(weights);
  const norms = [...model.namedModules()].flatMap(([, m]) => (m instanceof BatchNorm2d ? [m] : []));
  if (norms.length === 0) return weights;
  for (const m of norms) (m as { momentum: number }).momentum = 1;
  const count = shape.reduce((a, b) => a * b, 1);
  model.train().forward(tensor(randomArray(count, 77), shape));
  const state = await model.stateDict();
  for (const [name, { data, shape: size }] of state)
    if (name.endsWith("running_var")) state.set(name, { data: data.map((v: number) => Math.max(v, 0.1)), shape: size });
  model.loadStateDict(state);
  return state;
}

async function logitsOf(model: Module, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  using _scope = new Scope();
  return (await model.eval().forward(tensor(x, shape)).data()) as Float32Array;
}

async function compare(
  name: string,
  channels: number,
  size: number,
  batches: readonly number[],
  change: (model: Module) => void = () => {},
): Promise<void> {
  const model = buildModel(name, { channels, size, classes: 10 });
  change(model);
  try {
    const dense = randomWeights(model, 5);
    for (const [kind, values] of [["dense", dense] as const, ["pruned", pruned(dense)] as const]) {
      const weights = await calibrated(model, values, [2, channels, size, size]);
      const runtime = await loadOnnx(exportOnnx(model, { input: [channels, size, size], weights }));
      for (const batch of batches) {
        const shape = [batch, channels, size, size];
        const x = randomArray(batch * channels * size * size, batch);
        const { logits } = await runtime.run({ input: { data: x, shape } });
        const own = await logitsOf(model, x, shape);
        expect(logits?.shape).toEqual([batch, 10]);
        const error = relativeError(logits!.data, own);
        expect([kind, batch, error < TOLERANCE]).toEqual([kind, batch, true]);
        if (batch === 1) continue;
        const image = relativeError(own.slice(0, 10), own.slice(10, 20));
        console.info(
          `${name} ${kind}: ${error.toExponential(1)} of the logits, ${(error / image).toExponential(1)} of the image`,
        );
        expect([kind, error / image < OF_IMAGE]).toEqual([kind, true]);
      }
      await runtime.release();
    }
  } finally {
    model.dispose();
  }
}

// One of each group of models that differ only in the number of blocks or in the classifier.
test.each([
  ["lenet", 1, 28],
  ["lenet-bn", 1, 28],
  ["resnet-8-narrow", 3, 16],
  ["resnet-20", 3, 32],
  ["mobilenet-small", 1, 28],
  ["resnet-18", 3, 64],
  ["resnet-50", 3, 64],
  ["mobilenet-v1", 3, 64],
  ["mobilenet-v2", 3, 64],
  ["efficientnet-b0", 3, 64],
  ["mixnet-s", 3, 64],
] as const)("%s", async (name, channels, size) => {
  await compare(name, channels, size, [1, 3]);
});

// A narrow classifier replaces the two hidden layers of 4096, which hold nine tenths of the weights. At these sizes, the
// adaptive pools have more bins than pixels.
test.each([
  ["alexnet", 64],
  ["alexnet-lrn", 80],
  ["vgg16-bn", 32],
] as const)("%s with a narrow classifier", async (name, size) => {
  await compare(name, 3, size, [1, 3], (model) => {
    const inputs = name === "vgg16-bn" ? 512 * 49 : 256 * 36;
    const classifier = new Sequential([new Linear(inputs, 16), new ReLU(), new Linear(16, 10)]);
    (model as unknown as { classifier: Module }).classifier = classifier;
  });
});
