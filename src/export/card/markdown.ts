// Escapes foreign text for Markdown: a name cannot become a link, HTML or a table.

/** Replace line breaks, control characters and direction marks by spaces. */
const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");

/** Return a run of backticks longer than any in the text. */
function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return "`".repeat(Math.max(least, longest + 1));
}

/** Format text as a code span, without links, HTML or emphasis. */
export function code(text: string): string {
  const line = plain(text).trim();
  if (line === "") return "(none)";
  const fence = fenceFor(line, 1);
  const gap = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${gap}${line}${gap}${fence}`;
}

/** Format text as a code block, line by line. */
export function block(text: string, language = ""): string {
  const fence = fenceFor(text, 3);
  return `${fence}${language}\n${text.replace(/\n+$/, "")}\n${fence}`;
}

/** Format a table; cells are one line of Markdown. Columns after the first are right-aligned for numbers, unless `text` is set. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { text = false }: { readonly text?: boolean } = {},
): string {
  // A bar ends a cell, even inside a code span.
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = head.map((_, i) => (i === 0 || text ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
