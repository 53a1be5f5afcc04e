// Builds the parts of a session from its options.
import type { Module, RandomState } from "../nn/index.ts";
import { Optimizer } from "../optim/optimizer.ts";
import { usesKernels } from "../prune/config.ts";
import { MaskWatch } from "../prune/mask_watch.ts";
import type { PruningRun } from "../prune/method.ts";
import { ArgumentError } from "../text/index.ts";
import { completeConfig, type RunConfig } from "./config.ts";
import { Evaluator } from "./evaluate.ts";
import { Listeners } from "./listeners.ts";
import { GradientSum } from "./micro_batches.ts";
import { planRun, type RunPlan } from "./run_plan.ts";
import { completeScore, type Score } from "./score.ts";
import {
  epochLength,
  formatOf,
  openSets,
  type SampleTransform,
  type SessionSamples,
  transformFor,
} from "./session_data.ts";
import { SessionKernels } from "./session_kernels.ts";
import { checkOptimizer, makeOptimizer, ownRate } from "./session_optimizer.ts";
import { checkSessionOptions, type SessionOptions } from "./session_options.ts";
import { Shrunk } from "./shrunk.ts";
import { TrainStep } from "./train_step.ts";

export interface SessionParts {
  readonly model: Module;
  readonly config: RunConfig;
  readonly train: SessionSamples;
  readonly test: SessionSamples | null;
  readonly plan: RunPlan;
  readonly optimizer: Optimizer;
  /** True if the optimizer moves its learning rates itself. */
  readonly ownRates: boolean;
  readonly step: TrainStep;
  readonly evaluator: Evaluator | null;
  /** Random states of the model and the session. Each step, test and re-estimation sets them. */
  readonly randoms: readonly RandomState[];
  /** False: each step runs eagerly. */
  readonly replay: boolean;
  /** Null if the model has no weight to prune. */
  readonly masks: MaskWatch | null;
  /** The original network of a run that removes channels; else null. */
  readonly shrunk: Shrunk | null;
  /** The sparse kernels of a run that trains by them; else null. */
  readonly kernels: SessionKernels | null;
  readonly transform: SampleTransform | undefined;
  readonly listeners: Listeners;
  readonly score: Score;
}

/** Return the configuration with all defaults; a custom optimizer decides rates, momentum and decay. */
function configOf({ config, optimizer }: SessionOptions): RunConfig {
  const complete = completeConfig(config);
  if (!(optimizer instanceof Optimizer)) return complete;
  const { lr, momentum, nesterov, weightDecay } = optimizer.groups[0]!.options;
  return { ...complete, lr: { schedule: "constant", base: lr }, momentum, nesterov, weightDecay };
}

function checkSizes({ batchSize, microBatch, logEvery }: RunConfig): void {
  if (logEvery > 256) throw new ArgumentError(`logEvery: expected at most 256, got ${logEvery}`);
  if (!(Number.isInteger(logEvery) && logEvery >= 1))
    throw new ArgumentError(`logEvery: expected an integer >= 1, got ${logEvery}`);
  if (microBatch !== undefined && !(microBatch >= 1 && batchSize % microBatch === 0 && microBatch % 1 === 0))
    throw new ArgumentError(`microBatch: expected an integer that divides batchSize ${batchSize}, got ${microBatch}`);
}

/** Build the parts of a session. Errors: ArgumentError, DataError or OpError naming the option. */
export function buildSessionParts(options: SessionOptions): SessionParts {
  checkSessionOptions(options);
  const { model, data, method, schedule, loss, metrics, replay = true } = options;
  checkOptimizer(options.optimizer, options.config, schedule);
  const listeners = new Listeners(options);
  const { train, test } = openSets(data);
  const { shape, dtype } = formatOf(train).target;
  if (!loss && !(dtype === "i32" && shape.length === 0)) {
    const problem = `a custom loss for targets ${dtype} [${shape.join(", ")}], such as mseLoss; the default is for one class number per sample`;
    throw new ArgumentError(`Session: loss: expected ${problem}`);
  }
  const isClass = dtype === "i32" && shape.length === 0;
  const score = completeScore(options.score, { classes: isClass, metrics: Object.keys(metrics ?? {}) });
  const config = configOf(options);
  checkSizes(config);
  const transform = transformFor(train, config, options.transform);
  const ownRates = options.optimizer instanceof Optimizer;
  const rate = options.optimizer instanceof Optimizer ? ownRate(options.optimizer) : undefined;
  const plan = planRun(config, epochLength(train, config), { method, schedule, rate });
  const optimizer = makeOptimizer(options.optimizer, model, plan.method, config);
  const { batchSize, microBatch = batchSize, labelSmoothing } = config;
  const measured = { loss, metrics };
  const randoms = [...new Set([...model.randomStates(), ...(options.random ? [options.random] : [])])];
  const step = new TrainStep({
    model,
    optimizer,
    ...formatOf(train),
    ...measured,
    micro: microBatch < batchSize ? new GradientSum(optimizer, { batchSize, microBatch }, replay) : undefined,
    labelSmoothing,
    precision: config.precision,
    random: options.random,
    replay,
  });
  return {
    ...{ model, config, train, test, plan, optimizer, ownRates, step, transform, listeners, randoms, replay, score },
    evaluator:
      test && new Evaluator(model, { ...formatOf(test), ...measured, precision: config.precision, random: randoms }),
    shrunk: config.prune.compact ? new Shrunk(model, config.prune.group, formatOf(train).sample) : null,
    kernels: usesKernels(config.prune) ? new SessionKernels(config.prune.kernels) : null,
    masks: model.parameters().some((p) => p.prunable) ? new MaskWatch(model) : null,
  };
}

/** Let the method begin, and set the phase of the first step. Frees the parts if the method refuses. */
export function beginSession(parts: SessionParts, run: PruningRun): void {
  const { plan, step, evaluator, optimizer } = parts;
  try {
    plan.method.begin?.(run);
  } catch (error) {
    for (const part of [plan.method, step, evaluator, optimizer]) part?.dispose?.();
    throw error;
  }
  optimizer.setPhase(plan.method.phase(0));
}
