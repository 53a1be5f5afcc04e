// The ops room: one export line per op file.
export * from "./batch_norm.ts";
export { add, div, maximum, minimum, mul, sub } from "./binary.ts";
export * from "./conv2d.ts";
export * from "./count_correct.ts";
export * from "./cross_entropy.ts";
export * from "./expand.ts";
export * from "./linear.ts";
export * from "./matmul.ts";
export * from "./reshape.ts";
export * from "./soft_threshold.ts";
export { mean, type ReduceOptions, sum } from "./sum.ts";
export * from "./unary.ts";
