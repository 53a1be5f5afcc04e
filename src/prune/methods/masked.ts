// Fine-tuning of a sparse model: zeros of the loaded weights stay, the rest is trained.
import type { PruningMethod } from "../method.ts";
import { noThreshold } from "../method.ts";

export function masked(): PruningMethod {
  return { ...noThreshold, name: "masked", group: { mode: "inplace" }, phase: () => "mask", isFrozen: () => true };
}
