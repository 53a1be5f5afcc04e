// Weights as a file names them, before one knows which of them a model takes.
import type { HostArray } from "../tensor/index.ts";
import { type FileArray, float32Fault, quote, toFloat32 } from "./array_types.ts";
import { DamagedFileError } from "./damaged.ts";

/** A file that holds no weights, or none that can be told apart or put into numbers; the message names the file. */
export class WeightsError extends DamagedFileError {
  override readonly name = "WeightsError";
}

/** One array, read when it is wanted. */
export interface WeightEntry {
  readonly shape: readonly number[];
  read(): FileArray;
}

/** Arrays by name, of which a file may hold several. */
export interface WeightsDict {
  /** The keys that lead to it; [] is the file itself. */
  readonly path: readonly string[];
  readonly entries: ReadonlyMap<string, WeightEntry>;
  /** Names of what is no array, such as an epoch number. */
  readonly ignored: readonly string[];
  /** Entries that cannot be read, and why. */
  readonly refused: ReadonlyMap<string, string>;
}

/** PyTorch's counts of training steps and of averaged models: no result depends on them. */
const COUNTER = /(?:^|\.)(num_batches_tracked|n_averaged)$/;
export const isCounter = (name: string): boolean => COUNTER.test(name);

/** An entry as float32. Errors: WeightsError naming the entry, for numbers that float32 cannot hold. */
export function denseOf(entry: WeightEntry, name: string, file: string): HostArray<Float32Array> {
  const array = entry.read();
  const fault = isCounter(name) ? null : float32Fault(array);
  if (fault !== null) throw new WeightsError(file, `${quote(name)}: ${fault}`);
  return { data: toFloat32(array), shape: entry.shape };
}
