// The network of STDS for CIFAR-10: names and sizes, its forward pass from the plain layers, and gradients.
import { expect, test } from "vitest";
import { noGrad, Tape } from "../../src/autograd/index.ts";
import { buildModel, StdsCifar10 } from "../../src/models/index.ts";
import { foldTime, LIFNode, manualSeed, summarize, unfoldTime } from "../../src/nn/index.ts";
import { expand } from "../../src/ops/expand.ts";
import { mseLoss } from "../../src/ops/index.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { mean } from "../../src/ops/sum.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

test("has the published sizes and names; every weight is pruned", () => {
  const model = buildModel("stds-cifar10", { channels: 3, size: 32, classes: 10 });
  const shapes = Object.fromEntries([...model.namedParameters()].map(([name, p]) => [name, p.shape.join("x")]));
  const norms = [1, 2, 3, 4, 5, 6].flatMap((i) => [`bn${i}.weight`, `bn${i}.bias`]);
  expect(shapes).toEqual({
    "conv1.weight": "256x3x3x3",
    ...Object.fromEntries([2, 3, 4, 5, 6].map((i) => [`conv${i}.weight`, "256x256x3x3"])),
    ...Object.fromEntries(norms.map((name) => [name, "256"])),
    "fc7.weight": "2048x16384",
    "fc8.weight": "100x2048",
  });
  const [pruned] = pruningGroups(model, { mode: "latent" });
  expect(pruned!.params.reduce((n, p) => n + p.numel, 0)).toBe(36_715_264);
  expect(summarize(model, [3, 32, 32]).parameters).toBe(36_718_336);
});

/** Low enough for spikes in the last layers of a narrow network. */
const THRESHOLD = 0.25;

/** Compute the network's output from its layers, one time axis after another, without fused kernels. */
function plain(model: StdsCifar10, x: Tensor, steps: number): Tensor {
  const node = () => new LIFNode({ tau: 2, vThreshold: THRESHOLD, surrogate: "atan", detachReset: true });
  const over = (y: Tensor, f: (folded: Tensor) => Tensor) => unfoldTime(f(foldTime(y)), steps);
  const { conv1, bn1, pool } = model;
  const first = bn1.forward(conv1.forward(x));
  let y = node().forward(expand(reshape(first, { shape: [1, ...first.shape] }), { shape: [steps, ...first.shape] }));
  for (const i of [2, 3, 4, 5, 6] as const) {
    const [conv, bn] = [model[`conv${i}`], model[`bn${i}`]];
    y = node().forward(over(y, (z) => bn.forward(conv.forward(z))));
    if (i === 3 || i === 6) y = over(y, (z) => pool.forward(z));
  }
  const [, samples] = y.shape as [number, number];
  y = reshape(y, { shape: [steps, samples, y.numel / steps / samples] });
  for (const layer of [model.fc7, model.fc8]) y = node().forward(over(y, (z) => layer.forward(z)));
  return mean(reshape(y, { shape: [steps, samples, 3, 10] }), { axes: [0, 3] });
}

test("computes rates of votes as its layers do one by one, and gradients reach every weight", async () => {
  using _scope = new Scope();
  manualSeed(3);
  const steps = 3;
  const model = new StdsCifar10({
    channels: 2,
    size: 8,
    classes: 3,
    width: 12,
    timeSteps: steps,
    vThreshold: THRESHOLD,
  });
  const x = tensor(randomArray(5 * 2 * 64, 1, 2), [5, 2, 8, 8]);
  const tape = new Tape();
  const rates = tape.keep(model.forward(x));
  tape.backward(mseLoss(rates, tensor(new Float32Array(15).fill(1), [5, 3])));
  tape.dispose();
  expect(rates.shape).toEqual([5, 3]);
  for (const rate of await rates.data()) {
    expect(rate).toBeGreaterThanOrEqual(0);
    expect(rate).toBeLessThanOrEqual(1);
    expect(Math.abs(rate * 10 * steps - Math.round(rate * 10 * steps))).toBeLessThan(1e-4);
  }
  for (const [name, p] of model.namedParameters())
    expect(
      (await p.grad!.data()).some((g) => g !== 0),
      name,
    ).toBe(true);
  model.eval();
  const [ours, theirs] = noGrad(() => [model.forward(x), plain(model, x, steps)] as const);
  expectClose(await ours.data(), (await theirs.data()) as Float32Array, { rtol: 1e-6, atol: 1e-6 });
});

test("refuses an unknown option", () => {
  expect(() => new StdsCifar10({ votes: 3 } as never)).toThrow("StdsCifar10: unknown option votes");
});
