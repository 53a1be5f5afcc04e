// Text of others inside Markdown: whatever a name holds, it stays text.

/** Line breaks, control characters, and those that turn the direction of writing, as spaces. */
const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");

/** A row of backticks longer than any in the text. */
function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return "`".repeat(Math.max(least, longest + 1));
}

/** A code span: nothing in it is a link, HTML or emphasis. */
export function code(text: string): string {
  const line = plain(text).trim();
  if (line === "") return "(none)";
  const fence = fenceFor(line, 1);
  const gap = line.startsWith("`") || line.endsWith("`") ? " " : "";
  return `${fence}${gap}${line}${gap}${fence}`;
}

/** A block of code, line by line as given. */
export function block(text: string, language = ""): string {
  const fence = fenceFor(text, 3);
  return `${fence}${language}\n${text.replace(/\n+$/, "")}\n${fence}`;
}

/** A table; the cells are Markdown of one line. Columns after the first are aligned right, as numbers are, unless they are text. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { text = false }: { readonly text?: boolean } = {},
): string {
  // Bars end a cell, also within a code span.
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = head.map((_, i) => (i === 0 || text ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
