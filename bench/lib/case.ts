// What a benchmark is: a kernel case (variants that compute the same thing) or a host case (anything else that has a time).
import type { Tensor } from "../../src/tensor/index.ts";

/** One way to compute the case's result. */
export interface Variant {
  readonly name: string;
  /** Enqueues one run and does not wait. */
  run(): void;
  /** What a run wrote, for the check. */
  results(): readonly Tensor[];
}

export interface Prepared {
  /** The first is what the others are measured against: the naive twin where there is one. */
  readonly variants: readonly Variant[];
  /** Values that each variant's results must have, in float64; absent: those of the first variant. */
  readonly expected?: readonly ArrayLike<number>[];
  /** Largest deviation, as a share of the largest value of each result. Default 1e-5. */
  readonly tolerance?: number;
}

/** The least that any implementation has to do, for the roofline and the shares of the peaks. */
export interface Work {
  /** Floating-point operations of one run; a multiply-add counts two. */
  readonly flops?: number;
  /** Bytes that must be read and written once. */
  readonly bytes: number;
}

export interface KernelCase {
  readonly kind: "kernel";
  /** "matmul", "conv2d", "batch_norm", ...: the file under bench/cases. */
  readonly group: string;
  /** Unique within the group; says pass, shape and batch: "forward 3x3 16->32 [8,16,32,32]". */
  readonly name: string;
  readonly work: Work;
  /** Makes tensors and variants. Runs inside a Scope that frees them. */
  prepare(): Prepared | Promise<Prepared>;
}

/** One number of a host case. */
export interface HostFigure {
  readonly name: string;
  readonly value: number;
  /** "ms", "us", "MB", "dispatches", "GB/s", ... */
  readonly unit: string;
}

/** Whole steps, uploads, overheads: measures by itself, with the help of bench/lib. */
export interface HostCase {
  readonly kind: "host";
  readonly group: string;
  readonly name: string;
  measure(): Promise<readonly HostFigure[]>;
}

export type BenchCase = KernelCase | HostCase;
