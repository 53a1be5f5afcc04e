// Splits WGSL into tokens.

export interface Token {
  readonly kind: "number" | "name" | "sign" | "end";
  readonly text: string;
  /** True if no blank is before it: `>` `>` is a shift then. */
  readonly joined: boolean;
}

// A single > always: it may end a template list.
const TOKEN =
  /(\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(0[xX][\da-fA-F]+[ui]?|\d+\.\d*(?:[eE][+-]?\d+)?[fh]?|\.\d+(?:[eE][+-]?\d+)?[fh]?|\d+(?:[eE][+-]?\d+[fh]?|[uifh])?)|([A-Za-z_]\w*)|(<<=|->|&&|\|\||\+\+|--|<<|==|!=|<=|>=|[-+*/%&|^]=|.)/y;

/** Return the tokens of a text. Comments and blanks are left out. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let joined = false;
  for (let at = 0; at < text.length; ) {
    TOKEN.lastIndex = at;
    const [whole = "", blank, number, name] = TOKEN.exec(text) ?? [];
    at += Math.max(1, whole.length);
    if (blank !== undefined) {
      joined = false;
      continue;
    }
    tokens.push({ kind: number !== undefined ? "number" : name !== undefined ? "name" : "sign", text: whole, joined });
    joined = true;
  }
  return [...tokens, { kind: "end", text: "", joined: false }];
}

/** Return the value of an integer token; undefined for other numbers. */
export function integerOf(text: string): number | undefined {
  const digits = text.replace(/[ui]$/, "");
  return /^(0[xX][\da-fA-F]+|\d+)$/.test(digits) ? Number(digits) : undefined;
}
