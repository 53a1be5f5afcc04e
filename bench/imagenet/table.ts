// Formats the rows of `npm run bench:imagenet` as lines and as Markdown.
import { mib, percent } from "../../src/text/index.ts";
import { threeDigits } from "../lib/rows.ts";
import type { StepRow } from "./step.ts";

function cells({ model, parameters, losses, sparsity, first, later, peakBytes, predictedBytes }: StepRow): string[] {
  return [
    model,
    (parameters / 1e6).toFixed(2),
    losses.map((loss) => loss.toFixed(3)).join(" -> "),
    percent(sparsity, 1),
    `${threeDigits(first)} s`,
    `${threeDigits(later)} s`,
    mib(peakBytes, 0),
    mib(predictedBytes, 0),
  ];
}

const COLUMNS = ["network", "M parameters", "losses", "zeros", "first step", "later step", "peak", "predicted"];

/** Write one row for a terminal. */
export function stepLine(row: StepRow): string {
  const [model, ...rest] = cells(row) as [string, ...string[]];
  return `${model.padEnd(20)} ${rest.map((cell, i) => `${COLUMNS[i + 1]} ${cell}`).join(", ")}`;
}

/** Write all rows below a line that describes the measurement. */
export function stepMarkdown(about: string, rows: readonly StepRow[]): string {
  const line = (list: readonly string[]) => `| ${list.join(" | ")} |`;
  const rule = COLUMNS.map((_, i) => (i === 0 ? "---" : "---:"));
  return `${[about, "", line(COLUMNS), line(rule), ...rows.map((row) => line(cells(row)))].join("\n")}\n`;
}
