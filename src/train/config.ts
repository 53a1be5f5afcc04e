// The configuration of a run: everything that decides its numbers. It is saved with the run.
import type { LrConfig } from "../optim/lr_scheduler.ts";
import { checkOptimizerConfig } from "../optim/named_optimizer.ts";
import { hasMomentum, OPTIMIZER_DEFAULTS, type OptimizerConfig, type OptimizerName } from "../optim/optimizer_names.ts";
import type { PruneConfig } from "../prune/config.ts";
import { ArgumentError, defined, expectKeys, isRecord, type KeysOf, kindOf, valueText } from "../text/index.ts";
import { expectPrecision, type Precision } from "./precision.ts";

/** Complete settings of a run. */
export interface RunConfig {
  /** Epochs over which the learning rate and the pruning are scheduled. */
  readonly epochs: number;
  /** Epochs of fine-tuning after that: masks fixed, a hundredth of the base learning rate. Default 0. */
  readonly finetuneEpochs?: number | undefined;
  /** Samples of a step. */
  readonly batchSize: number;
  /**
   * Images of a micro-batch; divides batchSize. Default: the whole batch. A step then goes forward and backward
   * over micro-batches in order, adds up their gradients, weighted by their share of the batch, and updates the weights once: the
   * gradient of the mean loss over the batch, up to rounding. Learning rate, thresholds, steps and logs count
   * whole batches. Two things differ: batch norm computes its statistics over a micro-batch, and updates its running statistics once
   * per micro-batch; random layers draw once per micro-batch. The same config gives the same bits.
   */
  readonly microBatch?: number | undefined;
  /** Default: sgd. */
  readonly optimizer?: OptimizerConfig | undefined;
  readonly lr: LrConfig;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  /** Default f32. */
  readonly precision?: Precision | undefined;
  readonly prune: PruneConfig;
  readonly augment: { readonly crop: number; readonly flip: boolean };
  /**
   * Training batches over which the running statistics of batch norm are re-estimated for each test and export; see `recalibrate`.
   * 0: those of training. A model without batch norm does not need it. Default 0.
   */
  readonly recalibrate?: number | undefined;
  readonly seed: number;
  readonly logEvery: number;
}

/** T with fields that may be absent or undefined. */
export type PartialSettings<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Settings of a run; each has a default. */
export interface RunSettings extends PartialSettings<Omit<RunConfig, "lr" | "optimizer" | "prune" | "augment">> {
  /** Default 10. */
  readonly epochs?: number | undefined;
  /** Samples of a step. Default 32. */
  readonly batchSize?: number | undefined;
  /**
   * Optimiser, by name or with its own settings. Default sgd. Others have PyTorch's defaults of learning rate, momentum and weight
   * decay.
   */
  readonly optimizer?: OptimizerName | OptimizerConfig | undefined;
  /** Learning-rate schedule, or its base rate. Default: cosine from 0.05 to 0, changed at each step. */
  readonly lr?: number | PartialSettings<LrConfig> | undefined;
  /** For sgd and rmsprop. Default 0.9. */
  readonly momentum?: number | undefined;
  /** For sgd. Default false. */
  readonly nesterov?: boolean | undefined;
  /** L2 coefficient; adamw: decoupled. Default 1e-4. */
  readonly weightDecay?: number | undefined;
  /** Share of the target that is spread over all classes. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /**
   * Default: no pruning. With `threshold`, `lambda` or `sparsity`, the default method is soft thresholds along schedule "lats",
   * mode "latent".
   */
  readonly prune?: PartialSettings<PruneConfig> | undefined;
  /** Augmentation of images: padding of a random crop in pixels, random mirror images. Default: none. */
  readonly augment?: PartialSettings<RunConfig["augment"]> | undefined;
  /** Seed of order, augmentation and random masks, a u32. Default 0. */
  readonly seed?: number | undefined;
  /** Steps between two step records, 1 to 256. Default 10. */
  readonly logEvery?: number | undefined;
}

const DEFAULTS = {
  epochs: 10,
  batchSize: 32,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  labelSmoothing: 0,
  seed: 0,
  logEvery: 10,
} as const;

