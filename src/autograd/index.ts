// The autograd folder: defines ops, records them and runs backward. It contains no particular op.
export { activationCheckpoint, computeOnce } from "./activation_checkpoint.ts";
export { convert, convertInto } from "./convert.ts";
export { configureDebug } from "./debug.ts";
export { gradEnabled, noGrad } from "./grad_mode.ts";
export {
  type GradcheckOptions,
  type GradcheckReport,
  type GradcheckWorst,
  type GradTolerance,
  gradcheck,
} from "./gradcheck.ts";
export { type Inspector, setInspector } from "./inspection.ts";
export { lanesFor } from "./lanes.ts";
export { type BadOp, NanWatch } from "./nan_watch.ts";
export {
  defineOp,
  defineView,
  expectActivations,
  expectFloat,
  expectRank,
  expectScalar,
  type Op,
  type OpDefinition,
  outputLike,
} from "./op.ts";
export { axesStep, splitAxes, sumAxesInto, sumTo } from "./reduce_axes.ts";
export { accumulate, type BackwardContext, currentTape, fill, onStrayGradient, Tape } from "./tape.ts";
export { isTracing, numberOf, type TracedOp, tracedNumber, traceOps } from "./trace.ts";
