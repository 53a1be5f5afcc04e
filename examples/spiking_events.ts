// Trains and prunes a spiking network that classifies the motion of shapes from the events of a simulated camera.
// Run: npm run -s example -- spiking_events [--epochs N] [--samples N] [--threshold D]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import { manualSeed, requestGpu, Session } from "espalier";
import { DataLoader, syntheticEventDataset } from "espalier/data";
import { SpikingCnn } from "espalier/models";
import { measureActivity } from "espalier/spiking";

const { values } = parseArgs({
  options: {
    epochs: { type: "string", default: "5" },
    samples: { type: "string", default: "4000" },
    threshold: { type: "string", default: "0.04" },
  },
});
const [epochs, samples, threshold] = [Number(values.epochs), Number(values.samples), Number(values.threshold)];
if (![epochs, samples].every((n) => Number.isInteger(n) && n > 0))
  throw new RangeError(`--epochs and --samples: expected integers >= 1, got ${values.epochs}, ${values.samples}`);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

// Each sample has eight frames of two polarities. A single frame shows the position of a shape but not its direction.
const timeSteps = 8;
const train = await syntheticEventDataset({ split: "train", samples, frames: timeSteps });
const test = await syntheticEventDataset({ split: "test", samples: Math.ceil(samples / 4), frames: timeSteps });
const [channels, size] = train.shape;

manualSeed(0);
const model = new SpikingCnn({ channels, size, classes: train.classes.length, timeSteps, frames: true });
const session = new Session({
  model,
  data: { train, test },
  config: {
    seed: 0,
    epochs,
    batchSize: 64,
    lr: { schedule: "cosine", base: 0.1, warmupEpochs: 0, min: 0, gamma: 0.1, per: "step" },
    momentum: 0.9,
    nesterov: false,
    weightDecay: 0,
    labelSmoothing: 0,
    prune: {
      schedule: "lats",
      threshold,
      mode: "latent",
      startEpoch: 0,
    },
    augment: { crop: 0, flip: false },
    logEvery: 10,
  },
});
await session.fit({
  onRecord: (record) => {
    if (record.kind !== "epoch") return;
    const percent = (x: number) => `${(100 * x).toFixed(1)}%`;
    console.log(
      `epoch ${record.epoch}  loss ${record.loss.toFixed(3)}  accuracy ${percent(record.testAccuracy)}  zeros ${percent(record.sparsity)}`,
    );
  },
});

const { spiking, total } = await measureActivity(model, new DataLoader({ dataset: test, batchSize: 64 }), {
  sample: test.shape,
  scale: test,
  limit: 128,
});
for (const { name, rate, neurons } of spiking)
  console.log(`${name}: ${neurons} neurons fire in ${(100 * rate).toFixed(1)}% of the steps`);
console.log(
  `${Math.round(total.synOps)} synaptic operations a sample, of ${Math.round(total.denseMacs)} if nothing were zero`,
);
session.dispose();
gpu.destroy();
