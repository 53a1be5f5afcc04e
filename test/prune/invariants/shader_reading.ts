// Reads WGSL as far as counting memory accesses needs: branches on constants are folded, then `name[...]` is a load or
// a store. It sees text, not control flow: whatever may run counts as run once.

/** `if (C) {...} else {...}` with the branch that the shader's own constants choose; other conditions stay. */
export function foldBranches(source: string): string {
  let text = source.replace(/\/\/[^\n]*/g, "");
  const constants = new Map<string, number>();
  for (const [, name, value] of text.matchAll(/\bconst\s+(\w+)\s*(?::\s*\w+)?\s*=\s*(true|false|[\d.]+)[uif]?\s*;/g)) {
    constants.set(name!, value === "true" ? 1 : value === "false" ? 0 : Number(value));
  }
  for (let from = 0; ; ) {
    const at = text.slice(from).search(/\bif\s*\(/);
    if (at < 0) return text;
    const start = from + at;
    const open = text.indexOf("(", start);
    const close = matching(text, open);
    const value = constantValue(text.slice(open + 1, close), constants);
    from = close;
    if (value === null) continue;
    const thenOpen = text.indexOf("{", close);
    const thenClose = matching(text, thenOpen);
    let end = thenClose + 1;
    let otherwise = "";
    const rest = /^\s*else\s*(if\b)?/.exec(text.slice(end));
    if (rest?.[1]) {
      const elseIf = end + rest[0].length - 2;
      end = endOfChain(text, elseIf);
      otherwise = text.slice(elseIf, end);
    } else if (rest) {
      const elseOpen = text.indexOf("{", end);
      end = matching(text, elseOpen) + 1;
      otherwise = text.slice(elseOpen, end);
    }
    text = text.slice(0, start) + (value ? text.slice(thenOpen, thenClose + 1) : otherwise) + text.slice(end);
    from = start;
  }
}

/** Count reads and writes of `name[...]`; `name[i] += x` counts as both. */
export function memoryAccesses(text: string): (name: string) => { loads: number; stores: number } {
  return (name) => {
    let loads = 0;
    let stores = 0;
    for (const match of text.matchAll(new RegExp(`\\b${name}\\s*\\[`, "g"))) {
      const close = matching(text, match.index + match[0].length - 1);
      const after = /^(?:\.\w+)*\s*(=(?!=)|[-+*/]=)?/.exec(text.slice(close + 1));
      if (after?.[1]) stores++;
      if (after?.[1] !== "=") loads++;
    }
    return { loads, stores };
  };
}

/** Return the index of the bracket that closes the one at `open`. */
function matching(text: string, open: number): number {
  const pairs: Record<string, string> = { "(": ")", "{": "}", "[": "]" };
  const left = text[open]!;
  const right = pairs[left];
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === left) depth++;
    else if (text[i] === right && --depth === 0) return i;
  }
  throw new Error(`no bracket closes the one at ${open}: ${text.slice(open, open + 40)}`);
}

/** Return the end of the `if ... else if ... else ...` that starts at `start`. */
function endOfChain(text: string, start: number): number {
  let end = matching(text, text.indexOf("{", matching(text, text.indexOf("(", start)))) + 1;
  const rest = /^\s*else\s*(if\b)?/.exec(text.slice(end));
  if (rest?.[1]) end = endOfChain(text, end + rest[0].length - 2);
  else if (rest) end = matching(text, text.indexOf("{", end)) + 1;
  return end;
}

/** Evaluate a condition; null if it depends on more than constants. `a && b` is false if either is. */
function constantValue(condition: string, constants: ReadonlyMap<string, number>): boolean | null {
  const either = splitOutside(condition, "||");
  if (either.length > 1)
    return combine(
      either.map((part) => constantValue(part, constants)),
      true,
    );
  const both = splitOutside(condition, "&&");
  if (both.length > 1)
    return combine(
      both.map((part) => constantValue(part, constants)),
      false,
    );
  const trimmed = condition.trim();
  if (trimmed.startsWith("(") && matching(trimmed, 0) === trimmed.length - 1) {
    return constantValue(trimmed.slice(1, -1), constants);
  }
  const negated = /^!\s*(.+)$/s.exec(trimmed);
  if (negated && !/[=<>]/.test(negated[1]!)) {
    const inner = constantValue(negated[1]!, constants);
    return inner === null ? null : !inner;
  }
  const number = (word: string) => (/^[\d.]+[uif]?$/.test(word) ? Number.parseFloat(word) : constants.get(word));
  const compared = /^([\w.]+)\s*(==|!=)\s*([\w.]+)$/.exec(trimmed);
  if (compared) {
    const [a, b] = [number(compared[1]!), number(compared[3]!)];
    if (a === undefined || b === undefined) return null;
    return (a === b) === (compared[2] === "==");
  }
  const plain = constants.get(trimmed);
  return plain === undefined ? null : plain !== 0;
}

/** Join by || (`decides` true) or && (false): one part may decide, and an unknown part makes the rest unknown. */
function combine(parts: readonly (boolean | null)[], decides: boolean): boolean | null {
  if (parts.includes(decides)) return decides;
  return parts.includes(null) ? null : !decides;
}

function splitOutside(text: string, operator: "||" | "&&"): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")") depth--;
    else if (depth === 0 && text.startsWith(operator, i)) {
      parts.push(text.slice(from, i));
      from = i + 2;
    }
  }
  return [...parts, text.slice(from)];
}
