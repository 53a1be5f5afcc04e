// Re-estimates the running statistics of batch norm from training batches. No weight moves. Training updates them as a moving
// average, which lags behind weights that are still being pruned.
import { accumulate, noGrad } from "../autograd/index.ts";
import { BatchNorm2d, Module, RandomState } from "../nn/index.ts";
import { expectFinite, fillZero, persistent, readAll, type StepMemory, type Tensor } from "../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf, kindOf, onlyKeys, valueText } from "../text/index.ts";
import { BatchStep, type HostBatch, type HostBatches } from "./batch_step.ts";
import { type EvaluatorOptions, FIRST_DRAW } from "./evaluate.ts";
import { Pace } from "./pace.ts";

/** Options of `recalibrate`: samples of the batches, as for `Evaluator`. */
export interface RecalibrateOptions
  extends Pick<EvaluatorOptions, "sample" | "scale" | "target" | "precision" | "random"> {
  /** Largest number of batches to use. Default: all. */
  readonly count?: number | undefined;
}

type SampleOptions = Omit<RecalibrateOptions, "count">;

/** Options of `Recalibrator`. */
export interface RecalibratorOptions extends SampleOptions {
  /** False: run each batch eagerly, which is slower and gives the same bits. Default true. */
  readonly replay?: boolean | undefined;
}

/** Running statistics of one layer on the host, [C] each. */
export interface LayerStatistics {
  /** Name of the layer in the model. */
  readonly name: string;
  readonly layer: BatchNorm2d;
  readonly mean: Float32Array;
  /** Unbiased. */
  readonly variance: Float32Array;
}

/** Limits of one run of a `Recalibrator`. */
interface RunLimits {
  readonly count?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SAMPLE_KEYS: KeysOf<SampleOptions> = { sample: true, scale: true, target: true, precision: true, random: true };

/** Step of the first random draw, beyond those of evaluation. */
const FIRST_RECALIBRATION_DRAW = FIRST_DRAW + 2 ** 30;

/** List the batch norm layers of a model by name, each once. */
function layersOf(model: Module): Map<BatchNorm2d, string> {
  const found = new Map<BatchNorm2d, string>();
  for (const [name, m] of model.namedModules())
    if (m instanceof BatchNorm2d && !m.folded && !found.has(m)) found.set(m, name);
  return found;
}

/** Return true if a model has batch norm layers, whose running statistics can be re-estimated. */
export const hasBatchNorm = (model: Module): boolean => layersOf(model).size > 0;

/** Read the running statistics of a model's batch norm layers. Waits for the GPU. */
export async function readStatistics(model: Module): Promise<LayerStatistics[]> {
  const layers = [...layersOf(model)];
  const values = await readAll(...layers.flatMap(([{ running_mean, running_var }]) => [running_mean, running_var]));
  return layers.map(([layer, name], i) => {
    const [mean, variance] = [values[2 * i] as Float32Array, values[2 * i + 1] as Float32Array];
    return { name, layer, mean, variance };
  });
}

/** Write running statistics to their layers. */
export function writeStatistics(statistics: readonly LayerStatistics[]): void {
  for (const { layer, mean, variance } of statistics) {
    layer.running_mean.set(mean);
    layer.running_var.set(variance);
  }
}

/**
 * The sums of a layer's batch statistics. Each use of the layer writes its statistics to the running ones, with momentum 1; they
 * are added to the sums before the next use, and at the end of the batch.
 */
class LayerSums {
  readonly name: string;
  readonly layer: BatchNorm2d;
  /** Shape [C]. */
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** Uses of the layer that the sums hold. */
  uses = 0;
  /** Uses in the batch that is traced. A replayed batch repeats the latest count. */
  private traced = 0;
  private perBatch = 0;
  private open = false;

  constructor(layer: BatchNorm2d, name: string) {
    this.layer = layer;
    this.name = name;
    const { shape, numel } = layer.running_mean;
    this.mean = persistent(new Float32Array(numel), shape);
    this.variance = persistent(new Float32Array(numel), shape);
  }

  /** Enqueue: clear the sums and the running statistics. */
  clear(): void {
    this.uses = 0;
    for (const t of [this.mean, this.variance, this.layer.running_mean, this.layer.running_var]) fillZero(t);
  }

  /** Add the statistics of the latest use. */
  add(): void {
    if (!this.open) return;
    accumulate(this.mean, this.layer.running_mean);
    accumulate(this.variance, this.layer.running_var);
    this.open = false;
  }

  /** Begin a use. Returns the momentum of its update. */
  begin(): number {
    this.add();
    this.open = true;
    this.traced++;
    return 1;
  }

  /** Count the uses of a batch that was run. */
  endBatch(): void {
    if (this.traced > 0) this.perBatch = this.traced;
    this.traced = 0;
    this.uses += this.perBatch;
  }

  dispose(): void {
    this.mean.dispose();
    this.variance.dispose();
  }
}

/** Re-estimates the statistics of a model any number of times; the captured step stays between calls. */
export class Recalibrator {
  private readonly model: Module;
  private readonly sums: readonly LayerSums[];
  private readonly captured: BatchStep<Record<string, Tensor>>;
  private readonly randoms: readonly RandomState[];

