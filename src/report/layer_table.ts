// Tables of a model's layers: their sizes before training, and how many of their weights are zero after it.
import { groupSparsityOf, type ModelSummary } from "../internal.ts";
import { printable, type TerminalStyle } from "../terminal/terminal.ts";
import { ArgumentError, count, percent, plural, times } from "../text/index.ts";
import { drawTable, styleOf, type TableOptions } from "./table.ts";

export interface LayerRow {
  readonly name: string;
  /** Shape of the weight, e.g. [64, 32, 3, 3]. */
  readonly shape: readonly number[];
  /** Number of weights that are exactly 0. */
  readonly zeros: number;
  /** Groups of weights that are pruned together, and those without a live weight. */
  readonly groups?: number | undefined;
  readonly zeroGroups?: number | undefined;
  /** True for a layer that is not pruned: marked as dense, and part of the total. */
  readonly dense?: boolean | undefined;
}

const LAYER_COLUMNS = [
  { head: "layer", left: true },
  { head: "shape", left: true },
  { head: "weights" },
  { head: "zeros" },
  { head: "sparsity" },
];

/**
 * Render the table at the end of a run: layers, shapes, weights, zeros and sparsity, a total, and a sentence with the
 * compression.
 *
 * Sparsity = zeros / weights. The total counts all layers, dense ones too. A layer without any weight left is marked, for
 * it passes nothing on. Layers with groups of weights have their share of zero groups too.
 *
 * Errors   ArgumentError for a shape that is not of integers >= 1, or a count of zeros that does not fit it.
 */
export function renderLayerTable(layers: readonly LayerRow[], options: TableOptions = {}): string {
  const style = styleOf(options);
  const grouped = groupSparsityOf(layers) !== undefined;
  const columns = grouped ? [...LAYER_COLUMNS, { head: "zero groups" }] : LAYER_COLUMNS;
  let [weights, zeros] = [0, 0];
  const rows = layers.map((layer) => {
    const size = weightsOf(layer);
    weights += size;
    zeros += layer.zeros;
    const sparsity = percent(layer.zeros / size);
    const mark = layer.dense ? `dense ${sparsity}` : layer.zeros < size ? sparsity : allZero(sparsity, style);
    const row = [printable(layer.name), shapeText(layer.shape, style), count(size), count(layer.zeros), mark];
    return grouped ? [...row, layer.groups ? percent((layer.zeroGroups ?? 0) / layer.groups) : ""] : row;
  });
  const sparsity = percent(zeros / Math.max(1, weights));
  const total = ["total", plural(layers.length, "layer"), count(weights), count(zeros), sparsity];
  if (grouped) total.push(percent(groupSparsityOf(layers) ?? 0));
  const left = weights - zeros;
  const kept = `${count(left)} of ${count(weights)} weights left`;
  return `${drawTable(columns, rows, style, [total])}\n${kept}${left === 0 ? "" : `, ${times(weights / left)} fewer`}`;
}

function weightsOf({ name, shape, zeros }: LayerRow): number {
  const size = shape.reduce((product, n) => product * n, 1);
  if (!shape.every((n) => Number.isInteger(n) && n >= 1))
    throw new ArgumentError(`layer table: ${name}: expected a shape of integers >= 1, got [${shape.join(",")}]`);
  if (!Number.isInteger(zeros) || zeros < 0 || zeros > size)
    throw new ArgumentError(`layer table: ${name}: expected 0 to ${size} zeros, got ${zeros}`);
  return size;
}

const shapeText = (shape: readonly number[], { interactive }: TerminalStyle) => shape.join(interactive ? "×" : "x");

const allZero = (sparsity: string, { color }: TerminalStyle) =>
  color ? `\u001b[31mall zero ${sparsity}\u001b[39m` : `all zero ${sparsity}`;

const SUMMARY_COLUMNS = [
  { head: "layer", left: true },
  { head: "type", left: true },
  { head: "output", left: true },
  { head: "parameters" },
  { head: "prunable" },
  { head: "MACs" },
];

/** Render the layers of a model for one sample, with totals. Outputs are [channels, height, width] or [features]. */
export function renderSummary(name: string, summary: ModelSummary, options: TableOptions = {}): string {
  const style = styleOf(options);
  const sizes = (l: { parameters: number; prunable: number; macs: number }) =>
    [l.parameters, l.prunable, l.macs].map(count);
  const rows = summary.layers.map((l) => [printable(l.name), l.type, shapeText(l.output.slice(1), style), ...sizes(l)]);
  rows.push(["total", plural(rows.length, "layer"), "", ...sizes(summary)]);
  return `${name}, input [${summary.input.join(", ")}]\n${drawTable(SUMMARY_COLUMNS, rows, style)}`;
}
