// Numbers and tables as the report writes them.
import { percentNumber } from "../../src/text/index.ts";

/** Round a mean or a deviation to per cent, to the nearest: 0.9812 -> 98.12. */
export const rounded = (share: number, digits: number): string => (100 * share).toFixed(digits);

/** 0.95 -> "95 %". */
export const levelText = (level: number): string => `${percentNumber(level)} %`;

/** 98.12 ± 0.05, in per cent; one run has no spread. */
export const spreadText = ({ mean, sd }: { readonly mean: number; readonly sd: number | null }): string =>
  sd === null ? rounded(mean, 2) : `${rounded(mean, 2)} ± ${rounded(sd, 2)}`;

/** A table in Markdown; the first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
