// Formats numbers and tables for the report.
import { percentNumber } from "../../src/text/index.ts";

/** Round a mean or a deviation to per cent, to the nearest: 0.9812 -> 98.12. */
export const rounded = (share: number, digits: number): string => (100 * share).toFixed(digits);

/** Write a share: 0.95 -> "95 %". */
export const levelText = (level: number): string => `${percentNumber(level)} %`;

/** Write a mean and its spread in per cent: 98.12 ± 0.05. One run has no spread. */
export const spreadText = ({ mean, sd }: { readonly mean: number; readonly sd: number | null }): string =>
  sd === null ? rounded(mean, 2) : `${rounded(mean, 2)} ± ${rounded(sd, 2)}`;

/** Write a Markdown table with the first column left-aligned and the others right-aligned. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
