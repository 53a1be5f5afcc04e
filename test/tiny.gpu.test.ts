// Ten lines of everything: a model, an optimiser, a captured training step, a loss that falls. Read this file first.
import { expect, test } from "vitest";
import { Tape } from "../src/autograd/index.ts";
import { Linear, manualSeed, ReLU, Sequential } from "../src/nn/index.ts";
import { crossEntropy } from "../src/ops/cross_entropy.ts";
import { SGD } from "../src/optim/index.ts";
import { captureStep, type Tensor } from "../src/tensor/index.ts";

test("a small net learns exclusive or", async () => {
  manualSeed(1); // every weight follows from this number
  const model = new Sequential([new Linear(2, 16), new ReLU(), new Linear(16, 2)]);
  const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });

  // The first run executes this function and records its GPU work; later runs replay the record.
  const step = captureStep(({ x, y }: { x: Tensor; y: Tensor }) => {
    using tape = new Tape(); // ops on parameters are noted down ...
    const loss = crossEntropy(model.forward(x), y);
    tape.backward(loss); // ... and walked back: gradients arrive at the parameters
    optimizer.step();
    return { loss };
  });

  const batch = {
    x: { data: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1), shape: [4, 2] },
    y: { data: Int32Array.of(0, 1, 1, 0), shape: [4] },
  };
  step.run(batch); // enqueues and returns; nothing waits for the GPU ...
  const before = await step.outputs.loss.item(); // ... until a value is read
  for (let i = 0; i < 60; i++) step.run(batch);
  const after = await step.outputs.loss.item();

  expect(before).toBeGreaterThan(0.5); // about ln 2: guessing
  expect(after).toBeLessThan(0.05);

  step.dispose(); // GPU memory is given back by hand; see docs/memory.md
  optimizer.dispose();
  model.dispose();
});
