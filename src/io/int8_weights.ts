// Model files with 8-bit weights: integers and one scale per output channel, in a safetensors file. Pruned weights may be masked.
import type { HostArray } from "../tensor/index.ts";
import { elementCount, type FileArray, type FileArrayInput, toFloat32 } from "./array_types.ts";
import { denseRoom } from "./csr.ts";
import { fromInt8, int8Weight } from "./int8_codes.ts";
import { SafetensorsError, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";

/** Format of the file in its metadata. */
export const INT8_FORMAT = "espalier-int8-1";
const SCALE = ".scale";
const MASK = ".mask";
const VALUES = ".values";

/** Return the parts of a weight, by the ends of their names: all codes, or a bit per entry and the codes that are not zero. */
function partsOf(codes: Int8Array, shape: readonly number[]): [string, FileArrayInput][] {
  const values = codes.filter((code) => code !== 0);
  const maskBytes = Math.ceil(codes.length / 8);
  if (maskBytes + values.length >= codes.length) return [["", { data: codes, shape }]];
  const mask = new Uint8Array(maskBytes);
  codes.forEach((code, i) => {
    if (code !== 0) mask[i >> 3] = mask[i >> 3]! | (1 << (i & 7));
  });
  return [
    [MASK, { data: mask, shape: [mask.length] }],
    [VALUES, { data: values, shape: [values.length] }],
  ];
}

/**
 * Write a model whose weights of two and more axes are 8-bit integers. Everything else stays as it is.
 *
 * Weight W  `W` (I8, shape of the weight), or for pruned weights `W.mask` (U8, bit i of byte i/8 from the lowest: entry i is not zero)
 *           and `W.values` (I8, in order), whichever is smaller; and `W.scale` (F32 [shape[0]]): entry = integer · scale of its index
 *           of axis 0. Shapes of masked weights are in the metadata.
 * Errors    SafetensorsError if data and shape disagree, or a name of a part is taken.
 */
export function writeInt8Model(
  weights: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, FileArrayInput>();
  const shapes: [string, readonly number[]][] = [];
  const put = (name: string, array: FileArrayInput) => {
    if (tensors.has(name)) throw new SafetensorsError("int8 model", `${name}: expected a name of one array, got two`);
    tensors.set(name, array);
  };
  for (const [name, array] of weights) {
    const { data, shape } = array;
    if (!(data instanceof Float32Array) || shape.length < 2 || data.length === 0) {
      put(name, array);
      continue;
    }
    if (elementCount(shape) !== data.length)
      throw new SafetensorsError("int8 model", `${name}: [${shape.join(",")}]: got ${data.length} values`);
    const { codes, scales } = int8Weight(data, shape[0]!);
    const parts = partsOf(codes, shape);
    if (parts.length > 1) shapes.push([name, shape]);
    for (const [end, part] of parts) put(name + end, part);
    put(name + SCALE, { data: scales, shape: [scales.length] });
  }
  return writeSafetensors(tensors, {
    ...metadata,
    format: INT8_FORMAT,
    shapes: JSON.stringify(Object.fromEntries(shapes)),
  });
}

type Fail = (problem: string) => never;
type File = Pick<SafetensorsFile, "tensors" | "metadata">;

/** Read the shapes of masked weights. */
function shapesOf({ metadata }: File, fail: Fail): Map<string, readonly number[]> {
  let read: unknown;
  try {
    read = JSON.parse(metadata.get("shapes") ?? "");
  } catch {
    return fail("its record of shapes is not valid JSON");
  }
  const isShape = (shape: unknown) => Array.isArray(shape) && shape.every((d) => Number.isSafeInteger(d) && d > 0);
  const entries = typeof read === "object" && read !== null ? Object.entries(read) : [];
  const bad = entries.find(([, shape]) => !isShape(shape));
  if (bad) fail(`${bad[0]}: expected a shape of integers > 0, got ${JSON.stringify(bad[1])}`);
  return new Map(entries as [string, number[]][]);
}

function codesOfMask(
  count: number,
  mask: FileArray,
  values: FileArray | undefined,
  base: string,
  fail: Fail,
): Int8Array {
  const bytes = Math.ceil(count / 8);
  if (!(mask.dtype === "U8" && mask.data.length === bytes))
    fail(`${base}: expected a mask of ${bytes} bytes, got ${mask.data.length} of type ${mask.dtype}`);
  if (values?.dtype !== "I8") return fail(`${base} has a mask but no values of type I8`);
  const codes = new Int8Array(count);
  let next = 0;
  for (let i = 0; i < count; i++)
    if (((mask.data[i >> 3] as number) >> (i & 7)) & 1) codes[i] = values.data[next++] ?? 0;
  if (next !== values.data.length) fail(`${base}: expected ${next} values, as in its mask, got ${values.data.length}`);
  return codes;
}

/** Return the weight of codes and of the scales in the file. */
function dequantised(file: File, base: string, codes: Int8Array, shape: readonly number[], fail: Fail) {
  const scales = file.tensors.get(base + SCALE);
  if (scales?.dtype !== "F32" || scales.data.length !== shape[0])
    return fail(
      `${base}: expected ${shape[0]} scales of type F32, got ${scales ? `[${scales.shape}] ${scales.dtype}` : "none"}`,
    );
  const bad = scales.data.find((scale) => !(scale > 0 && scale < Number.POSITIVE_INFINITY));
  if (bad !== undefined) fail(`${base}: expected scales > 0, got ${bad}`);
  return { data: fromInt8({ codes, scales: scales.data }), shape };
}

/** Check for a name that ends in `end`, of a part of the array whose name ends in `lead`. */
const isPart = (tensors: File["tensors"], key: string, end: string, lead: string): boolean =>
  key.endsWith(end) && tensors.has(key.slice(0, -end.length) + lead);

/** Return the dense float32 weights of a file of 8-bit weights. Errors: SafetensorsError if the parts of a weight disagree. */
export function int8WeightsOf(file: File, name: string): Map<string, HostArray<Float32Array>> {
  const fail: Fail = (problem) => {
    throw new SafetensorsError(name, problem);
  };
  const { tensors } = file;
  const shapes = shapesOf(file, fail);
  const weights = new Map<string, HostArray<Float32Array>>();
  let room = denseRoom(tensors.values());
  for (const [key, array] of tensors) {
    if (isPart(tensors, key, VALUES, MASK) || isPart(tensors, key, SCALE, MASK)) continue;
    if (isPart(tensors, key, SCALE, "") && tensors.get(key.slice(0, -SCALE.length))!.dtype === "I8") continue;
    const base = key.endsWith(MASK) ? key.slice(0, -MASK.length) : key;
    const shape = key.endsWith(MASK) ? shapes.get(base) : undefined;
    if (shape) {
      const count = elementCount(shape);
      room -= count;
      if (room < 0) fail(`${base} [${shape}]: expected fewer unpacked values, got more than a file of its size holds`);
      const codes = codesOfMask(count, array, tensors.get(base + VALUES), base, fail);
      weights.set(base, dequantised(file, base, codes, shape, fail));
    } else if (array.dtype === "I8") weights.set(key, dequantised(file, key, array.data, array.shape, fail));
    else weights.set(key, { data: toFloat32(array), shape: array.shape });
  }
  return weights;
}
