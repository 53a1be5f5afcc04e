// The table of a network at work: firing rates, operations and an estimate of energy, layer by layer.
import Table from "cli-table3";
import { type Activity, PICOJOULES, type SpikingActivity, type WeightActivity } from "../index.ts";
import { printable, type Screen, type TerminalStyle, terminalStyle } from "../terminal/terminal.ts";
import { ASCII_BOX } from "./table.ts";

export interface ActivityTableOptions {
  /** Where the table will be printed; default process.stdout. Its `columns` say how wide it may be. */
  readonly screen?: (Screen & { readonly columns?: number | undefined }) | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** How much a table says: whole numbers and kinds of layers, or what fits a narrow screen. */
interface Detail {
  readonly kinds: boolean;
  readonly number: (n: number) => string;
}

/**
 * Layers in the order in which they run, with firing rates, the share of weights that are not zero, multiply-accumulates
 * of the dense layer and operations done per sample; totals; and the estimated energy beside that of a dense network without spikes.
 *
 * Operations are accumulates ("AC") where spikes come in, multiply-accumulates ("MAC") elsewhere. Where the table is
 * wider than the terminal, numbers are rounded to three digits (12.3 M), then the kinds of layers go too. ASCII and no
 * colour unless the screen is a terminal; no colour with NO_COLOR.
 */
export function renderActivityTable(activity: Activity, options: ActivityTableOptions = {}): string {
  const screen = options.screen ?? process.stdout;
  const style = terminalStyle(screen, options.env);
  const room = (style.interactive ? screen.columns : undefined) ?? Number.POSITIVE_INFINITY;
  const details: Detail[] = [
    { kinds: true, number: whole },
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

interface Column {
  readonly head: string;
  readonly cell: (layer: SpikingActivity | WeightActivity) => string;
  /** The last row, and one beneath it for a second sum. */
  readonly total: string;
  readonly second?: string | undefined;
  readonly left?: boolean;
}

function columnsOf({ spiking, weighted, total }: Activity, { kinds, number }: Detail): Column[] {
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
    total: `${layers} ${layers === 1 ? "layer" : "layers"}`,
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

function draw(activity: Activity, style: TerminalStyle, detail: Detail): string {
  const columns = columnsOf(activity, detail);
  const table = new Table({
    head: columns.map((c) => c.head),
    colAligns: columns.map((c) => (c.left ? "left" : "right")),
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  const layers = [...activity.spiking, ...activity.weighted].sort((a, b) => a.order - b.order);
  for (const layer of layers) table.push(columns.map((c) => c.cell(layer)));
  const totals = [columns.map((c) => c.total), columns.map((c) => c.second ?? "")].filter((cells) =>
    cells.some(Boolean),
  );
  const bold = (text: string) => ({ content: style.color && text ? `\u001b[1m${text}\u001b[22m` : text });
  for (const cells of totals) table.push(cells.map(bold));
  const lines = table.toString().split("\n");
  const rule = lines[2] ?? "";
  const tail = totals.length + 1;
  // Without layers the total stands right under the rule of the heading.
  return layers.length > 0 ? [...lines.slice(0, -tail), rule, ...lines.slice(-tail)].join("\n") : lines.join("\n");
}

/** Padded, so that numbers stand under each other. */
const unitOf = ({ input }: WeightActivity) => (input === "spikes" ? "AC " : "MAC");

function sentences({ spiking, samples, timeSteps, total }: Activity): string[] {
  const { multiplyAccumulate, accumulate } = PICOJOULES;
  const terms = [
    ...(total.macs > 0 || total.synOps === 0 ? [`${rounded(total.macs)} MAC x ${multiplyAccumulate} pJ`] : []),
    ...(total.synOps > 0 ? [`${rounded(total.synOps)} AC x ${accumulate} pJ`] : []),
  ];
  const silent = spiking.reduce((n: number, s: SpikingActivity) => n + s.silent, 0);
  const steps = timeSteps === 1 ? "" : `, all ${timeSteps} steps`;
  return [
    `per sample${steps}: mean of ${whole(samples)}. AC: accumulate (spikes come in), MAC: multiply-accumulate`,
    ...(spiking.length > 0 ? [`${whole(silent)} of ${whole(total.neurons)} neurons never fired`] : []),
    `energy of the weights' arithmetic (45 nm estimate): ${joules(total.energy)} = ${terms.join(" + ")}`,
    `dense, without spikes, one step: ${joules(total.annEnergy)} = ${rounded(total.annMacs)} MAC x ${multiplyAccumulate} pJ${compare(total.energy, total.annEnergy)}`,
  ];
}

function compare(own: number, ann: number): string {
  if (own === 0 || ann === 0 || own === ann) return "";
  return own < ann ? `, ${times(ann / own)} times as much` : `, ${times(own / ann)} times less`;
}

const times = (ratio: number) => (ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(1));

/** Energy in pJ, written in the largest unit of which it is at least one: 532 pJ, 1.20 uJ. */
export function joules(picojoules: number): string {
  const units = ["pJ", "nJ", "uJ", "mJ", "J"];
  const at = thousands(picojoules, units.length - 1);
  return `${(picojoules / 1000 ** at).toPrecision(3)} ${units[at]}`.replace(/^0\.00 /, "0 ");
}

/** Three digits: 532, 1.23 k, 12.3 M. */
function rounded(n: number): string {
  const at = thousands(n, 4);
  return at === 0 ? String(Math.round(n)) : `${(n / 1000 ** at).toPrecision(3)} ${["", "k", "M", "G", "T"][at]}`;
}

/** How often a number can be divided by a thousand before three digits of it would read as less than one. */
function thousands(n: number, most: number): number {
  let at = 0;
  while (at < most && Number((n / 1000 ** at).toPrecision(3)) >= 1000) at++;
  return at;
}

/** Rounded down, so that 100.00 % means all. */
const share = ({ nonzero, weights }: { readonly nonzero: number; readonly weights: number }) =>
  percent(Math.floor((nonzero * 10_000) / weights) / 10_000);

/** 0.1234 -> 12.34 %. */
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** 1234567.4 -> 1,234,567, the same on every machine. */
function whole(n: number): string {
  return String(Math.round(n)).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

const widthOf = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours have no width
  Math.max(...text.split("\n").map((line) => [...line.replaceAll(/\u001b\[\d+m/g, "")].length));

/** Breaks sentences between words. */
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