  constructor(model: Module, options: RecalibratorOptions) {
    expectKeys(options, { ...SAMPLE_KEYS, replay: true }, (problem) => new ArgumentError(`Recalibrator: ${problem}`));
    this.model = model;
    const { sample, target, scale, precision, random = [], replay = true } = options;
    this.randoms = random instanceof RandomState ? [random] : random;
    this.sums = [...layersOf(model)].map(([layer, name]) => new LayerSums(layer, name));
    const run = (x: Tensor) => this.forward(x);
    this.captured = new BatchStep({
      name: "recalibrate",
      sample,
      target: target?.shape,
      scale,
      precision,
      replay,
      run,
    });
  }

  private forward(x: Tensor): Record<string, Tensor> {
    this.model.forward(x);
    for (const sums of this.sums) sums.add();
    return {};
  }

  /** Enqueue the batch of this index: batch norm computes batch statistics, all else runs as in evaluation. Does not wait. */
  enqueue(batch: HostBatch, index: number): void {
    for (const random of this.randoms) random.setStep(FIRST_RECALIBRATION_DRAW + index);
    const modes = [...this.model.namedModules()].map(([, m]) => [m, m.training] as const);
    this.model.eval();
    for (const sums of this.sums) {
      sums.layer.training = true;
      sums.layer.observer = () => sums.begin();
    }
    try {
      noGrad(() => this.captured.run(batch));
      for (const sums of this.sums) sums.endBatch();
    } finally {
      for (const { layer } of this.sums) layer.observer = null;
      for (const [m, training] of modes) m.training = training;
    }
  }

  /**
   * Return the statistics over the batches; null if the signal came first. The model keeps its own. Waits for the GPU.
   *
   * Errors   ArgumentError without a batch; NonFiniteError naming a layer whose statistics hold NaN or infinity.
   */
  async run(
    batches: Iterable<HostBatch> | AsyncIterable<HostBatch>,
    { count = Number.POSITIVE_INFINITY, signal }: RunLimits = {},
  ): Promise<LayerStatistics[] | null> {
    const own = await readStatistics(this.model);
    try {
      for (const sums of this.sums) sums.clear();
      const pace = new Pace();
      let done = 0;
      for await (const batch of batches) {
        if (signal?.aborted) return null;
        this.enqueue(batch, done);
        (batches as HostBatches).recycle?.(batch);
        done++;
        if (done >= count) break;
        await pace.enqueued();
      }
      if (done === 0) throw new ArgumentError("recalibrate: expected at least one batch, got none");
      return await this.means();
    } finally {
      writeStatistics(own);
    }
  }

  /** Divide the sums by the uses. A layer that no batch used keeps its own statistics. */
  private async means(): Promise<LayerStatistics[]> {
    const used = this.sums.filter(({ uses }) => uses > 0);
    const values = await readAll(...used.flatMap(({ mean, variance }) => [mean, variance]));
    const found = used.map(({ name, layer, uses }, i) => ({
      name,
      layer,
      mean: Float32Array.from(values[2 * i]!, (sum) => sum / uses),
      variance: Float32Array.from(values[2 * i + 1]!, (sum) => sum / uses),
    }));
    expectFinite(
      "re-estimated batch norm",
      found.flatMap(({ name, mean, variance }): [string, { data: Float32Array }][] => [
        [`${name}.running_mean`, { data: mean }],
        [`${name}.running_var`, { data: variance }],
      ]),
    );
    return found;
  }

  /** Memory of the latest batch; see CapturedStep. */
  memory(): StepMemory {
    return this.captured.memory();
  }

  /** Free the recordings and the sums. */
  dispose(): void {
    this.captured.dispose();
    for (const sums of this.sums) sums.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Re-estimate the running statistics of a model's batch norm layers: the mean over the batches of the batch mean and of the unbiased
 * batch variance, which is PyTorch's `momentum=None`. Use it after training or pruning, before a test or an export. No weight moves.
 * Returns the number of layers; 0 for a model without batch norm, which is left alone. Waits for the GPU.
 *
 * Mode      batch norm runs as in training; dropout and stochastic depth are off, as in evaluation, which the statistics serve. PyTorch's
 *           `update_bn` leaves them on.
 * Errors    ArgumentError for an unknown option, a count that is no integer >= 1, or no batch; those of `BatchStep` for batches
 *           that do not fit; NonFiniteError naming a layer whose statistics hold NaN or infinity: the model keeps its own then.
 * Source    Izmailov et al. 2018 (SWA), section 3.2; `torch.optim.swa_utils.update_bn`.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * const model = new Sequential([new Linear(2, 8), new BatchNorm1d(8), new ReLU(), new Linear(8, 2)]);
 * const batches = new DataLoader({ dataset: points, batchSize: 4, shuffle: true });
 * console.log(await recalibrate(model, batches, { sample: points.shape, count: 20 })); // 1
 */
export async function recalibrate(model: Module, batches: HostBatches, options: RecalibrateOptions): Promise<number> {
  expectKeys(options, { ...SAMPLE_KEYS, count: true }, (problem) => new ArgumentError(`recalibrate: ${problem}`));
  const { count } = options;
  if (!(model instanceof Module))
    throw new ArgumentError(`recalibrate: model: expected a module, got ${kindOf(model)}`);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1))
    throw new ArgumentError(`recalibrate: count: expected an integer >= 1, got ${valueText(count)}`);
  if (!hasBatchNorm(model)) return 0;
  using recalibrator = new Recalibrator(model, onlyKeys<SampleOptions>(options, SAMPLE_KEYS));
  const statistics = await recalibrator.run(batches, { count });
  writeStatistics(statistics!);
  return statistics!.length;
}
