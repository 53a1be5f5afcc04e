// The table at the end of a run: how many weights of each layer are zero.

import Table from "cli-table3";
import { printable, type Screen, type TerminalStyle, terminalStyle } from "../terminal/terminal.ts";
import { ArgumentError } from "../text/index.ts";

export interface LayerRow {
  readonly name: string;
  /** Shape of the weight, e.g. [64, 32, 3, 3]. */
  readonly shape: readonly number[];
  /** How many of its weights are exactly 0. */
  readonly zeros: number;
  /** A layer that was not to be pruned: marked, and part of the total. */
  readonly dense?: boolean | undefined;
}

export interface TableOptions {
  /** Where the table will be printed; default process.stdout. */
  readonly screen?: Screen | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Table at the end of a run: layers, shapes, weights, zeros and sparsity, a total, and one sentence with the compression.
 *
 * Sparsity = zeros / weights. The total counts every layer listed, dense ones too. A layer that lost every weight is
 * marked: nothing passes through it any more. ASCII_BOX and no colour unless the screen is a terminal; no colour with
 * NO_COLOR.
 *
 * Errors   ArgumentError when a shape is not of whole numbers >= 1 or a count of zeros does not fit it.
 */
export function renderLayerTable(layers: readonly LayerRow[], options: TableOptions = {}): string {
  const style = terminalStyle(options.screen ?? process.stdout, options.env);
  const table = new Table({
    head: ["layer", "shape", "weights", "zeros", "sparsity"],
    colAligns: ["left", "left", "right", "right", "right"],
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  let weights = 0;
  let zeros = 0;
  for (const layer of layers) {
    const count = weightsOf(layer);
    weights += count;
    zeros += layer.zeros;
    table.push([
      printable(layer.name),
      layer.shape.join(style.interactive ? "×" : "x"),
      whole(count),
      whole(layer.zeros),
      layer.dense ? `dense ${percent(layer.zeros, count)}` : mark(layer.zeros, count, style),
    ]);
  }
  const total = ["total", `${layers.length} layers`, whole(weights), whole(zeros), percent(zeros, weights)];
  return `${finish(table, total, style)}\n${compression(weights, zeros)}`;
}

/** Adds the total and a rule above it. */
function finish(table: Table.Table, total: readonly string[], style: TerminalStyle): string {
  table.push(total.map((text) => ({ content: style.color ? `\u001b[1m${text}\u001b[22m` : text })));
  const lines = table.toString().split("\n");
  const rule = lines[2] ?? "";
  // Without layers the total stands right under the rule of the heading.
  return lines.length > 5 ? [...lines.slice(0, -2), rule, ...lines.slice(-2)].join("\n") : lines.join("\n");
}

/** cli-table3's box drawn with characters every log can hold. */
export const ASCII_BOX = {
  top: "-",
  "top-mid": "+",
  "top-left": "+",
  "top-right": "+",
  bottom: "-",
  "bottom-mid": "+",
  "bottom-left": "+",
  "bottom-right": "+",
  left: "|",
  "left-mid": "+",
  mid: "-",
  "mid-mid": "+",
  right: "|",
  "right-mid": "+",
  middle: "|",
};

function weightsOf({ name, shape, zeros }: LayerRow): number {
  const count = shape.reduce((product, n) => product * n, 1);
  if (!shape.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new ArgumentError(`layer table: ${name} wants a shape of whole numbers >= 1, got [${shape.join(",")}]`);
  }
  if (!Number.isInteger(zeros) || zeros < 0 || zeros > count) {
    throw new ArgumentError(`layer table: ${name} wants 0 to ${count} zeros, got ${zeros}`);
  }
  return count;
}

function mark(zeros: number, weights: number, style: TerminalStyle): string {
  const text = percent(zeros, weights);
  if (zeros < weights) return text;
  return style.color ? `\u001b[31mall zero ${text}\u001b[39m` : `all zero ${text}`;
}

function compression(weights: number, zeros: number): string {
  const left = weights - zeros;
  if (left === 0) return `0 of ${whole(weights)} weights left`;
  return `${whole(left)} of ${whole(weights)} weights left, ${(weights / left).toFixed(2)} times fewer`;
}

/** Rounded down to two digits, so that 100.00 % means all. */
function percent(zeros: number, weights: number): string {
  const share = weights === 0 ? 0 : Math.floor((zeros * 10_000) / weights) / 100;
  return `${share.toFixed(2)} %`;
}

/** 1234567 -> 1,234,567, the same on every machine. */
function whole(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}
