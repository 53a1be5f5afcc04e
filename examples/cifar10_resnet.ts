// Trains ResNet-20 on CIFAR-10 and prunes it to 90 % zeros with LATS, then saves the sparse weights.
// Run: npm run -s example -- cifar10_resnet --data FOLDER [--epochs N] [--sparsity S] [--out FILE]
//
// FOLDER holds the binary version of the data set: cifar-10-batches-bin, as unpacked from cifar-10-binary.tar.gz.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { fileSource, installGpu } from "@espalier/node";
import { manualSeed, type RunRecord, requestGpu, Session } from "espalier";
import { type DatasetSplit, loadCifar10, SourceError } from "espalier/data";
import { writeSparseModel } from "espalier/io";
import { buildModel } from "espalier/models";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "runs/data/cifar-10-batches-bin" },
    epochs: { type: "string", default: "30" },
    sparsity: { type: "string", default: "0.9" },
    out: { type: "string", default: "runs/cifar10_resnet.sparse.safetensors" },
    // Images in each of the six files, for a data set that was cut down.
    "images-per-file": { type: "string", default: "10000" },
  },
});
const [epochs, sparsity, imagesPerFile] = [values.epochs, values.sparsity, values["images-per-file"]].map(Number) as [
  number,
  number,
  number,
];
if (!(Number.isInteger(epochs) && epochs >= 1)) {
  throw new RangeError(`--epochs: expected an integer >= 1, got ${values.epochs}`);
}

async function load(split: DatasetSplit) {
  try {
    return await loadCifar10(fileSource(values.data), split, { imagesPerFile });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    console.error(`${error.message}. Fetch cifar-10-binary.tar.gz, unpack it, and pass its folder with --data.`);
    process.exit(1);
  }
}
const [train, test] = [await load("train"), await load("test")];

await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

manualSeed(0);
const model = buildModel("resnet-20", { channels: 3, size: 32, classes: train.classes.length });
const session = new Session({
  model,
  data: { train, test },
  config: {
    seed: 0,
    epochs,
    batchSize: 128,
    lr: { schedule: "cosine", base: 0.1, warmupEpochs: Math.min(1, epochs / 4) },
    momentum: 0.9,
    nesterov: true,
    weightDecay: 5e-4,
    labelSmoothing: 0,
    // The threshold rises with the sum of the learning rates; its final value is steered to the share of zeros.
    prune: { schedule: "lats", sparsity, mode: "latent", dense: ["first", "last"] },
    augment: { crop: 4, flip: true },
    // Statistics of batch norm for tests and the saved model, since those of training lag behind the pruned weights.
    recalibrate: 20,
    logEvery: 20,
  },
});

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

function onRecord(record: RunRecord): void {
  if (record.kind === "step") {
    const { step, loss, sparsity: zeros } = record;
    console.log(`step ${step}/${session.totalSteps}  loss ${loss.toFixed(3)}  zeros ${percent(zeros)}`);
    return;
  }
  const { epoch, testAccuracy, sparsity: zeros, seconds } = record;
  console.log(
    `epoch ${epoch}  test accuracy ${percent(testAccuracy)}  zeros ${percent(zeros)}  ${seconds.toFixed(0)} s`,
  );
}

const { last } = await session.fit({ onRecord });

for (const { name, zeros, weights } of last?.layers ?? []) {
  console.log(`${name}: ${percent(zeros / weights)} of ${weights} weights are zero`);
}

const bytes = writeSparseModel(await session.recalibrated(() => session.weights()));
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, bytes);
console.log(`${values.out}: ${bytes.length} bytes`);

session.dispose();
gpu.destroy();