/** Check the settings that are objects. */
function expectParts({ lr, optimizer, prune = {}, augment = {} }: RunSettings): void {
  const refuse = (problem: string) => new ArgumentError(`config: ${problem}`);
  if (lr !== undefined && typeof lr !== "number" && !isRecord(lr))
    throw refuse(`lr: expected a number or an object of settings, got ${kindOf(lr)}`);
  if (optimizer !== undefined && typeof optimizer !== "string" && !isRecord(optimizer))
    throw refuse(`optimizer: expected a name or an object of settings, got ${kindOf(optimizer)}`);
  for (const [key, part] of Object.entries({ prune, augment }))
    if (!isRecord(part)) throw refuse(`${key}: expected an object of settings, got ${kindOf(part)}`);
}

const isIndex = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0;

/** Check the counts and switches of a run; SGD and the schedules check the others. Errors: ArgumentError. */
export function checkConfigValues({
  epochs,
  finetuneEpochs = 0,
  recalibrate = 0,
  optimizer,
  momentum,
  nesterov,
  microBatch,
  precision,
  seed,
}: RunConfig): void {
  const check = (name: string, expected: string, value: unknown, ok: boolean) => {
    if (!ok) throw new ArgumentError(`${name}: expected ${expected}, got ${valueText(value)}`);
  };
  check("epochs", "an integer >= 1", epochs, isIndex(epochs) && epochs >= 1);
  check("finetuneEpochs", "an integer >= 0", finetuneEpochs, isIndex(finetuneEpochs));
  check("recalibrate", "an integer >= 0", recalibrate, isIndex(recalibrate));
  check("nesterov", "true or false", nesterov, typeof nesterov === "boolean");
  if (optimizer) {
    checkOptimizerConfig(optimizer);
    const { name } = optimizer;
    check("momentum", `0 with optimizer ${name}, which has none`, momentum, momentum === 0 || hasMomentum(optimizer));
    check("nesterov", `false with optimizer ${name}`, nesterov, !nesterov || name === "sgd");
  }
  check("microBatch", "an integer >= 1", microBatch, microBatch === undefined || isIndex(microBatch));
  expectPrecision("precision", precision);
  check("seed", "an integer in 0..4294967295", seed, isIndex(seed) && seed < 2 ** 32);
}

/** Fill in the defaults; see RunSettings. Errors: ArgumentError for an unknown setting. */
export function completeConfig(settings: RunSettings = {}): RunConfig {
  expectKeys(settings, CONFIG_KEYS, (problem) => new ArgumentError(`config: ${problem}`));
  expectParts(settings);
  const { lr, optimizer, prune = {}, augment, ...others } = settings;
  const named = typeof optimizer === "string" ? { name: optimizer } : optimizer;
  if (named) checkOptimizerConfig(named);
  const { lr: base = 0.05, ...own } = named && named.name !== "sgd" ? OPTIMIZER_DEFAULTS[named.name] : {};
  const rate = typeof lr === "number" ? { base: lr } : lr;
  const { method = "soft" } = prune;
  const isSoft = method === "soft" || method === "at-init";
  const aims = (["threshold", "lambda", "sparsity", "groupSparsity"] as const).some((key) => prune[key] !== undefined);
  return {
    ...DEFAULTS,
    ...own,
    ...defined(others),
    ...(named ? { optimizer: named } : {}),
    lr: { schedule: "cosine", base, ...defined(rate ?? {}) },
    prune: { schedule: isSoft && aims ? "lats" : "none", mode: "latent", ...defined(prune) },
    augment: { crop: 0, flip: false, ...defined(augment ?? {}) },
  } as RunConfig;
}

const CONFIG_KEYS: KeysOf<RunConfig> = {
  epochs: true,
  finetuneEpochs: true,
  batchSize: true,
  microBatch: true,
  precision: true,
  optimizer: true,
  lr: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  labelSmoothing: true,
  prune: true,
  augment: true,
  recalibrate: true,
  seed: true,
  logEvery: true,
};
const AUGMENT_KEYS: KeysOf<RunConfig["augment"]> = { crop: true, flip: true };

/** Check the names of the settings. Those of `lr` and `prune` are checked where they are read. Errors: ArgumentError. */
export function checkConfigKeys(config: RunConfig): void {
  expectKeys(config, CONFIG_KEYS, (problem) => new ArgumentError(`run configuration: ${problem}`));
  expectKeys(config.augment, AUGMENT_KEYS, (problem) => new ArgumentError(`run configuration: augment: ${problem}`));
}

/** Learning rate of the fine-tuning epochs, as a share of the base learning rate. */
export const FINETUNE_LR = 0.01;
