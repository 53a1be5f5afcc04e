// The errors the engine throws. Each says what was asked, what was wanted and what was there.

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
export class OpError extends Error {
  override readonly name = "OpError";
  readonly op: string;
  constructor(op: string, message: string, tensors: Record<string, Described | null | undefined> = {}) {
    super(`${op}: ${message}${describe(tensors)}`);
    this.op = op;
  }
}

/** A shader that did not compile or a dispatch the device refused; carries the compiler's words. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly kernel: string;
  constructor(kernel: string, message: string) {
    super(`kernel ${kernel}: ${message}`);
    this.kernel = kernel;
  }
}

/** Use of a tensor whose memory was given back. */
export class DisposedError extends Error {
  override readonly name = "DisposedError";
}

/** Something inside `capture(fn)` that a replay could not repeat. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
}

/** More memory than the adapter or its bindings allow. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";
}

/** No adapter, or the device went away. */
export class GpuLostError extends Error {
  override readonly name = "GpuLostError";
}
