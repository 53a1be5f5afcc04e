// Formats numbers and tables for the report.
import { percentNumber } from "../../src/text/index.ts";

/** Round a share to per cent, to the nearest: 0.9812 -> 98.12. */
export const rounded = (share: number, digits: number): string => (100 * share).toFixed(digits);

/** Write a share: 0.95 -> "95 %". */
export const levelText = (level: number): string => `${percentNumber(level)} %`;

/** Write a mean and half the width of its confidence interval in per cent: 98.12 ± 0.05. One run has no interval. */
export const intervalText = ({ mean, half }: { readonly mean: number; readonly half: number | null }): string =>
  half === null ? rounded(mean, 2) : `${rounded(mean, 2)} ± ${rounded(half, 2)}`;

/** Write a difference in points: +0.12 ± 0.05. */
export function differenceText({ mean, half }: { readonly mean: number; readonly half: number | null }): string {
  const sign = mean < 0 ? "−" : "+";
  return `${sign}${intervalText({ mean: Math.abs(mean), half })}`;
}

/** Write a probability: 0.013, < 0.001. */
export const probabilityText = (p: number): string => (p < 0.001 ? "< 0.001" : p.toFixed(3));

/** Write a Markdown table with the first column left-aligned and the others right-aligned. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
