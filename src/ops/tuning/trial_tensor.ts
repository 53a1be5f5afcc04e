// Operands for the autotuner's trials.
import { allocate, type DType, fillZero, type Tensor } from "../../tensor/index.ts";

/** Make `count` zeros that no scope frees. The caller disposes of them. */
export function trialTensor(count: number, dtype: DType = "f32"): Tensor {
  const t = allocate([count], dtype, { scoped: false });
  fillZero(t); // reused memory may hold denormals, which some processors multiply a hundred times slower
  return t;
}

export function disposeAll(tensors: Readonly<Record<string, Tensor | null>>): void {
  for (const t of Object.values(tensors)) t?.dispose();
}
