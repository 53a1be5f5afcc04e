// The budget of pipelines that docs/performance.md states: each is a compilation that a first step waits for.
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { TrainStep } from "../../src/train/index.ts";

const BUDGET = 48;

test.each([
  ["lenet-bn", 1, 28],
  ["resnet-8", 3, 32],
])("a training step of %s stays within its number of pipelines", async (model, channels, size) => {
  manualSeed(1);
  const net = buildModel(model, { channels, size, classes: 10 });
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const step = new TrainStep({ model: net, optimizer, sample: [channels, size, size] });
  const before = currentGpu().stats.pipelines;
  const pixels = channels * size * size;
  step.run({ x: new Float32Array(4 * pixels), y: new Int32Array(4), size: 4 }, { step: 0, lr: 0.1 });
  await currentGpu().wait();
  const made = currentGpu().stats.pipelines - before;
  expect(made).toBeLessThanOrEqual(BUDGET);
  expect(before + made).toBeGreaterThan(10); // the counter counts
  step.dispose();
});
