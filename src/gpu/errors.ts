// The errors the engine throws. Each says what was asked, what was wanted and what was there.
import { EspalierError, expectKeys } from "../text/index.ts";

/** What an error message needs to know of a tensor. */
export interface Described {
  readonly shape: readonly number[];
  readonly dtype: string;
}

function describe(tensors: Record<string, Described | null | undefined>): string {
  const parts: string[] = [];
  for (const [name, t] of Object.entries(tensors)) {
    if (t) parts.push(`${name} [${t.shape.join(",")}]${t.dtype === "f32" ? "" : ` ${t.dtype}`}`);
  }
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

/** Wrong arguments to an op; thrown at the call, before anything is enqueued. */
export class OpError extends EspalierError {
  override readonly name = "OpError";
  readonly op: string;
  constructor(op: string, message: string, tensors: Record<string, Described | null | undefined> = {}) {
    super(`${op}: ${message}${describe(tensors)}`);
    this.op = op;
  }
}

/** Throws OpError for an option that `known` does not hold. */
export function expectOptions(op: string, given: unknown, known: Readonly<Record<string, true>>): void {
  expectKeys(given, known, (problem) => new OpError(op, problem));
}

/** A shader that did not compile or a dispatch the device refused; carries the compiler's words. */
export class KernelError extends EspalierError {
  override readonly name = "KernelError";
  readonly kernel: string;
  constructor(kernel: string, message: string) {
    super(`kernel ${kernel}: ${message}`);
    this.kernel = kernel;
  }
}

/** Use of a tensor whose memory was given back. */
export class DisposedError extends EspalierError {
  override readonly name = "DisposedError";
}

/** Something inside `capture(fn)` that a replay could not repeat. */
export class CaptureError extends EspalierError {
  override readonly name = "CaptureError";
}

/** What was in use when memory ran out. Bytes. */
export interface MemoryAtFailure {
  /** What could not be had. */
  readonly asked: number;
  readonly what: string;
  /** In use, and held for reuse, without it. */
  readonly live: number;
  readonly pooled: number;
}

/** More memory than the adapter or its bindings allow. */
export class MemoryError extends EspalierError {
  override readonly name = "MemoryError";
  /** Where the device ran out of memory; null where one tensor is larger than the adapter's limits. */
  readonly at: MemoryAtFailure | null;
  constructor(message: string, at: MemoryAtFailure | null = null) {
    super(message);
    this.at = at;
  }
}

/** No adapter, an adapter that refuses a device, or a device that went away. */
export class GpuLostError extends EspalierError {
  override readonly name = "GpuLostError";
  /** True where a device was there and is gone: a new one may do. */
  readonly lost: boolean;
  constructor(message: string, lost = false) {
    super(message);
    this.lost = lost;
  }
}

/** Submitted work that does not end. */
export class GpuHangError extends EspalierError {
  override readonly name = "GpuHangError";
  /** Kernels of the submit that does not end, in order; of the last one where all have ended. */
  readonly kernels: readonly string[];
  constructor(message: string, kernels: readonly string[]) {
    super(message);
    this.kernels = kernels;
  }
}
