// The tensor folder: data on the GPU, its lifetime, and captured steps. It has no ops.
export {
  afterRun,
  type CapturedStep,
  type CaptureOptions,
  captureStep,
  type DescribedCommand,
  type HostArray,
  type StepArrays,
  type StepMemory,
  type StepTensors,
} from "./capture.ts";
export {
  clone,
  copyBytes,
  copyInto,
  empty,
  emptyLike,
  fillZero,
  metaTensor,
  persistent,
  readAll,
  scalar,
  tensor,
  zeros,
} from "./create.ts";
export { actSpec, bytesOf, type DType, dtypeOf, type TypedArray } from "./dtype.ts";
export { describeNonFinite, expectFinite, firstNonFinite, type NonFiniteEntry, NonFiniteError } from "./finite.ts";
export { type FormatOptions, formatTensor } from "./format.ts";
export { halfBits } from "./half.ts";
export type { NestedNumbers } from "./nested.ts";
export { bindableParts, type Part, partOf, stretch } from "./parts.ts";
export { isRehearsing, rehearse } from "./rehearse.ts";
export { Scope, type ScopeMember, tidy } from "./scope.ts";
export {
  broadcastShapes,
  checkShape,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  numel,
  type Shape,
  sameShape,
  stridesOf,
  windowOutput,
} from "./shape.ts";
export { allocate, Tensor, type TensorInit } from "./tensor.ts";
export { type TensorTree, tensorsOf } from "./tree.ts";
