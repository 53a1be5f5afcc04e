// Reads the assembly of Mesa's Adreno compiler (IR3).
import type { Effect, Kind, Listing, Op } from "./listing.ts";

const KINDS: readonly (readonly [Kind, RegExp])[] = [
  ["fma", /^mad\.f32/],
  ["packed", /^mad\.f16/],
  ["load", /^(isam|ldib|ldg|ldgb)\b/],
  ["store", /^(stib|stg|stgb)\b/],
  ["sharedLoad", /^(ldl|ldlw)\b/],
  ["sharedStore", /^(stl|stlw)\b/],
  ["multiply", /^(mull\.|mul\.[us]|mad\.[us])/],
  ["divide", /^rcp\b/],
  ["branch", /^(br|jump|bany|ball|brao|braa)\b/],
  ["barrier", /^bar\b/],
  ["scratch", /^(ldp|stp)\b/],
];

/** Constants of the file's head: `@const(c20.x) 0x1, 0x2, 0x3, 0x4` by their names c20.x to c20.w. */
function readConstants(assembly: string): Map<string, number> {
  const constants = new Map<string, number>();
  for (const [, row, values] of assembly.matchAll(/^@const\(c(\d+)\.x\)\s+(.*)$/gm)) {
    for (const [i, value] of values!.split(",").entries()) constants.set(`c${row}.${"xyzw"[i]}`, Number(value) | 0);
  }
  return constants;
}

type Integer = (operand: string | undefined) => number | null;

const isRegister = (operand: string | undefined): operand is string => /^r\d+\.[xyzw]$/.test(operand ?? "");

function effectOf(name: string, [to, a, b]: readonly string[], integer: Integer): Effect | undefined {
  if (!isRegister(to) || /^(cmps|stl|stib|stg|stp)/.test(name)) return undefined;
  if (/^mov\.[us]32[us]32/.test(name)) {
    const value = integer(a);
    if (value !== null) return { to, kind: "constant", value };
    return isRegister(a) ? { to, kind: "copy", from: a } : { to, kind: "other" };
  }
  if (/^add\.[us]$/.test(name)) {
    const [by, from] = integer(a) !== null ? [integer(a), b] : [integer(b), a];
    if (by !== null && isRegister(from)) return { to, kind: "add", from, by };
  }
  return { to, kind: "other" };
}

function compareOf(name: string, operands: readonly string[], integer: Integer): Op["compare"] {
  if (!/^cmps\.[us]/.test(name)) return undefined;
  const [a, b] = operands.slice(-2);
  const [register, bound] = integer(a) !== null ? [b, integer(a)] : [a, integer(b)];
  return isRegister(register) && bound !== null ? { register, bound } : undefined;
}

/** Return the 32-bit values of a load: the mask of `isam` names its components, `ldib` has their number. */
function loadBits(text: string): number {
  const mask = /\(([xyzw]+)\)/.exec(text)?.[1];
  const words = mask?.length ?? Number(/^\S*?u32\.([1-4])/.exec(text)?.[1] ?? 1);
  return 32 * words;
}

function readOp(line: string, integer: Integer): Op {
  const text = line.replace(/\((sy|ss|rpt\d|nop\d|jp|last|r|ei)\)/g, "").trim();
  const [, name = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  const repeats = 1 + Number(/\(rpt(\d)\)/.exec(line)?.[1] ?? 0);
  const kinds: Partial<Record<Kind, number>> = {};
  for (const [kind, match] of KINDS) if (match.test(name)) kinds[kind] = repeats;
  const operands = rest.split(",").map((part) => part.trim());
  const effect = effectOf(name, operands, integer);
  const compare = compareOf(name, operands, integer);
  const target = kinds.branch ? /#(l\d+)/.exec(text)?.[1] : undefined;
  return {
    text,
    issued: name === "nop" ? 0 : repeats,
    cycles: 0,
    kinds,
    ...(kinds.load ? { load: { bits: loadBits(text), tokens: [] } } : {}),
    ...(line.includes("(sy)") ? { wait: { kind: "all" } } : {}),
    ...(effect ? { effect } : {}),
    ...(compare ? { compare } : {}),
    ...(target ? { target } : {}),
    ...(name === "jump" || name === "end" ? { ends: true } : {}),
  };
}

/** Read an assembly text of IR3. The preamble, which runs once per dispatch, is left out. */
export function readAdreno(assembly: string): Listing {
  const constants = readConstants(assembly);
  const integer: Integer = (operand) => {
    if (operand === undefined) return null;
    return /^-?\d+$/.test(operand) ? Number(operand) : (constants.get(operand) ?? null);
  };
  const labels = new Map<string, number>();
  let ops: Op[] = [];
  for (const line of assembly.split("\n")) {
    if (/^[;@]|^Native code|^\s*$/.test(line)) continue;
    const label = /^(l\d+):/.exec(line)?.[1];
    if (label) labels.set(label, ops.length);
    else if (/\bshpe\b/.test(line)) {
      ops = [];
      labels.clear();
    } else ops.push(readOp(line, integer));
  }
  return { ops, labels };
}
