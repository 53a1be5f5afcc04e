// Sizes of a shader's workgroup: invocations, and arrays in workgroup memory.
import { readHeader } from "../../src/gpu/wgsl.ts";
import { constantsOf, evaluate } from "../../src/gpu/wgsl_constants.ts";

const SCALARS: Readonly<Record<string, number>> = { f16: 2, f32: 4, u32: 4, i32: 4, bool: 4 };

/** Return the bytes of an element in workgroup memory; null for an unknown type. */
export function bytesOf(type: string, aliases: ReadonlyMap<string, string>): number | null {
  const name = type.replaceAll(/\s/g, "");
  const alias = aliases.get(name);
  if (alias !== undefined) return bytesOf(alias, aliases);
  const [, width, scalar] = /^vec([234])<(\w+)>$/.exec(name) ?? [];
  if (width) {
    const each = bytesOf(scalar!, aliases);
    // A vec3 has the place of a vec4.
    return each === null ? null : each * (width === "3" ? 4 : Number(width));
  }
  const atomic = /^atomic<(\w+)>$/.exec(name)?.[1];
  return SCALARS[atomic ?? name] ?? null;
}

/** Return the bytes of a component. */
function scalarBytesOf(type: string, aliases: ReadonlyMap<string, string>): number {
  const name = (aliases.get(type.trim()) ?? type).replaceAll(/\s/g, "");
  return bytesOf(/^vec[234]<(\w+)>$/.exec(name)?.[1] ?? name, aliases) ?? 4;
}

/** Return the `alias` declarations of a shader. */
export function aliasesOf(code: string): Map<string, string> {
  return new Map([...code.matchAll(/^alias\s+(\w+)\s*=\s*([^;]+);/gm)].map(([, name, type]) => [name!, type!.trim()]));
}

export interface WorkgroupArray {
  readonly name: string;
  /** Bytes of an element; null if its type is unknown. */
  readonly elementBytes: number | null;
  /** Bytes of a component of a vector, or of the element. */
  readonly scalarBytes: number;
  readonly length: number;
}

/** Split `array<T, N>` into T and N, at the comma outside of brackets. Both are undefined for other types. */
function arrayParts(type: string): [element?: string, length?: string] {
  const inside = /^array\s*<([\s\S]*)>$/.exec(type)?.[1];
  if (inside === undefined) return [];
  let depth = 0;
  for (const [i, letter] of [...inside].entries()) {
    if ("<(".includes(letter)) depth++;
    if (">)".includes(letter)) depth--;
    if (letter === "," && depth === 0) return [inside.slice(0, i).trim(), inside.slice(i + 1).trim()];
  }
  return [inside.trim()];
}

/** Return the arrays and variables in workgroup memory. A variable has one element. */
export function workgroupArrays(code: string): WorkgroupArray[] {
  const constants = constantsOf(code);
  const aliases = aliasesOf(code);
  const declared = [...code.matchAll(/var<workgroup>\s+(\w+)\s*:\s*([^;]+);/g)];
  return declared.map(([, name, type]) => {
    const [element, length] = arrayParts(type!.trim());
    const count = length === undefined ? 1 : evaluate(length, constants);
    return {
      name: name!,
      elementBytes: bytesOf(element ?? type!, aliases),
      scalarBytes: scalarBytesOf(element ?? type!, aliases),
      length: typeof count === "number" ? count : 0,
    };
  });
}

export interface Workgroup {
  readonly lanes: number;
  /** Invocations in x, y and z. */
  readonly size: readonly number[];
  readonly sharedBytes: number;
}

/** Return the size of a shader's workgroup. */
export function workgroupOf(code: string): Workgroup {
  const constants = constantsOf(code);
  const size = readHeader("shader", code).workgroupSize.map((text) => Number(evaluate(text, constants) ?? 1));
  const sharedBytes = workgroupArrays(code).reduce(
    (sum, { elementBytes, length }) => sum + (elementBytes ?? 0) * length,
    0,
  );
  return { lanes: size[0]! * size[1]! * size[2]!, size, sharedBytes };
}
