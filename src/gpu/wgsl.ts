// The template language of shaders: `//!include` (pasted at build time, tools/wgsl_text.mjs), `//!spec` and `//!unroll` lines,
// and a reader for the header, so that TypeScript never repeats a shader's declarations.
import { KernelError } from "./errors.ts";
import { unroll } from "./unroll.ts";
import { constantsOf, evaluate } from "./wgsl_constants.ts";
import { readStruct, type WgslStruct, withoutComments } from "./wgsl_struct.ts";

/** Value of a `//!spec` constant: a number, a boolean, or the name of a WGSL type. */
export type SpecValue = number | boolean | string;
/** Values of a shader's `//!spec` constants by name; each combination is compiled once. */
export type Spec = Readonly<Record<string, SpecValue>>;

interface Binding {
  readonly name: string;
  readonly index: number;
  readonly kind: "read-only-storage" | "storage" | "uniform";
}

export interface Header {
  readonly bindings: readonly Binding[];
  /** The struct `Params`; without fields where the shader has none. */
  readonly params: WgslStruct;
  readonly workgroupSize: readonly [string, string, string];
}

const SPEC_LINE = /^(const|alias)\s+(\w+)\s*(?::\s*([\w<>]+))?\s*=\s*([^;]+);([^\n]*\/\/!spec[^\n]*)$/gm;

/** A function of one line whose body a spec replaces. */
const SPEC_FUNCTION = /^(fn\s+(\w+)\([^)]*\)\s*->\s*[\w<>]+)\s*\{[^\n]*\}([^\n}]*\/\/!spec[^\n]*)$/gm;

/** Return the body of a function from an expression, or from statements that return. */
function body(kernel: string, name: string, value: SpecValue): string {
  if (typeof value !== "string" || value.trim() === "")
    throw new KernelError(kernel, `spec ${name}: expected a WGSL expression, got ${value || typeof value}`);
  const code = value.trim().replace(/\s+/g, " ");
  return /\breturn\b/.test(code) ? code : `return ${code};`;
}

function literal(kernel: string, name: string, type: string | undefined, value: SpecValue): string {
  if (type === "bool") {
    if (typeof value !== "boolean") throw new KernelError(kernel, `spec ${name}: expected bool, got ${value}`);
    return String(value);
  }
  if (type === "u32" || type === "i32") {
    if (!Number.isInteger(value) || (type === "u32" && (value as number) < 0))
      throw new KernelError(kernel, `spec ${name}: expected ${type}, got ${value}`);
    return `${value}${type === "u32" ? "u" : "i"}`;
  }
  if (type === "f32") {
    if (typeof value !== "number" || !Number.isFinite(value))
      throw new KernelError(kernel, `spec ${name}: expected f32, got ${value}`);
    return `f32(${value})`;
  }
  return String(value);
}

/** Replace the values and function bodies of `//!spec` lines; a text that uses f16 enables it. Throws KernelError for a name without such a line. */
export function applySpec(kernel: string, text: string, spec: Spec): string {
  const known = new Set<string>();
  const constants = text.replace(
    SPEC_LINE,
    (line, keyword: string, name: string, type: string | undefined, _v, rest) => {
      known.add(name);
      const value = spec[name];
      if (value === undefined) return line;
      const typed = type ? `: ${type}` : "";
      return `${keyword} ${name}${typed} = ${literal(kernel, name, type, value)};${rest}`;
    },
  );
  const out = constants.replace(SPEC_FUNCTION, (line, signature: string, name: string, rest: string) => {
    known.add(name);
    const value = spec[name];
    return value === undefined ? line : `${signature} { ${body(kernel, name, value)} }${rest}`;
  });
  for (const name of Object.keys(spec)) {
    if (!known.has(name))
      throw new KernelError(kernel, `//!spec: expected one of ${[...known].join(", ") || "none"}, got ${name}`);
  }
  checkAsserts(kernel, out);
  return unroll(kernel, hoistEnables(out));
}

/** Check the `const_assert` lines of the specialised text now: the device would report them only at a wait. */
function checkAsserts(kernel: string, text: string): void {
  const asserts = [...text.matchAll(/^const_assert\s+([^;]+);/gm)];
  if (asserts.length === 0) return;
  const constants = constantsOf(text);
  for (const [, condition] of asserts) {
    if (evaluate(condition!, constants) !== false) continue;
    const named = [...new Set(condition!.match(/[A-Za-z_]\w*/g))].filter((name) => constants.has(name));
    const values = named.map((name) => `${name} = ${constants.get(name)}`).join(", ");
    throw new KernelError(kernel, `const_assert ${condition} does not hold (${values}): no case for this value`);
  }
}

/** Move `enable` and `diagnostic` directives to the front, where WGSL expects them, and add that of f16. Includes may have some. */
function hoistEnables(text: string): string {
  const enables = new Set<string>();
  const body = text.replace(/^(?:enable\s+[\w, ]+|diagnostic\([\w., ]+\));[^\n]*\n?/gm, (line) => {
    enables.add(line.trim().replace(/;.*$/, ";"));
    return "";
  });
  if (/\bf16\b/.test(withoutComments(body))) enables.add("enable f16;");
  return enables.size > 0 ? `${[...enables].join("\n")}\n${body}` : body;
}

const KINDS = { read: "read-only-storage", read_write: "storage" } as const;

/** Read bindings, `Params` fields and workgroup size from a shader's text. Comments are ignored. */
export function readHeader(kernel: string, source: string): Header {
  const text = withoutComments(source);
  const bindings: Binding[] = [];
  const declared = /@group\(0\)\s*@binding\((\d+)\)\s*var<\s*(storage|uniform)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:/g;
  for (const [, index, space, access, name] of text.matchAll(declared)) {
    const kind = space === "uniform" ? "uniform" : KINDS[(access ?? "read") as keyof typeof KINDS];
    bindings.push({ name: name!, index: Number(index), kind });
  }
  const size = /@workgroup_size\(([^)]*)\)/.exec(text);
  const [x = "1", y = "1", z = "1"] = (size?.[1] ?? "1").split(",").map((s) => s.replaceAll(/\s/g, ""));
  return { bindings, params: readStruct(kernel, text, "Params"), workgroupSize: [x, y, z] };
}
