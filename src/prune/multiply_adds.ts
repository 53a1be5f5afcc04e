// Multiply-adds of a pruned network: what would be left to do if every zero weight were skipped.
import type { ModelSummary } from "../nn/index.ts";
import { ArgumentError, expectKeys } from "../text/index.ts";

/** Zeros of a prunable parameter, named as in the model: `<module>.weight`. */
export interface LayerCount {
  readonly name: string;
  readonly weights: number;
  readonly zeros: number;
}

export interface LayerMultiplyAdds extends LayerCount {
  /** zeros / weights. */
  readonly sparsity: number;
  /** Multiply-adds of one sample (of a spiking network: of one time step) with every weight. */
  readonly macs: number;
  /** macs · nonzeros / weights. */
  readonly sparseMacs: number;
}

export interface MultiplyAdds {
  /** The layers given, in their order. */
  readonly layers: readonly LayerMultiplyAdds[];
  /** Of the whole network, layers that were not given included. */
  readonly macs: number;
  /** The same with zeros skipped; layers that were not given and `extra` count in full. */
  readonly sparseMacs: number;
}

/**
 * Multiply-adds of a network, dense and with zero weights skipped.
 *
 * Counted are convolutions and linear layers, one sample, as `summarize` gives them; a weight that is used at p places
 * costs p, so the share that is left is nonzeros / weights of each layer. A zero is skipped wherever the kernel hangs
 * over the border too: the count is by weight, not by product. A layer that runs several times counts each time.
 *
 * Options   `extra`: operations done either way that the summary leaves out, for counts that include them; with the
 *           global average pool of ResNet-50, 100352 additions, the dense total is the customary 4.09 G. Default 0.
 * Errors    ArgumentError when a layer is not in the summary, given twice, or counts more zeros than weights.
 */
export function multiplyAdds(
  summary: Pick<ModelSummary, "layers">,
  layers: readonly LayerCount[],
  options: { readonly extra?: number } = {},
): MultiplyAdds {
  expectKeys(options, { extra: true }, (problem) => new ArgumentError(`multiply-adds: ${problem}`));
  const { extra = 0 } = options;
  if (!Number.isFinite(extra) || extra < 0)
    throw new ArgumentError(`multiply-adds: extra wants >= 0, was given ${extra}`);
  const ofModule = new Map<string, number>();
  for (const { name, macs } of summary.layers) ofModule.set(name, (ofModule.get(name) ?? 0) + macs);
  const seen = new Set<string>();
  const rows = layers.map(({ name, weights, zeros }): LayerMultiplyAdds => {
    const module = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const macs = ofModule.get(module);
    if (macs === undefined)
      throw new ArgumentError(`multiply-adds: ${name} wants a layer ${module}, the summary has none`);
    if (seen.has(name)) throw new ArgumentError(`multiply-adds: ${name} is given twice`);
    seen.add(name);
    if (!Number.isInteger(weights) || weights < 1) {
      throw new ArgumentError(`multiply-adds: ${name} wants a whole number >= 1 of weights, was given ${weights}`);
    }
    if (!Number.isInteger(zeros) || zeros < 0 || zeros > weights) {
      throw new ArgumentError(`multiply-adds: ${name} wants 0 to ${weights} zeros, was given ${zeros}`);
    }
    return { name, weights, zeros, sparsity: zeros / weights, macs, sparseMacs: (macs * (weights - zeros)) / weights };
  });
  const dense = summary.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const saved = rows.reduce((sum, row) => sum + (row.macs - row.sparseMacs), 0);
  return { layers: rows, macs: dense + extra, sparseMacs: dense - saved + extra };
}
