// The result of pruning: zeros, multiply-adds and storage, per layer and in total.
import { type Module, summarize } from "../nn/index.ts";
import { type Compression, compression } from "../prune/compression.ts";
import { type MultiplyAdds, multiplyAdds } from "../prune/multiply_adds.ts";
import type { Shape } from "../tensor/index.ts";
import type { LayerSparsity } from "./layer_sparsity.ts";

/** Zeros, multiply-adds and storage of a pruned network. */
export interface PruningReport extends MultiplyAdds {
  readonly compression: Compression;
}

/**
 * Return the report of a model whose prunable layers have these zeros. `sample`: shape of one input, without the batch axis.
 * Multiply-adds are counted for one sample, and for one time step of a spiking network.
 */
export function pruningReport(model: Module, sample: Shape, layers: readonly LayerSparsity[]): PruningReport {
  const counted = model.parameters();
  const others = counted.reduce((n, p) => n + (p.prunable ? 0 : p.numel), 0);
  return { ...multiplyAdds(summarize(model, sample), layers), compression: compression(layers, others) };
}
