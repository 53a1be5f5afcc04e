// Mobile networks in training: gradients reach every weight, and checkpointed blocks give the same bits with
// random depth. Their outputs in evaluation are in test/golden_zoo.gpu.test.ts.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { type BuildOptions, buildModel } from "../../src/models/index.ts";
import { manualSeed, RandomState } from "../../src/nn/index.ts";
import { readAll, Scope, type TypedArray, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

/** Logits and all gradients, by name, of one pass over two images of 64 pixels. Leaves no memory behind. */
async function passThrough(name: string, options: BuildOptions = {}): Promise<Map<string, TypedArray>> {
  using _scope = new Scope();
  manualSeed(7);
  const model = buildModel(name, { channels: 3, size: 64, classes: 4 }, options);
  try {
    using tape = new Tape();
    const x = tensor(randomArray(2 * 3 * 4096, 1), [2, 3, 64, 64]);
    const logits = tape.keep(model.forward(x));
    tape.backward(logits, tensor(randomArray(8, 2), [2, 4]));
    const named = [...model.namedParameters()];
    const values = await readAll(logits, ...named.map(([, p]) => p.grad!));
    for (const [, p] of named) p.grad?.dispose();
    return new Map(["logits", ...named.map(([key]) => key)].map((key, i) => [key, values[i]!]));
  } finally {
    model.dispose();
  }
}

test.each(["lenet", "mobilenet-v2", "mixnet-s"])(
  "%s: a finite gradient for every parameter, none of them 0 for a whole weight",
  async (name) => {
    const { live } = currentGpu().memory();
    const values = await passThrough(name);
    for (const [key, v] of values) {
      expect([key, v.every(Number.isFinite)]).toEqual([key, true]);
      // A shift that goes into batch norm changes nothing: the gradient of such a bias is 0 but for rounding.
      if (key.endsWith("weight")) expect([key, v.some((g) => g !== 0)]).toEqual([key, true]);
    }
    expect(currentGpu().memory().live).toBe(live);
  },
);

test("EfficientNet with checkpointed blocks: the same draws and bits; other draws in another step", async () => {
  const run = async (step: number, checkpoint: boolean) => {
    const random = new RandomState(2);
    random.setStep(step);
    const values = await passThrough("efficientnet-b0", { activationCheckpoint: checkpoint, random });
    random.dispose();
    return values;
  };
  const first = await run(4, false);
  expect(first.get("features.1.0.block.1.fc1.weight")!.some((g) => g !== 0)).toBe(true);
  for (const [, v] of first) expect(v.every(Number.isFinite)).toBe(true);
  const again = await run(4, true);
  // Millions of numbers: too many for toEqual.
  const differ = [...first].filter(([key, v]) => v.some((g, i) => g !== again.get(key)![i])).map(([key]) => key);
  expect([again.size, differ]).toEqual([first.size, []]);
  expect((await run(5, false)).get("logits")).not.toEqual(first.get("logits"));
});
