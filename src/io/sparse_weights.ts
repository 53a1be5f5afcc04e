// Sparse model files: each pruned weight as one bit per entry and the non-zero values, in a safetensors file.
import { type FileArray, toFloat32 } from "./array_types.ts";
import { parseSafetensors, SafetensorsError, writeSafetensors } from "./safetensors.ts";

export interface DenseArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

const FORMAT = "espalier-sparse-1";
const MASK = ".mask";
const VALUES = ".values";

/**
 * Bytes of a sparse model. A tensor with enough zeros is stored as `<name>.mask` (U8, bit i of byte i/8 from the lowest:
 * entry i is non-zero) and `<name>.values` (F32, in order), its shape in the metadata; others as they are.
 */
export function writeSparseModel(
  weights: ReadonlyMap<string, DenseArray>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const tensors = new Map<string, FileArray>();
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, { data, shape }] of weights) {
    const values = data.filter((v) => v !== 0);
    const packed = Math.ceil(data.length / 8);
    if (values.length * 4 + packed >= data.length * 4) {
      tensors.set(name, { dtype: "F32", shape: [...shape], data } as FileArray);
      continue;
    }
    const mask = new Uint8Array(packed);
    data.forEach((v, i) => {
      if (v !== 0) mask[i >> 3] = (mask[i >> 3] as number) | (1 << (i & 7));
    });
    shapes[name] = shape;
    tensors.set(name + MASK, { dtype: "U8", shape: [packed], data: mask } as FileArray);
    tensors.set(name + VALUES, { dtype: "F32", shape: [values.length], data: values } as FileArray);
  }
  return writeSafetensors(tensors, { ...metadata, format: FORMAT, shapes: JSON.stringify(shapes) });
}

/** Dense weights out of a sparse or plain safetensors file. Throws SafetensorsError when mask and values disagree. */
export function readModelWeights(
  bytes: Uint8Array,
  name: string,
): { weights: Map<string, DenseArray>; metadata: Map<string, string> } {
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const weights = new Map<string, DenseArray>();
  const fail = (message: string): never => {
    throw new SafetensorsError(name, message);
  };
  if (metadata.get("format") !== FORMAT) {
    for (const [key, array] of tensors) {
      if (!key.endsWith("num_batches_tracked")) weights.set(key, { data: toFloat32(array), shape: array.shape });
    }
    return { weights, metadata };
  }
  let shapes: Record<string, unknown>;
  try {
    shapes = JSON.parse(metadata.get("shapes") ?? "") as Record<string, unknown>;
  } catch {
    return fail("its record of shapes is not valid JSON");
  }
  for (const [key, array] of tensors) {
    if (key.endsWith(VALUES) && tensors.has(key.slice(0, -VALUES.length) + MASK)) continue;
    if (!key.endsWith(MASK)) {
      weights.set(key, { data: toFloat32(array), shape: array.shape });
      continue;
    }
    const base = key.slice(0, -MASK.length);
    const values = tensors.get(base + VALUES) ?? fail(`${base} has a mask but no values`);
    const shape = Object.hasOwn(shapes, base) ? shapes[base] : undefined;
    if (!Array.isArray(shape) || !shape.every((d) => Number.isSafeInteger(d) && d > 0))
      fail(`${base} has no valid shape`);
    const count = (shape as number[]).reduce((a, b) => a * b, 1);
    const mask = array.data as Uint8Array;
    if (array.dtype !== "U8" || mask.length !== Math.ceil(count / 8))
      fail(`${base}: the mask does not cover its shape`);
    const data = new Float32Array(count);
    const packed = toFloat32(values);
    let next = 0;
    for (let i = 0; i < count; i++) {
      if (((mask[i >> 3] as number) >> (i & 7)) & 1) data[i] = packed[next++] ?? Number.NaN;
    }
    if (next !== packed.length) fail(`${base}: the mask marks ${next} entries, there are ${packed.length} values`);
    weights.set(base, { data, shape: shape as number[] });
  }
  return { weights, metadata };
}
