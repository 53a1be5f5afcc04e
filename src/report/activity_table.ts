// The activity table of a network: firing rates, operations and an estimate of energy, layer by layer.

import { type NetworkActivity, PICOJOULES, type SpikingActivity, type WeightActivity } from "../internal.ts";
import { printable, type TerminalStyle } from "../terminal/terminal.ts";
import { compact, count, percent, plural, times } from "../text/index.ts";
import { drawTable, styleOf, type TableColumn, type TableOptions } from "./table.ts";

/** The detail of a table: full numbers and kinds of layers, or less for a narrow screen. */
interface Detail {
  readonly kinds: boolean;
  readonly number: (n: number) => string;
}

/**
 * Render layers in execution order with firing rate, share of nonzero weights, multiply-accumulates of the dense layer and
 * operations per sample; then totals, and the estimated energy beside that of a dense network without spikes.
 *
 * Operations are accumulates ("AC") if the input is spikes, else multiply-accumulates ("MAC"). If the table is wider than the
 * terminal, numbers are rounded to three digits (12.3 M), then the kinds of layers are dropped.
 */
export function renderActivityTable(activity: NetworkActivity, options: TableOptions = {}): string {
  const screen = options.screen ?? process.stdout;
  const style = styleOf(options);
  const room = (style.interactive ? screen.columns : undefined) ?? Number.POSITIVE_INFINITY;
  const details: Detail[] = [
    { kinds: true, number: count },
    { kinds: true, number: rounded },
    { kinds: false, number: rounded },
  ];
  let text = "";
  for (const detail of details) {
    text = draw(activity, style, detail);
    if (widthOf(text) <= room) break;
  }
  return [text, ...wrap(sentences(activity), room)].join("\n");
}

interface Column extends TableColumn {
  readonly cell: (layer: SpikingActivity | WeightActivity) => string;
  /** Total, and a second total in the row below. */
  readonly total: string;
  readonly second?: string | undefined;
}

function columnsOf({ spiking, weighted, total }: NetworkActivity, { kinds, number }: Detail): Column[] {
  const layers = spiking.length + weighted.length;
  const weights = (cell: (layer: WeightActivity) => string) => (layer: SpikingActivity | WeightActivity) =>
    "rate" in layer ? "" : cell(layer);
  const sums = [
    ...(spiking.length > 0 ? [`${number(total.synOps)} AC `] : []),
    ...(total.macs > 0 || spiking.length === 0 ? [`${number(total.macs)} MAC`] : []),
  ];
  const [first = "", second] = sums;
  const kind = {
    head: "kind",
    cell: (layer: SpikingActivity | WeightActivity) => ("rate" in layer ? printable(layer.type) : layer.kind),
    total: plural(layers, "layer"),
    left: true,
  };
  const rate = {
    head: "firing rate",
    cell: (layer: SpikingActivity | WeightActivity) => ("rate" in layer ? percent(layer.rate) : ""),
    total: total.rate === null ? "" : percent(total.rate),
  };
  return [
    { head: "layer", cell: (layer) => printable(layer.name || "(model)"), total: "total", left: true },
    ...(kinds ? [kind] : []),
    ...(spiking.length > 0 ? [rate] : []),
    {
      head: "nonzero",
      cell: weights((l) => share(l)),
      total: total.weights === 0 ? "" : share(total),
    },
    { head: "dense MACs", cell: weights((l) => number(l.denseMacs)), total: number(total.denseMacs) },
    { head: "operations", cell: weights((l) => `${number(l.operations)} ${unitOf(l)}`), total: first, second },
  ];
}

function draw(activity: NetworkActivity, style: TerminalStyle, detail: Detail): string {
  const columns = columnsOf(activity, detail);
  const layers = [...activity.spiking, ...activity.weighted].sort((a, b) => a.order - b.order);
  const rows = layers.map((layer) => columns.map((c) => c.cell(layer)));
  const totals = [columns.map((c) => c.total), columns.map((c) => c.second ?? "")];
  return drawTable(
    columns,
    rows,
    style,
    totals.filter((cells) => cells.some(Boolean)),
  );
}

/** Padded, so that the numbers line up. */
const unitOf = ({ input }: WeightActivity) => (input === "spikes" ? "AC " : "MAC");

function sentences({ spiking, samples, timeSteps, total }: NetworkActivity): string[] {
  const { multiplyAccumulate, accumulate } = PICOJOULES;
  const terms = [
    ...(total.macs > 0 || total.synOps === 0 ? [`${rounded(total.macs)} MAC x ${multiplyAccumulate} pJ`] : []),
    ...(total.synOps > 0 ? [`${rounded(total.synOps)} AC x ${accumulate} pJ`] : []),
  ];
  const silent = spiking.reduce((n: number, s: SpikingActivity) => n + s.silent, 0);
  const steps = timeSteps === 1 ? "" : `, all ${timeSteps} steps`;
  return [
    `per sample${steps}: mean of ${count(samples)}. AC: accumulate (input of spikes), MAC: multiply-accumulate`,
    ...(spiking.length > 0 ? [`${count(silent)} of ${count(total.neurons)} neurons never fired`] : []),
    `energy of the weights' arithmetic (45 nm estimate): ${joules(total.energy)} = ${terms.join(" + ")}`,
    `dense, without spikes, one step: ${joules(total.annEnergy)} = ${rounded(total.annMacs)} MAC x ${multiplyAccumulate} pJ${compare(total.energy, total.annEnergy)}`,
  ];
}

function compare(own: number, ann: number): string {
  if (own === 0 || ann === 0 || own === ann) return "";
  return own < ann ? `, ${times(ann / own)} as much` : `, ${times(own / ann)} less`;
}

/** Write an energy given in pJ: 532 pJ, 1.2 uJ. */
export const joules = (picojoules: number): string => compact(picojoules, ["pJ", "nJ", "uJ", "mJ", "J"], " ");

const rounded = (n: number) => compact(n, undefined, " ");

const share = ({ nonzero, weights }: { readonly nonzero: number; readonly weights: number }) =>
  percent(nonzero / weights);

const widthOf = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours have no width
  Math.max(...text.split("\n").map((line) => [...line.replaceAll(/\u001b\[\d+m/g, "")].length));

/** Wrap lines at spaces. */
function wrap(lines: readonly string[], width: number): string[] {
  return lines.flatMap((line) => {
    const broken = [""];
    for (const word of line.split(" ")) {
      const current = broken.at(-1)!;
      if (current && current.length + 1 + word.length > width) broken.push(`  ${word}`);
      else broken[broken.length - 1] = current ? `${current} ${word}` : word;
    }
    return broken;
  });
}
