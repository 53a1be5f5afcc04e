// Words of others in our lines: names from files, keys of recipes, values of metadata. A terminal acts on control
// characters, and a page on those that turn the direction of writing, so none of them is passed on as it is.

/** C0, DEL, C1, the separators of lines and paragraphs, and the marks and overrides of writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOf(c: string): string {
  const code = c.charCodeAt(0);
  return NAMED[c] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`);
}

/** Text fit for one line: control characters and those that turn the direction of writing become \x1b, \u202e, \n. */
export function visible(text: string): string {
  return text.replaceAll(UNSAFE, escapeOf);
}

/** The same for text of several lines of our own: line breaks and tabs stay. */
export function visibleLines(text: string): string {
  return text.replaceAll(UNSAFE, (c) => (c === "\n" || c === "\t" ? c : escapeOf(c)));
}

/** JSON whose strings hold no such character: JSON.stringify leaves DEL, C1 and the others as they are. */
export function visibleJson(json: string): string {
  return json.replaceAll(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Such characters replaced by "?", which keeps the width of a table's cell. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, "?");
}

/** At most `length` characters, the end told by "...". */
export const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 3)}...` : text;

/** A value from a file made fit for one line of an error message: as JSON, control characters escaped, at most `length` long. */
export function quote(value: unknown, length = 80): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  // Cut first: escapes are of our own making, and half of one would be another character.
  return visibleJson(cut(text, length));
}
