// The train room: the captured step, the loop around it, evaluation and checkpoints. Independent of the host.
export {
  type ActivityOptions,
  type ActivityTotals,
  measureActivity,
  type NetworkActivity,
  PICOJOULES,
  type SpikingActivity,
  type WeightActivity,
} from "./activity.ts";
export { argmaxRows } from "./argmax_rows.ts";
export {
  BatchInput,
  type BatchInputOptions,
  BatchStep,
  type BatchStepOptions,
  type HostBatch,
  type HostBatches,
  type ImageSize,
} from "./batch_step.ts";
export {
  type CaptureSpikesOptions,
  captureSpikes,
  type PotentialTrace,
  type SpikeFigure,
  type SpikeRaster,
} from "./capture_spikes.ts";
export {
  CheckpointError,
  type CheckpointExtras,
  type CheckpointFile,
  type CheckpointProgress,
  checkpointParts,
  type LoadedCheckpoint,
  loadCheckpoint,
  readProgress,
  saveCheckpoint,
} from "./checkpoint.ts";
export { completeConfig, type RunConfig, type RunSettings } from "./config.ts";
export { deadText } from "./dead_layers.ts";
export type { EpochLayer } from "./epoch_layers.ts";
export { type Evaluation, Evaluator, type EvaluatorOptions, FIRST_DRAW } from "./evaluate.ts";
export { firstBatches } from "./first_batches.ts";
export type {
  CheckpointReason,
  EndReason,
  EpochRecord,
  EpochTest,
  FitOptions,
  FitResult,
  RunPosition,
  RunRecord,
  StepRecord,
} from "./fit.ts";
export type { FitCallbacks } from "./fit_control.ts";
export type { CounterState } from "./fit_counters.ts";
export { fit, sparsityOf } from "./fit_loop.ts";
export { groupSparsityOf } from "./group_sparsity.ts";
export { type LayerSparsity, layerSparsity } from "./layer_sparsity.ts";
export type { RunListeners } from "./listeners.ts";
export { csvLogger, jsonLinesLogger, type Logger, type WriteText } from "./loggers.ts";
export { ALL_FINITE, Meter, type StepMetrics } from "./meter.ts";
export { GradientSum, type MicroBatches, recordedSizes } from "./micro_batches.ts";
export { type LoadedModel, type LoadModelOptions, loadModel, type SaveModelOptions, saveModel } from "./model_bytes.ts";
export {
  betterOf,
  defaultMetrics,
  LOSSES,
  type LossName,
  METRICS,
  type MetricName,
  namedLoss,
  namedMetrics,
  type TargetFacts,
} from "./named_objectives.ts";
export type { CompoundMetric, LossFunction, Metric, MetricFunction, Metrics } from "./objective.ts";
export { type EvaluationPlanOptions, type MemoryPlan, type PlanOptions, planEvaluation, planTraining } from "./plan.ts";
export type { Precision } from "./precision.ts";
export { type RecalibrateOptions, recalibrate } from "./recalibrate.ts";
export { type PruningReport, pruningReport } from "./report.ts";
export {
  type PastDifference,
  type PlanOverrides,
  type ProgressFunction,
  pastDifference,
  planRun,
  type RunPlan,
  type RunSchedule,
} from "./run_plan.ts";
export {
  type Better,
  bestOf,
  isBetter,
  type Measured,
  type Score,
  type ScoreValue,
  valueOfScore,
} from "./score.ts";
export { Session } from "./session.ts";
export {
  type DatasetPair,
  evaluationBatch,
  type SampleTransform,
  type SessionBatches,
  type SessionData,
  type SessionSamples,
  uploadBatch,
} from "./session_data.ts";
export type { SessionOptimizer } from "./session_optimizer.ts";
export type { SessionOptions } from "./session_options.ts";
export {
  largestDifference,
  measureSpeed,
  modelWay,
  type SpeedOptions,
  type SpeedResult,
  type SpeedRun,
  type SpeedSpread,
  type SpeedWay,
  speedSamples,
  spreadOf,
} from "./speed.ts";
export {
  kernelCounts,
  openSpeedForms,
  SPEED_FORMS,
  type SpeedForm,
  type SpeedFormName,
  type SpeedForms,
  type SpeedSubject,
} from "./speed_forms.ts";
export { CheckpointShelf, type DamagedCheckpoint, type FoundCheckpoint, type RunStore } from "./store.ts";
export {
  scoreOfPoint,
  TRAIL_KEEPS,
  Trail,
  type TrailEntry,
  type TrailKeep,
  type TrailOptions,
  type TrailPoint,
  trailFront,
} from "./trail.ts";
export {
  NonFiniteLossError,
  NonFiniteWeightsError,
  type StepInputs,
  type TargetFormat,
  TrainStep,
  type TrainStepOptions,
} from "./train_step.ts";
