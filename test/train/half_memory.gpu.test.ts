// GPU memory of runs in f16: predicted for ResNet-50, and measured.
import { expect, test } from "vitest";
import { currentGpu, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { manualSeed } from "../../src/nn/index.ts";
import { type Precision, planTraining, Session } from "../../src/train/index.ts";
import { testHalf } from "../support/half.ts";
import { squares } from "../support/shapes.ts";
import { tinyConfig } from "../support/tiny_session.ts";

const build = (name: string, channels: number, size: number, classes: number) => {
  manualSeed(5);
  return buildModel(name, { channels, size, classes });
};

test("a step of ResNet-50 is planned with 1.6 times less memory in f16, and its activations with 1.9 times less", () => {
  const plan = (precision: Precision) =>
    planTraining({
      build: () => build("resnet-50", 3, 224, 1000),
      sample: [3, 224, 224],
      classes: 1000,
      config: { ...tinyConfig({ threshold: 0.01 }), augment: { crop: 0, flip: false }, batchSize: 64, precision },
    });
  const [full, half] = [plan("f32"), plan("f16")];
  expect(full.peak / half.peak).toBeGreaterThan(1.6);
  expect(full.activations / half.activations).toBeGreaterThan(1.9);
  // Weights, gradients and momentum are f32 in both.
  for (const key of ["parameters", "latent", "gradients", "momentum"] as const) expect(half[key]).toBe(full[key]);
});

testHalf("a run in f16 takes the memory that was predicted, and its step half of that of f32", async () => {
  const outer = currentGpu();
  const peaks: number[] = [];
  for (const precision of ["f32", "f16"] as const) {
    const gpu = await requestGpu({ tune: "off" });
    try {
      const config = { ...tinyConfig({ threshold: 0.01 }), batchSize: 64, epochs: 1, precision };
      const options = { build: () => build("resnet-8", 1, 32, 4), sample: [1, 32, 32] as const, classes: 4 };
      const plan = planTraining({ ...options, config, trainImages: 64, testImages: 64, adapter: gpu.adapter });
      const session = new Session({
        model: options.build(),
        data: { train: squares(64, 32, 1), test: squares(64, 32, 2) },
        config,
      });
      await session.fit();
      const { peak, steps } = gpu.memory();
      expect([precision, peak, steps]).toEqual([precision, plan.peak, plan.activations]);
      peaks.push(steps);
      session.dispose();
    } finally {
      gpu.destroy();
      setCurrentGpu(outer);
    }
  }
  expect(peaks[0]! / peaks[1]!).toBeGreaterThan(1.9);
});
