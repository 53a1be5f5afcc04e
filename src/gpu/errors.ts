// The errors of the engine.
import { EspalierError, expectKeys } from "../text/index.ts";

/** The part of a tensor that an error message shows. */
export interface OpOperand {
  readonly shape: readonly number[];
  readonly dtype: string;
}

function describe(tensors: Record<string, OpOperand | null | undefined>): string {
  const parts: string[] = [];
  for (const [name, t] of Object.entries(tensors)) {
    if (t) parts.push(`${name} [${t.shape.join(",")}]${t.dtype === "f32" ? "" : ` ${t.dtype}`}`);
  }
  return parts.length > 0 ? ` (${parts.join(", ")})` : "";
}

/** Wrong arguments to an op; thrown at the call, before anything is enqueued. */
export class OpError extends EspalierError {
  override readonly name = "OpError";
  /** Name of the op. */
  readonly op: string;
  constructor(op: string, message: string, tensors: Record<string, OpOperand | null | undefined> = {}) {
    super(`${op}: ${message}${describe(tensors)}`);
    this.op = op;
  }
}

/** Throw OpError for an option that `known` does not hold. */
export function expectOptions(op: string, given: unknown, known: Readonly<Record<string, true>>): void {
  expectKeys(given, known, (problem) => new OpError(op, problem));
}

/** A shader that did not compile, or a dispatch that the device refused, with the compiler's message. */
export class KernelError extends EspalierError {
  override readonly name = "KernelError";
  /** Name of the kernel. */
  readonly kernel: string;
  constructor(kernel: string, message: string) {
    super(`kernel ${kernel}: ${message}`);
    this.kernel = kernel;
  }
}

/** Use of a tensor whose memory was freed. */
export class DisposedError extends EspalierError {
  override readonly name = "DisposedError";
}

/** An action inside `captureStep(fn)` that a replay could not repeat. */
export class CaptureError extends EspalierError {
  override readonly name = "CaptureError";
}

/** Memory use at an out-of-memory error. Bytes. */
export interface MemoryAtFailure {
  /** Size of the failed request. */
  readonly asked: number;
  readonly what: string;
  /** In use, and kept for reuse, without the request. */
  readonly live: number;
  readonly pooled: number;
}

/** More memory than the adapter or its bindings allow. */
export class MemoryError extends EspalierError {
  override readonly name = "MemoryError";
  /** Set if the device ran out of memory; null if one tensor exceeds the adapter's limits. */
  readonly at: MemoryAtFailure | null;
  constructor(message: string, at: MemoryAtFailure | null = null) {
    super(message);
    this.at = at;
  }
}

/** No adapter, an adapter that refuses a device, or a device that went away. */
export class GpuLostError extends EspalierError {
  override readonly name = "GpuLostError";
  /** True if there was a device and it was lost: a new one may work. */
  readonly lost: boolean;
  constructor(message: string, lost = false) {
    super(message);
    this.lost = lost;
  }
}

/** Submitted work that does not end. */
export class GpuHangError extends EspalierError {
  override readonly name = "GpuHangError";
  /** Kernels of the submit that does not end, in order; those of the last submit if all have ended. */
  readonly kernels: readonly string[];
  /** @internal */
  constructor(message: string, kernels: readonly string[]) {
    super(message);
    this.kernels = kernels;
  }
}
