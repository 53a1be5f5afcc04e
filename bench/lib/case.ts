// Types of a benchmark: a kernel case (variants that compute the same result) or a host case (other measurements).
import type { Tensor } from "../../src/tensor/index.ts";

/** One implementation of the case. */
export interface Variant {
  readonly name: string;
  /** Enqueue one run without waiting. */
  run(): void;
  /** Return the tensors that a run wrote, for the check. */
  results(): readonly Tensor[];
  /** Return the names of the kernels that a run dispatches. */
  kernels?(): readonly string[];
}

export interface Prepared {
  /** Variants to measure. The first is the baseline: the naive twin if there is one. */
  readonly variants: readonly Variant[];
  /** Expected results in float64. Default: those of the first variant. */
  readonly expected?: readonly ArrayLike<number>[];
  /** Largest allowed deviation, as a share of the largest value of each result. Default 1e-5. */
  readonly tolerance?: number;
}

/** Minimal work of any implementation, for the roofline and the shares of the peaks. */
export interface Work {
  /** Floating-point operations of one run. A multiply-add counts as two. */
  readonly flops?: number;
  /** Bytes that must be read and written at least once. */
  readonly bytes: number;
}

export interface KernelCase {
  readonly kind: "kernel";
  /** Name of the file under bench/cases: "matmul", "conv2d", "batch_norm", ... */
  readonly group: string;
  /** Pass, shape and batch, unique within the group: "forward 3x3 16->32 [8,16,32,32]". */
  readonly name: string;
  readonly work: Work;
  /** Make tensors and variants. Runs inside a Scope that frees them. */
  prepare(): Prepared | Promise<Prepared>;
}

/** One number of a host case. */
export interface HostFigure {
  readonly name: string;
  readonly value: number;
  /** Unit: "ms", "us", "MB", "dispatches", "GB/s", ... */
  readonly unit: string;
}

/** A case that measures whole steps, uploads or overheads itself, with the help of bench/lib. */
export interface HostCase {
  readonly kind: "host";
  readonly group: string;
  readonly name: string;
  measure(): Promise<readonly HostFigure[]>;
}

export type BenchCase = KernelCase | HostCase;
