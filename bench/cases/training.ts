// A training run reduced to its steps: a model by name, SGD with momentum, one batch of made-up images, no loader.
import { currentGpu } from "../../src/gpu/index.ts";
import { buildModel, type ImageModel, type ModelInput, modelRegistry } from "../../src/models/index.ts";
import { type Module, manualSeed } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { type HostBatch, type Precision, TrainStep } from "../../src/train/index.ts";
import { randomArray } from "../../test/support/random.ts";

export interface TrainingOptions {
  /** Name for `buildModel`. */
  readonly model: string;
  readonly batch: number;
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly lr?: number;
  /** Callback that overwrites the weights before the optimizer reads them. */
  readonly weights?: (model: Module) => void;
  /** True: zeros of the weights stay zero, as after the freeze of a pruning method. */
  readonly masked?: boolean;
  /** Batch. Default: standard normal images, labels 0, 1, ... 9, 0, ... */
  readonly data?: HostBatch;
  /** Element type of activations. Default f32. */
  readonly precision?: Precision;
  /** False: run every step eagerly. Default true. */
  readonly replay?: boolean;
}

const CLASSES = 10;

/** Build a network of the benchmarks. Its residual nets for small images have projections, as in all recorded results. */
export function benchNet(name: string, input: ModelInput): ImageModel {
  return buildModel(name, input, modelRegistry[name]?.shortcut ? { shortcut: "projection" } : {});
}

function imagine({ batch, channels, size }: TrainingOptions): HostBatch {
  return {
    x: randomArray(batch * channels * size * size, 7),
    y: Int32Array.from({ length: batch }, (_, i) => i % CLASSES),
    size: batch,
  };
}

export class Training {
  readonly step: TrainStep;
  readonly batch: HostBatch;
  readonly model: Module;
  private readonly optimizer: SGD;
  private readonly lr: number;
  private done = 0;

  constructor(options: TrainingOptions) {
    const { channels, size, lr = 0.02, precision = "f32", replay = true } = options;
    manualSeed(1);
    this.model = benchNet(options.model, { channels, size, classes: CLASSES });
    options.weights?.(this.model);
    this.lr = lr;
    const params = options.masked ? pruningGroups(this.model, { mode: "inplace" }) : this.model.parameters();
    this.optimizer = new SGD(params, { lr, momentum: 0.9 });
    if (options.masked) this.optimizer.setPhase("mask");
    const { model, optimizer } = this;
    this.step = new TrainStep({ model, optimizer, sample: [channels, size, size], precision, replay });
    this.batch = options.data ?? imagine(options);
  }

  /** Enqueue one step without waiting. */
  run(): void {
    this.step.run(this.batch, { step: this.done++, lr: this.lr });
  }

  /** Wait for the loss of the latest step. Throws if it is not finite. */
  async loss(): Promise<number> {
    const { steps, badStep } = await this.step.read(this.done - 1, this.done);
    const loss = steps[0]?.loss ?? Number.NaN;
    if (badStep !== null || !Number.isFinite(loss)) throw new Error(`the loss of step ${this.done - 1} is ${loss}`);
    return loss;
  }

  /** Measure the milliseconds per step of `count` steps enqueued together. Work of other adapters in between counts too. */
  async time(count: number): Promise<number> {
    const start = performance.now();
    for (let i = 0; i < count; i++) this.run();
    await currentGpu().wait();
    return (performance.now() - start) / count;
  }

  /** Return the dispatches of the latest step. */
  dispatches(): number {
    return this.step.describe().filter(({ kernel }) => kernel !== "copy" && kernel !== "clear").length;
  }

  /** Free the step, the optimizer and the model. */
  dispose(): void {
    this.step.dispose();
    this.optimizer.dispose();
    this.model.dispose();
  }
}
