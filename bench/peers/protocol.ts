// Messages between the benchmark and a side: one JSON object per line on the side's standard input and output.
import type { Calls } from "../cases/calls.ts";
import type { Workload } from "./workloads.ts";

export type Request =
  | { readonly do: "prepare"; readonly work: Workload }
  /** Run for about `ms` milliseconds, at least once. */
  | { readonly do: "round"; readonly ms: number };

export interface Prepared {
  /** Milliseconds of the first run, in which pipelines are made and drivers compile. */
  readonly firstMs: number;
  /** Milliseconds of the second run. */
  readonly warmMs: number;
  /** WebGPU calls of a run; null for a side that does not use WebGPU. */
  readonly calls: Calls | null;
  /** Results in base64 of float32, in PyTorch's layouts: a kernel's outputs, or the losses of a net's first steps. */
  readonly results: readonly string[];
  /** Library and version. */
  readonly library: string;
  readonly adapter: string;
}

export interface Round {
  /** Milliseconds per run. */
  readonly ms: number;
  readonly repeats: number;
}

export type Answer<T> = { readonly value: T } | { readonly error: string };

/** Steps whose losses are compared: the third one depends on two updates. */
export const LOSSES = 3;

export function encodeFloats(values: Float32Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

/** Decode float32 values. Throws RangeError if the byte count is not a multiple of 4. */
export function decodeFloats(text: string): Float32Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  if (bytes.length % 4 !== 0)
    throw new RangeError(`float32 values: expected a multiple of 4 bytes, got ${bytes.length}`);
  return new Float32Array(bytes.buffer);
}
