// Numbers and tables as the report writes them.

/** 0.9812 -> 98.12, with so many digits. */
export const percent = (share: number, digits: number): string => (100 * share).toFixed(digits);

/** 0.95 -> "95 %". */
export const levelText = (level: number): string => `${Number((100 * level).toPrecision(6))} %`;

/** 98.12 ± 0.05, in per cent; one run has no spread. */
export const spreadText = ({ mean, sd }: { readonly mean: number; readonly sd: number | null }): string =>
  sd === null ? percent(mean, 2) : `${percent(mean, 2)} ± ${percent(sd, 2)}`;

/** A table in Markdown; the first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
