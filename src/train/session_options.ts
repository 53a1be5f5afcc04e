// Options of a session.
import { Module, RandomState } from "../nn/index.ts";
import { ArgumentError, expectKeys, isRecord, type KeysOf, kindOf } from "../text/index.ts";
import type { RunSettings } from "./config.ts";
import type { RunListeners } from "./listeners.ts";
import { checkObjective, type LossFunction, type Metrics } from "./objective.ts";
import type { PlanOverrides } from "./run_plan.ts";
import type { Score } from "./score.ts";
import type { SampleTransform, SessionData } from "./session_data.ts";
import type { SessionOptimizer } from "./session_optimizer.ts";

/**
 * Options of a session: only `model` and `data` are required. `config` holds settings that can be saved as JSON; functions and
 * objects are separate options. A setting is refused beside an option that replaces it.
 */
export interface SessionOptions extends RunListeners, Pick<PlanOverrides, "method" | "schedule"> {
  /** Network of one input and, for the default loss, logits [N, classes]. The session disposes it. */
  readonly model: Module;
  /** Training set, or { train, test }. The session ends its reading when it stops; the caller closes streamed data sets. */
  readonly data: SessionData;
  /** Settings; see RunSettings for the defaults. */
  readonly config?: RunSettings | undefined;
  /**
   * Augmentation of the training samples in place of `config.augment`: an ImageTransform for images in memory, a function for
   * arrays. Streamed data sets augment their images themselves.
   */
  readonly transform?: SampleTransform | undefined;
  /**
   * Default: cross entropy of class numbers, with `config.labelSmoothing`. For a regression give mseLoss or another one, and targets that
   * are numbers in the shape of the outputs. Evaluation uses it too.
   */
  readonly loss?: LossFunction | undefined;
  /** Metrics of the records: over the test set, and in train mode over the latest steps. */
  readonly metrics?: Metrics | undefined;
  /**
   * Measurement that chooses the best model: a metric, `loss` or `accuracy`, and its direction. Default: accuracy of class numbers,
   * else the loss.
   */
  readonly score?: Score | undefined;
  /** Default: the one of `config.optimizer`, over the groups of the pruning method. */
  readonly optimizer?: SessionOptimizer | undefined;
  /** Saved inside checkpoints, as JSON. Default: `config` with its defaults filled in. */
  readonly savedConfig?: unknown;
  /** Random state of the model's dropout layers, if the model does not hold it. */
  readonly random?: RandomState | undefined;
  /** False: run each step eagerly, which is slower and gives the same bits. Default true. */
  readonly replay?: boolean | undefined;
}

const OPTION_KEYS: KeysOf<SessionOptions> = {
  ...{ model: true, data: true, config: true, transform: true, loss: true, metrics: true, score: true },
  ...{ optimizer: true, method: true, schedule: true },
  ...{ onStep: true, onRecord: true, onEpoch: true, onEnd: true, loggers: true },
  ...{ savedConfig: true, random: true, replay: true },
};

/** Check the options and their agreement with the settings. Errors: ArgumentError. */
export function checkSessionOptions(options: SessionOptions): void {
  const refuse = (problem: string) => new ArgumentError(`Session: ${problem}`);
  expectKeys(options, OPTION_KEYS, refuse);
  const { model, schedule, config, method, random, replay } = options;
  if (!(model instanceof Module)) throw refuse(`model: expected a module, got ${kindOf(model)}`);
  if (config !== undefined && !isRecord(config)) throw refuse(`config: expected an object, got ${kindOf(config)}`);
  if (method !== undefined && typeof method !== "function" && !isRecord(method))
    throw refuse(`method: expected a pruning method or a function that makes it, got ${kindOf(method)}`);
  if (random !== undefined && !(random instanceof RandomState))
    throw refuse(`random: expected a RandomState, got ${kindOf(random)}`);
  if (replay !== undefined && typeof replay !== "boolean")
    throw refuse(`replay: expected true or false, got ${kindOf(replay)}`);
  // Before the optimizer takes over the parameters.
  checkObjective("Session", { loss: options.loss, metrics: options.metrics });
  checkSchedule(options);
  if (schedule?.lr && config?.lr !== undefined) throw refuse("schedule.lr: expected nothing beside config.lr");
  const { labelSmoothing = 0 } = config ?? {};
  if (options.loss !== undefined && labelSmoothing !== 0)
    throw refuse(`config.labelSmoothing: expected 0 beside a custom loss, got ${labelSmoothing}`);
}

function checkSchedule({ schedule }: SessionOptions): void {
  if (schedule === undefined) return;
  if (!isRecord(schedule)) {
    const problem = `schedule: expected an object { lr, threshold } of functions of the progress, got ${kindOf(schedule)}`;
    throw new ArgumentError(`Session: ${problem}`);
  }
  expectKeys(schedule, { lr: true, threshold: true }, (problem) => new ArgumentError(`Session: schedule: ${problem}`));
  for (const key of ["lr", "threshold"] as const) {
    if (schedule[key] !== undefined && typeof schedule[key] !== "function") {
      const problem = `schedule.${key}: expected a function of the progress, got ${kindOf(schedule[key])}`;
      throw new ArgumentError(`Session: ${problem}`);
    }
  }
}
