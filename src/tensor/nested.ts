// Converts numbers in nested arrays to one flat list and a shape. Refuses other values, with their index.
import { OpError } from "../gpu/index.ts";
import type { DType, TypedArray } from "./dtype.ts";
import type { Shape } from "./shape.ts";

/** A number, or arrays of numbers of any depth. */
export type NestedNumbers = number | readonly NestedNumbers[];

const MOST_F32 = 3.4028235677973366e38; // half a step above the largest f32: values from here on round to infinity

function nameOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n, a bigint`;
  if (typeof value === "boolean") return `${value}: write 1 or 0`;
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : typeof value;
}

const placeOf = (path: readonly number[]) => (path.length > 0 ? ` at ${path.map((i) => `[${i}]`).join("")}` : "");

/** Throw OpError unless the value is a number of the dtype: none is rounded to an integer or to infinity. */
function expectNumber(op: string, dtype: DType, value: unknown, path: readonly number[]): void {
  if (typeof value !== "number") throw new OpError(op, `expected a number${placeOf(path)}, got ${nameOf(value)}`);
  if (dtype === "f32" || dtype === "f16") {
    if (Number.isFinite(value) && Math.abs(value) >= MOST_F32)
      throw new OpError(op, `expected numbers of f32, up to 3.4e38, got ${value}${placeOf(path)}`);
  } else if (value !== (dtype === "i32" ? value | 0 : value >>> 0)) {
    throw new OpError(op, `expected integers of ${dtype}, got ${value}${placeOf(path)}`);
  }
}

/** Return host numbers as the array of a dtype; f32 for f16. Throws OpError for values that are not numbers of this dtype. */
export function toTyped(dtype: DType, values: readonly number[]): TypedArray {
  // By index: forEach skips holes.
  for (let i = 0; i < values.length; i++) expectNumber("tensor", dtype, values[i], [i]);
  if (dtype === "f32" || dtype === "f16") return Float32Array.from(values);
  return dtype === "i32" ? Int32Array.from(values) : Uint32Array.from(values);
}

/** Return the flat list and the shape. Every array at one depth must be as long as the first. */
export function flatten(op: string, values: NestedNumbers): { flat: number[]; shape: Shape } {
  const shape: number[] = [];
  for (let level: unknown = values; Array.isArray(level); level = level[0]) shape.push(level.length);
  const flat: number[] = [];
  const leaf = (value: unknown, path: readonly number[]): void => {
    if (Array.isArray(value))
      throw new OpError(op, `expected a number${placeOf(path)}, got an array of ${value.length}`);
    expectNumber(op, "f32", value, path);
    flat.push(value as number);
  };
  const visit = (value: unknown, path: readonly number[]): void => {
    const depth = path.length;
    if (!Array.isArray(value))
      throw new OpError(op, `expected an array of ${shape[depth]}${placeOf(path)}, got ${nameOf(value)}`);
    if (value.length !== shape[depth])
      throw new OpError(op, `expected ${shape[depth]} entries${placeOf(path)}, as in the first, got ${value.length}`);
    const innermost = depth === shape.length - 1;
    for (let i = 0; i < value.length; i++) {
      const v: unknown = value[i];
      // Most are plain numbers: only others need a path.
      if (innermost && typeof v === "number" && Math.abs(v) < MOST_F32) flat.push(v);
      else (innermost ? leaf : visit)(v, [...path, i]);
    }
  };
  (shape.length === 0 ? leaf : visit)(values, []);
  return { flat, shape };
}
