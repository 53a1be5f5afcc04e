// The prune room: pruning methods, threshold schedules, and measures of pruned networks.
export { WEIGHT_GROUPS, type WeightGroupName } from "../optim/weight_groups.ts";
export {
  type Compaction,
  type CompactionOptions,
  type CompactOptions,
  compact,
  planCompaction,
} from "./compact/compact.ts";
export { applyCompaction, type CompactLayer, type CompactSizes } from "./compact/description.ts";
export type { CompactedLayer, KeptChannels } from "./compact/report.ts";
export { type Compression, compression, type LayerZeros, type StoredSize } from "./compression.ts";
export {
  PRUNING_METHODS,
  PRUNING_SCOPES,
  type PruneConfig,
  type PruningMethodName,
  type PruningScope,
  type RunShape,
  STEERINGS,
  type SteeringName,
  TRAINING_KERNELS,
  type TrainingKernels,
} from "./config.ts";
export { type CutArena, cutSmallest } from "./cut.ts";
export { erkDensities } from "./erk.ts";
export { denseLayers, inverseThreshold, pruningGroups } from "./groups.ts";
export {
  coefficientOfVariation,
  type ImpliedLambda,
  type ImpliedLambdaInput,
  impliedLambda,
} from "./implied_lambda.ts";
export type { LayerShares } from "./layer_shares.ts";
export {
  type MagnitudeArena,
  MagnitudeSelect,
  type MagnitudeSelectOptions,
  magnitudeArena,
} from "./magnitude_select.ts";
export { type MaskChange, MaskWatch } from "./mask_watch.ts";
export type { HeldStep, PreliminarySteps, PruningMethod, PruningRun } from "./method.ts";
export { makePruningMethod } from "./methods/index.ts";
export { type LayerCount, type LayerMultiplyAdds, type MultiplyAdds, multiplyAdds } from "./multiply_adds.ts";
export { type PruningMethodParts, pruningMethod } from "./own_method.ts";
export { paretoFront, type SparsityPoint } from "./pareto.ts";
export { SteeredThreshold, type SteerOptions } from "./steer.ts";
export { type SearchedChunk, SearchedThreshold, type SearchOptions } from "./steer_search.ts";
export {
  makeThresholdSchedule,
  THRESHOLD_SCHEDULES,
  type ThresholdConfig,
  type ThresholdRun,
  type ThresholdSchedule,
  type ThresholdScheduleName,
  thresholdFromLambda,
} from "./threshold_schedule.ts";
export { trainingsProblem } from "./trainings.ts";
export { PRUNE_USES } from "./uses.ts";
export { type WeightHistogram, weightHistogram } from "./weight_histogram.ts";
export type { GroupZeros } from "./zero_groups.ts";
