// Trains one step and prints its time, which includes compiling the shaders unless they are in the driver's cache.
import { parseArgs } from "node:util";
import { requestGpu } from "../../src/gpu/index.ts";
import { installGpu } from "../../src/node_internal.ts";
import { Training } from "../cases/training.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "resnet-20" },
    batch: { type: "string", default: "16" },
    channels: { type: "string", default: "3" },
    size: { type: "string", default: "32" },
  },
});
const began = performance.now();
await installGpu();
await requestGpu();
const opened = performance.now();
const training = new Training({
  model: values.model,
  batch: Number(values.batch),
  channels: Number(values.channels),
  size: Number(values.size),
});
training.run();
await training.loss();
const first = performance.now();
training.run();
await training.loss();
const second = performance.now();
const answer = { openMs: opened - began, firstMs: first - opened, secondMs: second - first };
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
