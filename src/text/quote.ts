// Text from outside in lines of this program: names from files, keys of recipes, values of metadata. Terminals act on control
// characters, and pages on those that change the direction of writing, so none of them is passed on.

/** C0, DEL, C1, the separators of lines and paragraphs, and the marks and overrides of writing direction. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOf(c: string): string {
  const code = c.charCodeAt(0);
  return NAMED[c] ?? (code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`);
}

/** Return text fit for one line: control characters and those that change the direction of writing become \x1b, \u202e, \n. */
export function visible(text: string): string {
  return text.replaceAll(UNSAFE, escapeOf);
}

/** Return the same for text of several lines made by this program: line breaks and tabs stay. */
export function visibleLines(text: string): string {
  return text.replaceAll(UNSAFE, (c) => (c === "\n" || c === "\t" ? c : escapeOf(c)));
}

/** Return JSON whose strings hold no such character: JSON.stringify leaves DEL, C1 and the others unchanged. */
export function visibleJson(json: string): string {
  return json.replaceAll(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Replace such characters by "?", which keeps the width of a table's cell. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, "?");
}

/** Return at most `length` characters; "..." marks a cut. */
export const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 3)}...` : text;

/** Return a value from a file for one line of an error message: as JSON, control characters escaped, at most `length` characters. */
export function quote(value: unknown, length = 80): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  // Cut first: a cut through an escape would leave another character.
  return visibleJson(cut(text, length));
}
