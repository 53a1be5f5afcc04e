// Table of a compaction: channels, weights and multiply-adds of each layer, before and after.
import type { CompactedLayer, KeptChannels, ModelSummary } from "../internal.ts";
import { printable } from "../terminal/terminal.ts";
import { count, plural } from "../text/index.ts";
import { drawTable, styleOf, type TableOptions } from "./table.ts";

const COLUMNS = [
  { head: "layer", left: true },
  { head: "inputs" },
  { head: "outputs" },
  { head: "weights" },
  { head: "multiply-adds" },
];

type Pair = readonly [before: number, after: number];
type Summaries = readonly [before: Pick<ModelSummary, "layers" | "macs">, after: Pick<ModelSummary, "layers" | "macs">];

const shown = ([before, after]: Pair): string =>
  before === after ? count(after) : `${count(before)} -> ${count(after)}`;

/** Return the multiply-adds of a layer, which may run several times. */
const macsOf = ({ layers }: Summaries[0], name: string): number =>
  layers.reduce((sum, layer) => sum + (layer.name === name ? layer.macs : 0), 0);

/** Return the weights of all layers. */
export const weightSums = (layers: readonly CompactedLayer[]): Pair =>
  layers.reduce<Pair>((sum, { weights }) => [sum[0] + weights[0], sum[1] + weights[1]], [0, 0]);

/** Render the layers of a compaction, and a total. */
export function renderCompactTable(
  layers: readonly CompactedLayer[],
  summaries: Summaries,
  options: TableOptions = {},
): string {
  const style = styleOf(options);
  const rows = layers.map(({ name, inputs, outputs, weights }) => {
    const macs = [macsOf(summaries[0], name), macsOf(summaries[1], name)] as const;
    return [printable(name), shown(inputs), shown(outputs), shown(weights), shown(macs)];
  });
  const [before, after] = summaries;
  const total = [
    "total",
    plural(layers.length, "layer"),
    "",
    shown(weightSums(layers)),
    shown([before.macs, after.macs]),
  ];
  return drawTable(COLUMNS, rows, style, [total]);
}

/** Most lines about channels that stay. */
const MOST = 12;

/** Describe the dead channels that stay, a line for each layer and reason. */
export function keptLines(kept: readonly KeptChannels[]): string[] {
  const lines = kept.map(
    ({ name, channels, why }) => `${printable(name)}: ${plural(channels, "dead channel")} not removed: ${why}`,
  );
  return lines.length > MOST ? [...lines.slice(0, MOST), `and ${lines.length - MOST} more such lines`] : lines;
}
