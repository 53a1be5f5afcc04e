// `//!unroll` in the template language of shaders: writes out a loop of constant bounds before the driver sees it. Drivers
// unroll by their own rules; a register tile whose loop stays a loop is in memory and runs ten times slower.
import { KernelError } from "./errors.ts";
import { type Constants, constantsOf, evaluate } from "./wgsl_constants.ts";

const MOST_TURNS = 4096;
const LOOP =
  /for \(var (\w+)(?::\s*u32)? = ([^;]+); \1 < ([^;]+); \1(\+\+|\s*\+= ([^)]+))\) \{[ \t]*\/\/!unroll[^\n]*\n/;

/** Return the text up to the brace that closes the block which begins at `from`. */
function blockEnd(kernel: string, text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  throw new KernelError(kernel, "//!unroll: a loop without its closing brace");
}

/** Replace constant indices by one number: the compiler reads thousands of them. */
function foldIndices(text: string, constants: Constants): string {
  return text.replace(/\[([^[\]]+)\]/g, (whole, index: string) => {
    const value = evaluate(index, constants);
    return typeof value === "number" ? `[${value}u]` : whole;
  });
}

function expand(kernel: string, text: string, constants: Constants): string {
  const found = LOOP.exec(text);
  if (!found) return foldIndices(text, constants);
  const [line, name, first, bound, , step] = found as unknown as [string, string, string, string, string, string?];
  const [start, end, by] = [first, bound, step ?? "1"].map((e) => evaluate(e, constants));
  if (typeof start !== "number" || typeof end !== "number" || typeof by !== "number" || by < 1)
    throw new KernelError(kernel, `//!unroll: expected constant bounds, got "${line.trim()}"`);
  if ((end - start) / by > MOST_TURNS)
    throw new KernelError(kernel, `//!unroll: expected at most ${MOST_TURNS} turns, got more in "${line.trim()}"`);
  const from = found.index + line.length;
  const close = blockEnd(kernel, text, from);
  const body = text.slice(from, close);
  const scoped = /\b(?:let|var|const)\b/.test(body);
  const turns: string[] = [];
  for (let value = start; value < end; value += by) {
    const inner = body.replace(new RegExp(`\\b${name}\\b`, "g"), `${value}u`);
    const turn = expand(kernel, inner, constants);
    turns.push(scoped ? `{\n${turn}}\n` : turn);
  }
  return (
    foldIndices(text.slice(0, found.index), constants) +
    turns.join("") +
    expand(kernel, text.slice(close + 1), constants)
  );
}

/** Write out every loop marked `//!unroll`; `text` has its final `const` values. Other text stays as it is. */
export function unroll(kernel: string, text: string): string {
  if (!text.includes("//!unroll")) return text;
  const constants = constantsOf(text);
  // Comments may hold braces. The marks are needed until their loop is written out.
  const code = text.replace(/\/\/(?!!unroll)[^\n]*/g, "");
  return expand(kernel, code, constants);
}
