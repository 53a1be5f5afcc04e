// The optim room: the fused optimiser and learning-rate schedules.
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
export {
  type ParameterCounts,
  type ParamGroup,
  type PruningPhase,
  SGD,
  type SGDOptions,
  type StepValues,
  type ThresholdMode,
} from "./sgd.ts";
export type { LtpOptimizerOptions, StepFunction, StrOptions, ThresholdCurve } from "./sgd_options.ts";
