// Reads the assembly of Mesa's AMD compiler (ACO, GFX10 to GFX12).
import type { Effect, Kind, Listing, Op, Wait } from "./listing.ts";

const KINDS: readonly (readonly [Kind, RegExp])[] = [
  ["fma", /^v_(fma|fmac|fmaak|fmamk|mad|mac|pk_fma)_(mix_)?f32/],
  ["packed", /^v_pk_(fma|fmac)_f16/],
  ["matrix", /^v_(wmma|swmmac|mfma)/],
  ["load", /^(buffer|global|flat|tbuffer)_load/],
  ["store", /^(buffer|global|flat|tbuffer)_store/],
  ["sharedLoad", /^ds_(load|read)/],
  ["sharedStore", /^ds_(store|write)/],
  ["multiply", /^v_(mul_lo|mul_hi|mad_(co_)?[ui]64|mul_u64)|^s_mul_(i32|u64|hi)/],
  ["divide", /^v_rcp|^v_div_fixup/],
  ["branch", /^s_c?branch/],
  ["barrier", /^s_barrier(?!_wait)/],
  ["scratch", /^scratch_/],
];
/** Hints and waits are no instructions of the kernel. */
const HINT = /^s_(delay_alu|nop|clause|waitcnt|wait_|inst_prefetch|set_inst_prefetch|code_end|endpgm|barrier_wait)/;

/** Return the value of an integer operand, or null for registers and other numbers. */
function integer(operand: string | undefined): number | null {
  return operand !== undefined && /^(-?\d+|0x[\da-f]+)$/i.test(operand) ? Number(operand) : null;
}

const isRegister = (operand: string | undefined): operand is string => /^[sv]\d+$/.test(operand ?? "");

function effectOf(name: string, [to, a, b]: readonly string[]): Effect | undefined {
  if (!isRegister(to) || /^(s_cmp|v_cmp|s_waitcnt|ds_store|ds_write|buffer_store|global_store)/.test(name))
    return undefined;
  if (/^(s_mov_b32|s_movk_i32|v_mov_b32)/.test(name)) {
    const value = integer(a);
    if (value !== null) return { to, kind: "constant", value };
    return isRegister(a) ? { to, kind: "copy", from: a } : { to, kind: "other" };
  }
  if (/^s_addk_i32/.test(name)) return { to, kind: "add", from: to, by: integer(a) ?? 0 };
  if (/^(s_add_[ui]32|v_add_nc_u32|s_add_co_[ui]32)/.test(name)) {
    const [by, from] = integer(a) !== null ? [integer(a), b] : [integer(b), a];
    if (by !== null && isRegister(from)) return { to, kind: "add", from, by };
  }
  return { to, kind: "other" };
}

function compareOf(name: string, operands: readonly string[]): Op["compare"] {
  if (!/^(s_cmpk?|v_cmpx?)_\w+_[ui]32/.test(name)) return undefined;
  const [a, b] = operands.slice(-2);
  const [register, bound] = integer(a) !== null ? [b, integer(a)] : [a, integer(b)];
  return isRegister(register) && bound !== null ? { register, bound } : undefined;
}

function waitOf(text: string): Wait | undefined {
  const left =
    /^s_waitcnt\b.*vmcnt\((\d+)\)/.exec(text)?.[1] ?? /^s_wait_loadcnt(?:_dscnt)? (0x[\da-f]+|\d+)/.exec(text)?.[1];
  if (left === undefined) return undefined;
  // The combined form has two numbers, and the low byte is the one of workgroup memory.
  const value = Number(left);
  return { kind: "atMost", left: text.startsWith("s_wait_loadcnt_dscnt") ? value >> 8 : value };
}

/** Return the bits that a load brings to each lane: `buffer_load_b128`, or `buffer_load_dwordx4` of older families. */
function loadBits(name: string): number {
  const bits = /_[bui](8|16|32|64|96|128)\b/.exec(name)?.[1];
  const words = /dwordx([234])/.exec(name)?.[1];
  return bits ? Number(bits) : 32 * Number(words ?? 1);
}

function readOp(text: string): Op {
  const kinds: Partial<Record<Kind, number>> = {};
  const halves = text.split("::").map((half) => half.trim().replace(/^v_dual_/, "v_"));
  for (const half of halves) {
    for (const [kind, match] of KINDS) if (match.test(half)) kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  const [, name = "", rest = ""] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  const operands = rest.split(",").map((part) => part.trim().split(/\s/)[0]!);
  const effect = effectOf(name, operands);
  const compare = compareOf(name, operands);
  const wait = waitOf(text);
  const target = /^s_c?branch\w*\s+(BB\d+)/.exec(text)?.[1];
  return {
    text,
    issued: HINT.test(name) ? 0 : halves.length,
    cycles: 0,
    kinds,
    ...(kinds.load ? { load: { bits: loadBits(name), tokens: [] } } : {}),
    ...(wait ? { wait } : {}),
    ...(effect ? { effect } : {}),
    ...(compare ? { compare } : {}),
    ...(target ? { target } : {}),
    ...(/^s_(branch|endpgm|setpc)/.test(name) ? { ends: true } : {}),
  };
}

/** Read an assembly text of ACO. */
export function readAmd(assembly: string): Listing {
  const ops: Op[] = [];
  const labels = new Map<string, number>();
  for (const line of assembly.split("\n")) {
    const label = /^(BB\d+):/.exec(line)?.[1];
    if (label) labels.set(label, ops.length);
    else if (/^\t[a-z]/.test(line)) ops.push(readOp(line.split(";")[0]!.trim()));
    const times = Number(/\(then repeated (\d+) times\)/.exec(line)?.[1] ?? 0);
    for (let i = 0; i < times; i++) ops.push(ops.at(-1)!);
  }
  return { ops, labels };
}
