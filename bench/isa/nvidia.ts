// Reads the assembly of Mesa's NVIDIA compiler (NAK).
import type { Effect, Kind, Listing, Op } from "./listing.ts";

const KINDS: readonly (readonly [Kind, RegExp])[] = [
  ["fma", /^ffma/],
  ["packed", /^hfma2/],
  ["matrix", /^(hmma|imma)/],
  ["load", /^ld\.global|^ld\.a64|^ldg/],
  ["store", /^st\.global/],
  ["sharedLoad", /^ld\.shared|^ldsm|^lds/],
  ["sharedStore", /^st\.shared|^sts/],
  ["divide", /^mufu\.rcp/],
  ["branch", /^(bra|brx)/],
  ["barrier", /^bar\.sync/],
  ["scratch", /^(ld|st)\.local/],
];

/** Return the value of an operand: an immediate, or the zero register. Null for other registers. */
function integer(operand: string | undefined): number | null {
  if (operand === "rZ") return 0;
  return /^0x[\da-f]+$/.test(operand ?? "") ? Number(operand) | 0 : null;
}

const isRegister = (operand: string | undefined): operand is string => /^u?r\d+$/.test(operand ?? "");

/** Return true for a multiplication that the compiler does not use as a move or an addition. */
function multiplies(name: string, operands: readonly string[]): boolean {
  return /^(imad|imul)/.test(name) && !operands.slice(0, 2).some((o) => o === "0x1" || o === "rZ");
}

function effectOf(to: string | undefined, name: string, operands: readonly string[]): Effect | undefined {
  if (!isRegister(to)) return undefined;
  const [a, b, c] = operands;
  if (name === "mov") {
    const value = integer(a);
    if (value !== null) return { to, kind: "constant", value };
    return isRegister(a) ? { to, kind: "copy", from: a } : { to, kind: "other" };
  }
  if (name === "iadd3" && integer(c) === 0) {
    const [by, from] = integer(a) !== null ? [integer(a), b] : [integer(b), a];
    if (by !== null && isRegister(from)) return { to, kind: "add", from, by };
  }
  return { to, kind: "other" };
}

function compareOf(name: string, [a, b]: readonly string[]): Op["compare"] {
  if (!name.startsWith("isetp")) return undefined;
  const [register, bound] = integer(a) !== null ? [b, integer(a)] : [a, integer(b)];
  return isRegister(register) && bound !== null ? { register, bound } : undefined;
}

/** Return the registers that operands name: `r4`, `[r8..10+ur2]`, `r4..8` without its end. */
function registersIn(text: string): string[] {
  return [...text.matchAll(/\b(u?r)(\d+)(?:\.\.(\d+))?/g)].flatMap(([, file, first, end]) => {
    const count = end === undefined ? 1 : Number(end) - Number(first);
    return Array.from({ length: count }, (_, i) => `${file}${Number(first) + i}`);
  });
}

function readOp(code: string, hints: string): Op {
  const [, predicate = "", to, body = ""] = /^\s*(@!?u?p\d\s+)?(?:(\S+(?: \S+)?)\s+= )?\s*(.*?)\s*$/.exec(code) ?? [];
  const [name = "", ...operands] = body.split(/[\s,]+/);
  const kinds: Partial<Record<Kind, number>> = {};
  for (const [kind, match] of KINDS) if (match.test(name)) kinds[kind] = 1;
  if (multiplies(name, operands)) kinds.multiply = 1;
  const effect = effectOf(to?.split(" ")[0], name, operands);
  const compare = compareOf(name, operands);
  // The use of a register waits for its load. The scoreboards say less: loads of workgroup memory share them.
  const tokens = registersIn(operands.join(" "));
  const target = kinds.branch ? /\b(L\d+)\b/.exec(body)?.[1] : undefined;
  const bits = /\.(?:b|u|s)(8|16|32|64|128)\b/.exec(name)?.[1];
  return {
    text: `${predicate}${to ? `${to} = ` : ""}${body}`,
    issued: name === "nop" ? 0 : 1,
    cycles: Number(/\bdelay=(\d+)/.exec(hints)?.[1] ?? 0),
    kinds,
    ...(kinds.load ? { load: { bits: Number(bits ?? 32), tokens: registersIn(to ?? "") } } : {}),
    ...(tokens.length > 0 ? { wait: { kind: "tokens", tokens } } : {}),
    ...(effect ? { effect } : {}),
    ...(compare ? { compare } : {}),
    ...(target ? { target } : {}),
    ...(predicate === "" && (name === "exit" || (name === "bra" && !/^!?u?p\d/.test(operands[0]!)))
      ? { ends: true }
      : {}),
  };
}

/** Read an assembly text of NAK. */
export function readNvidia(assembly: string): Listing {
  const ops: Op[] = [];
  const labels = new Map<string, number>();
  for (const line of assembly.split("\n")) {
    const label = /^block\S*\s+\d+\s+(L\d+)/.exec(line)?.[1];
    if (label) labels.set(label, ops.length);
    else if (/\/\/ delay=/.test(line)) {
      const [code = "", hints = ""] = line.split("//");
      ops.push(readOp(code, hints));
    }
  }
  return { ops, labels };
}
