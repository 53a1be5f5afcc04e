// Weights under the names of a file, before they are matched to a model.
import type { HostArray } from "../tensor/index.ts";
import { type FileArray, float32Fault, quote, toFloat32 } from "./array_types.ts";
import { DamagedFileError } from "./damaged.ts";

/** A file without weights, or with ambiguous or unusable ones. The message names the file. */
export class WeightsError extends DamagedFileError {
  override readonly name = "WeightsError";
}

/** One array, read on demand. */
export interface WeightEntry {
  readonly shape: readonly number[];
  read(): FileArray;
}

/** Arrays by name; a file may hold several such dicts. */
export interface WeightsDict {
  /** Keys that lead to it; [] is the file itself. */
  readonly path: readonly string[];
  readonly entries: ReadonlyMap<string, WeightEntry>;
  /** Names of entries that are no arrays, such as an epoch number. */
  readonly ignored: readonly string[];
  /** Entries that cannot be read, and why. */
  readonly refused: ReadonlyMap<string, string>;
}

/** PyTorch's counters of training steps and of averaged models: no result depends on them. */
const COUNTER = /(?:^|\.)(num_batches_tracked|n_averaged)$/;
export const isCounter = (name: string): boolean => COUNTER.test(name);

/** Read an entry as float32. Errors: WeightsError naming the entry, for numbers that float32 cannot hold. */
export function denseOf(entry: WeightEntry, name: string, file: string): HostArray<Float32Array> {
  const array = entry.read();
  const fault = isCounter(name) ? null : float32Fault(array);
  if (fault !== null) throw new WeightsError(file, `${quote(name)}: ${fault}`);
  return { data: toFloat32(array), shape: entry.shape };
}
