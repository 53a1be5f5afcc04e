// Measures one network's training step on images from JPEG files: losses, zeros, time and memory.
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";
import { openImageData } from "../../src/images/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { manualSeed, RandomState } from "../../src/nn/index.ts";
import { planTraining, type RunConfig, Session } from "../../src/train/index.ts";

/** Networks of the registry that were made for ImageNet. */
export const IMAGENET_MODELS: readonly string[] = [
  "resnet-18",
  "resnet-34",
  "resnet-50",
  "resnet-50-lats",
  "mobilenet-v1",
  "mobilenet-v1-linear",
  "mobilenet-v2",
  "efficientnet-b0",
  "mixnet-s",
  "alexnet",
  "alexnet-lrn",
  "vgg16-bn",
  "sew-resnet-18",
  "sew-resnet-34",
  "sew-resnet-50",
];

interface StepOptions {
  readonly batch: number;
  readonly size: number;
  /** Number of timed steps after the first one. */
  readonly steps: number;
}

export interface StepRow {
  readonly model: string;
  readonly parameters: number;
  /** Losses before and after the first update. */
  readonly losses: readonly number[];
  /** Share of zeros among the prunable weights after the last step. */
  readonly sparsity: number;
  /** Seconds of the first step, compilation included, and the mean of the later ones. */
  readonly first: number;
  readonly later: number;
  readonly peakBytes: number;
  readonly predictedBytes: number;
}

const config = ({ batch }: StepOptions): RunConfig => ({
  epochs: 2,
  batchSize: batch,
  lr: { schedule: "constant", base: 0.01 },
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  labelSmoothing: 0.1,
  // Applied from the first step, so that one step prunes.
  prune: { schedule: "constant", threshold: 0.005, mode: "latent", startEpoch: 0 },
  augment: { crop: 0, flip: false },
  seed: 1,
  logEvery: 1,
});

/** Train for a few steps on a separate device, which is destroyed afterwards. */
export async function stepOf(model: string, dir: string, options: StepOptions): Promise<StepRow> {
  const gpu = await requestGpu({ tune: "off" });
  const { train, test } = await openImageData(dir, { size: options.size, memory: 0 });
  try {
    const input = { channels: 3, size: options.size, classes: 1000 };
    const build = () => {
      manualSeed(1);
      return buildModel(model, input, { random: new RandomState(1, { owned: true }) });
    };
    const settings = config(options);
    const sample = train.shape;
    const { adapter } = gpu;
    // Batches of files are complete; the default of the plan is one batch.
    const plan = planTraining({
      build,
      sample,
      classes: train.classes.length,
      config: settings,
      stored: [sample[1], sample[2]],
      adapter,
    });
    const session = new Session({ model: build(), data: { train, test }, config: settings });
    const losses: number[] = [];
    const seconds: number[] = [];
    try {
      const batches = session.batches(0, 0);
      let step = 0;
      for await (const batch of batches) {
        const begun = performance.now();
        session.step.run(batch, { step, lr: session.lr(step), values: session.method.values(step) });
        const { steps, badStep } = await session.step.read(step, step + 1);
        if (badStep !== null) throw await session.step.diagnose(batch, badStep);
        seconds.push((performance.now() - begun) / 1000);
        losses.push((steps[0] as { loss: number }).loss);
        batches.recycle(batch as never);
        if (++step > options.steps) break;
      }
      const peakBytes = currentGpu().memory().peak;
      const layers = await session.layers();
      const total = (pick: (layer: (typeof layers)[number]) => number) => layers.reduce((n, l) => n + pick(l), 0);
      const later = seconds.slice(1);
      return {
        model,
        parameters: session.model.parameters().reduce((n, p) => n + p.numel, 0),
        losses,
        sparsity: total((l) => l.zeros) / total((l) => l.weights),
        first: seconds[0]!,
        later: later.reduce((a, b) => a + b, 0) / later.length,
        peakBytes,
        predictedBytes: plan.peak,
      };
    } finally {
      session.dispose();
    }
  } finally {
    await Promise.all([train.close(), test.close()]);
    gpu.destroy();
  }
}
