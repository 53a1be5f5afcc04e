// The optim room: the fused optimisers and learning-rate schedules.
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export type { AdaptiveOptions } from "./adaptive.ts";
export { enableWeightGroups } from "./grouped.ts";
export { enableLearnedThresholds } from "./learned.ts";
export { LossScale, type LossScaleOptions, type LossScaleState } from "./loss_scale.ts";
export {
  LR_SCHEDULES,
  LR_USES,
  type LrConfig,
  type LrSchedule,
  type LrScheduleName,
  makeLrSchedule,
} from "./lr_scheduler.ts";
export { checkOptimizerConfig, namedOptimizer } from "./named_optimizer.ts";
export { Optimizer } from "./optimizer.ts";
export {
  hasMomentum,
  OPTIMIZER_DEFAULTS,
  OPTIMIZER_USES,
  OPTIMIZERS,
  type OptimizerConfig,
  type OptimizerName,
} from "./optimizer_names.ts";
export type {
  OptimizerOptions,
  PruningPhase,
  StepFunction,
  StepValues,
  ThresholdCurve,
  ThresholdMode,
} from "./optimizer_options.ts";
export type { ParameterCounts } from "./parameter_counts.ts";
export { RMSProp, type RMSPropOptions } from "./rmsprop.ts";
export { type ParamGroup, SGD, type SGDOptions } from "./sgd.ts";
export type { LtpOptimizerOptions, StrOptions } from "./sgd_options.ts";
export { WEIGHT_GROUPS, type WeightGroupName } from "./weight_groups.ts";
