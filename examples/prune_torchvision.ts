// Prunes a checkpoint of torchvision: reads a .pth, trains its network further while 80 % of the weights become zero, and exports
// ONNX and sparse weights. Without --weights, the file holds random weights of ResNet-18, and the images are drawn shapes.
// Run: npm run -s example -- prune_torchvision [--weights resnet18.pth] [--epochs N] [--sparsity S] [--out FOLDER]
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import { loadState, manualSeed, requestGpu, Session, saveModel } from "espalier";
import { exportOnnx } from "espalier/export";
import { readWeights } from "espalier/io";
import { buildModel } from "espalier/models";
import { torchFile } from "./torch_file/write.ts";

const { values } = parseArgs({
  options: {
    weights: { type: "string" },
    epochs: { type: "string", default: "3" },
    sparsity: { type: "string", default: "0.8" },
    images: { type: "string", default: "240" },
    out: { type: "string", default: "runs/prune_torchvision" },
  },
});
const [epochs, sparsity, images] = [values.epochs, values.sparsity, values.images].map(Number) as [
  number,
  number,
  number,
];
if (!(Number.isInteger(epochs) && epochs >= 1))
  throw new RangeError(`--epochs: expected an integer >= 1, got ${values.epochs}`);
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);
mkdirSync(values.out, { recursive: true });

// Your own classes and images take the place of these. Pixels are normalised as torchvision does it, here around 0.
const CLASSES = ["disc", "square", "stripes"];
const SIZE = 32;
const inside = [
  (x: number, y: number) => Math.hypot(x - 16, y - 16) < 10,
  (x: number, y: number) => Math.abs(x - 16) < 9 && Math.abs(y - 16) < 9,
  (_: number, y: number) => y % 8 < 4,
];

function drawn(count: number): { x: Float32Array; y: number[]; shape: number[]; classes: string[] } {
  const y = Array.from({ length: count }, (_, i) => i % CLASSES.length);
  const x = Float32Array.from({ length: count * 3 * SIZE * SIZE }, (_, i) => {
    const pixel = i % (SIZE * SIZE);
    const shape = inside[y[Math.floor(i / (3 * SIZE * SIZE))]!]!;
    return (shape(pixel % SIZE, Math.floor(pixel / SIZE)) ? 1 : -1) + Math.random() - 0.5;
  });
  return { x, y, shape: [3, SIZE, SIZE], classes: CLASSES };
}

manualSeed(0);
let file = values.weights;
if (file === undefined) {
  file = join(values.out, "random_resnet18.pth");
  const pretrained = buildModel("resnet-18", { channels: 3, size: SIZE, classes: 1000 });
  writeFileSync(file, torchFile(await pretrained.stateDict()));
  pretrained.dispose();
  console.log(`${file}: random weights, in the format and with the names of torchvision's resnet18`);
}

const model = buildModel("resnet-18", { channels: 3, size: SIZE, classes: CLASSES.length });
const { weights } = await readWeights(readFileSync(file), file);
const report = loadState(model, weights, { head: "new" });
console.log(`${report.loaded.length} arrays loaded; ${report.head}`);

const session = new Session({
  model,
  data: { train: drawn(images), test: drawn(60) },
  config: {
    epochs,
    batchSize: 12,
    lr: 0.01,
    prune: { sparsity, dense: ["first", "last"] },
    recalibrate: 8,
    logEvery: 10,
  },
  onRecord({ kind, step, loss, sparsity: zeros }) {
    if (kind === "step") console.log(`step ${step}: loss ${loss.toFixed(3)}, zeros ${(100 * zeros).toFixed(1)} %`);
  },
});
await session.fit();
// With statistics of batch norm from 8 training batches: those of training lag behind the pruned weights.
const { accuracy, sparse, onnx } = await session.recalibrated(async () => ({
  accuracy: (await session.evaluate()).accuracy,
  sparse: await saveModel(model, { sparse: true, metadata: { classes: CLASSES.join(",") } }),
  onnx: exportOnnx(model, { input: [3, SIZE, SIZE], weights: await model.stateDict() }),
}));
console.log(`test accuracy ${(100 * accuracy).toFixed(1)} % with ${sparsity * 100} % zeros`);
writeFileSync(join(values.out, "model.sparse.safetensors"), sparse);
writeFileSync(join(values.out, "model.onnx"), onnx);
console.log(`${values.out}: model.sparse.safetensors ${sparse.length} bytes, model.onnx ${onnx.length} bytes`);
session.dispose();
gpu.destroy();
