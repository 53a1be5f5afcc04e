// Runs training steps of SEW ResNet-18 on random images, and prints their time and memory.
// Run: npm run -s example -- sew_resnet_step [--size 224] [--batch 1] [--steps 4] [--checkpoint]
import { parseArgs } from "node:util";
import { installGpu } from "@espalier/node";
import { currentGpu, manualSeed, requestGpu, SGD, summarize, TrainStep } from "espalier";
import { buildModel } from "espalier/models";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "224" },
    batch: { type: "string", default: "1" },
    steps: { type: "string", default: "4" },
    checkpoint: { type: "boolean", default: false },
  },
});
const [size, batch, timeSteps] = [Number(values.size), Number(values.batch), Number(values.steps)];
if (![size, batch, timeSteps].every((n) => Number.isInteger(n) && n > 0))
  throw new RangeError("--size, --batch and --steps: expected integers >= 1");
await installGpu();
const gpu = await requestGpu();
console.log(`adapter: ${gpu.adapter.description}`);

manualSeed(0);
const input = { channels: 3, size, classes: 1000 };
const model = buildModel("sew-resnet-18", input, { activationCheckpoint: values.checkpoint, spiking: { timeSteps } });
const { parameters } = summarize(model, [3, size, size]);
console.log(`SEW ResNet-18: ${parameters} parameters, T = ${timeSteps}, batch ${batch}, ${size}x${size}`);

const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const step = new TrainStep({ model, optimizer, sample: [3, size, size] });
const images = {
  x: Float32Array.from({ length: batch * 3 * size * size }, (_, i) => 1.5 * Math.sin(i * 12.9898)),
  y: Int32Array.from({ length: batch }, (_, i) => i),
  size: batch,
};
for (const name of ["first step", "second step"]) {
  const start = performance.now();
  const n = optimizer.stepsDone;
  step.run(images, { step: n, lr: 0.1 });
  const { steps } = await step.read(n, n + 1);
  console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(2)} s, loss ${steps[0]?.loss.toFixed(3)}`);
}
const MiB = 2 ** 20;
const { arenaBytes, lowerBound } = step.memory();
console.log(
  `memory: peak ${(currentGpu().memory().peak / MiB).toFixed(1)} MiB; of that the step's own ${(arenaBytes / MiB).toFixed(1)} MiB, ` +
    `${(arenaBytes / lowerBound).toFixed(3)} times the least that any placement needs`,
);
step.dispose();
optimizer.dispose();
model.dispose();
gpu.destroy();
