// The prune room: when the threshold rises, what it acts on, and what it amounts to.
export { type GroupOptions, inverseThreshold, pruningGroups } from "./groups.ts";
export {
  coefficientOfVariation,
  type ImpliedLambda,
  type ImpliedLambdaInput,
  impliedLambda,
} from "./implied_lambda.ts";
export {
  makeThresholdSchedule,
  THRESHOLD_SCHEDULES,
  type ThresholdConfig,
  type ThresholdRun,
  type ThresholdSchedule,
  type ThresholdScheduleName,
  thresholdFromLambda,
} from "./threshold_schedule.ts";
