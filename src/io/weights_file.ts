// A model's weights out of whichever kind of file they come in: safetensors, sparse safetensors, or PyTorch's .pt/.pth.
import { type DenseArray, readModelWeights } from "./sparse_weights.ts";
import { denseWeights, isTorchFile, readTorchFile, stateDictOf } from "./torch/index.ts";

export interface WeightsFile {
  readonly weights: Map<string, DenseArray>;
  /** The metadata of a safetensors file; empty for PyTorch's. */
  readonly metadata: Map<string, string>;
  /** What was chosen and left out in a checkpoint, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Weights as float32 by name, from a file whose kind its first bytes tell.
 *
 * Options   key: the dict of a PyTorch checkpoint to take, see stateDictOf.
 * Errors    TorchFileError or SafetensorsError, naming the file.
 */
export async function readWeights(
  bytes: Uint8Array,
  name = "weights",
  { key }: { key?: string } = {},
): Promise<WeightsFile> {
  if (!isTorchFile(bytes)) return { ...readModelWeights(bytes, name), notes: [] };
  const tree = await readTorchFile(bytes, name);
  const { arrays, notes } = stateDictOf(tree, { name, ...(key === undefined ? {} : { key }) });
  return { weights: denseWeights(arrays), metadata: new Map(), notes };
}
