// A model's layers as a table: output shape, parameters, multiply-accumulates.
import Table from "cli-table3";
import type { ModelSummary } from "../index.ts";
import { printable, type Screen, terminalStyle } from "../terminal/terminal.ts";
import { ASCII_BOX } from "./table.ts";

const whole = (n: number) => n.toLocaleString("en-US");

/** Layers of a model for one sample, with totals. Shapes are [channels, height, width] or [features]. */
export function renderSummary(name: string, summary: ModelSummary, screen: Screen = process.stdout): string {
  const style = terminalStyle(screen);
  const table = new Table({
    head: ["layer", "type", "output", "parameters", "prunable", "MACs"],
    colAligns: ["left", "left", "left", "right", "right", "right"],
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  for (const l of summary.layers) {
    const output = l.output.slice(1).join(style.interactive ? "×" : "x");
    table.push([printable(l.name), l.type, output, whole(l.parameters), whole(l.prunable), whole(l.macs)]);
  }
  const { parameters, prunable, macs } = summary;
  table.push(["total", `${summary.layers.length} layers`, "", whole(parameters), whole(prunable), whole(macs)]);
  return `${name}, input [${summary.input.join(", ")}]\n${table.toString()}`;
}
