// Multiply-adds of a pruned network, if every zero weight were skipped.
import type { ModelSummary } from "../nn/index.ts";
import { ArgumentError, checksOf, expectKeys } from "../text/index.ts";

const check = checksOf("multiply-adds");

/** Zeros of a prunable parameter. Its name is that in the model: `<module>.weight`. */
export interface LayerCount {
  readonly name: string;
  readonly weights: number;
  readonly zeros: number;
}

/** Multiply-adds of a layer. */
export interface LayerMultiplyAdds extends LayerCount {
  /** zeros / weights. */
  readonly sparsity: number;
  /** Multiply-adds of one sample (of a spiking network: of one time step) with every weight. */
  readonly macs: number;
  /** macs · nonzeros / weights. */
  readonly sparseMacs: number;
}

/** Multiply-adds of a network. */
export interface MultiplyAdds {
  /** The given layers, in their order. */
  readonly layers: readonly LayerMultiplyAdds[];
  /** Multiply-adds of the whole network, including layers that were not given. */
  readonly macs: number;
  /** The same with zeros skipped; layers that were not given and `extra` count in full. */
  readonly sparseMacs: number;
}

/**
 * Compute the multiply-adds of a network, dense and with zero weights skipped.
 *
 * Counts convolutions and linear layers for one sample, as `summarize` gives them. A weight that is used at p positions costs p,
 * so each layer's share is nonzeros / weights. The count is by weight: positions in the padding count too. A layer that runs
 * several times counts each time.
 *
 * Options   `extra`: operations that the summary leaves out, added to both totals. With the global average pool of ResNet-50,
 *           100352 additions, the dense total is the customary 4.09 G. Default 0.
 * Errors    ArgumentError if a layer is not in the summary, given twice, or has more zeros than weights.
 * @example
 * const summary = summarize(new Sequential([new Linear(100, 10)]), [100]);
 * const { macs, sparseMacs } = multiplyAdds(summary, [{ name: "0.weight", weights: 1000, zeros: 900 }]);
 * console.log(macs, sparseMacs); // 1000 100
 */
export function multiplyAdds(
  summary: Pick<ModelSummary, "layers">,
  layers: readonly LayerCount[],
  options: { readonly extra?: number } = {},
): MultiplyAdds {
  expectKeys(options, { extra: true }, (problem) => new ArgumentError(`multiply-adds: ${problem}`));
  const { extra = 0 } = options;
  check("extra", "a finite number >= 0", extra, Number.isFinite(extra) && extra >= 0);
  const ofModule = new Map<string, number>();
  for (const { name, macs } of summary.layers) ofModule.set(name, (ofModule.get(name) ?? 0) + macs);
  const seen = new Set<string>();
  const rows = layers.map(({ name, weights, zeros }): LayerMultiplyAdds => {
    const module = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const macs = ofModule.get(module);
    if (macs === undefined)
      throw new ArgumentError(`multiply-adds: ${name}: expected a layer ${module} in the summary, got none`);
    check(name, "each layer once", "it twice", !seen.has(name));
    seen.add(name);
    check(`weights of ${name}`, "an integer >= 1", weights, Number.isInteger(weights) && weights >= 1);
    check(`zeros of ${name}`, `0 to ${weights}`, zeros, Number.isInteger(zeros) && zeros >= 0 && zeros <= weights);
    return { name, weights, zeros, sparsity: zeros / weights, macs, sparseMacs: (macs * (weights - zeros)) / weights };
  });
  const dense = summary.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const saved = rows.reduce((sum, row) => sum + (row.macs - row.sparseMacs), 0);
  return { layers: rows, macs: dense + extra, sparseMacs: dense - saved + extra };
}
