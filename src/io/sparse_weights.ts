// Sparse model files: the nonzero values and positions of each pruned weight, in a safetensors file.

import type { HostArray } from "../tensor/index.ts";
import { expectKeys } from "../text/index.ts";
import { elementCount, type FileArray, type FileArrayInput, toFloat32 } from "./array_types.ts";
import { blockBytes, packBlockRows, unpackBlockRows } from "./block_rows.ts";
import { denseRoom, indexBytes, matrixOf, packCsr, unpackCsr } from "./csr.ts";
import { INT8_FORMAT, int8WeightsOf } from "./int8_weights.ts";
import { parseSafetensors, SafetensorsError, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
import { denseOf } from "./weights_entry.ts";

/**
 * Storage of the positions of nonzero entries. bitmask: one bit per entry, smaller up to about 90 % zeros. csr: a
 * column per value and a pointer per row, smaller beyond. block: a column per block of 8 or 4 neighbouring rows, smallest for
 * weights that were pruned by blocks.
 */
export const SPARSE_LAYOUTS = ["bitmask", "csr", "block"] as const;
/** Storage of a sparse weight; see SPARSE_LAYOUTS. */
export type SparseLayout = (typeof SPARSE_LAYOUTS)[number];

/** Name of each layout in the metadata. */
const FORMATS: Readonly<Record<SparseLayout, string>> = {
  bitmask: "espalier-sparse-1",
  csr: "espalier-sparse-csr-1",
  block: "espalier-sparse-block-1",
};
const MASK = ".mask";
const ROWS = ".rows";
const BLOCKS = ".blocks";
const COLUMNS = ".columns";
const VALUES = ".values";
/** Name ending of the first tensor of a weight in each layout. It identifies the weight's other tensors. */
const LEADS: Readonly<Record<SparseLayout, string>> = { bitmask: MASK, csr: ROWS, block: BLOCKS };

/**
 * Return the bytes of a weight in a sparse file, without names and headers. Whole bytes: prune/compression.ts counts
 * bits, with columns of the exact width (here 8, 16 or 32 bits) and row pointers too (here 32). Layout block depends on where
 * the zeros are.
 */
export function sparseBytes(
  shape: readonly number[],
  nonzeros: number,
  layout: Exclude<SparseLayout, "block">,
): number {
  const { rows, columns } = matrixOf(shape);
  if (layout === "bitmask") return 4 * nonzeros + Math.ceil((rows * columns) / 8);
  return (4 + indexBytes(columns)) * nonzeros + 4 * (rows + 1);
}

function bitmask(data: Float32Array): Uint8Array {
  const mask = new Uint8Array(Math.ceil(data.length / 8));
  data.forEach((v, i) => {
    if (v !== 0) mask[i >> 3] = mask[i >> 3]! | (1 << (i & 7));
  });
  return mask;
}

/** Return the parts of a packed weight, by the ends of their names. */
function pack({ data, shape }: HostArray<Float32Array>, layout: SparseLayout): [string, FileArrayInput][] {
  if (layout === "bitmask") {
    const mask = bitmask(data);
    const values = data.filter((v) => v !== 0);
    return [
      [MASK, { shape: [mask.length], data: mask }],
      [VALUES, { shape: [values.length], data: values }],
    ];
  }
  if (layout === "block") {
    const { blocks, columns, values } = packBlockRows(data, shape);
    return [
      [BLOCKS, { shape: [blocks.length], data: blocks }],
      [COLUMNS, { shape: [columns.length], data: columns }],
      [VALUES, { shape: [values.length], data: values }],
    ];
  }
  const { rows, columns, values } = packCsr(data, shape);
  return [
    [ROWS, { shape: [rows.length], data: rows }],
    [COLUMNS, { shape: [columns.length], data: columns }],
    [VALUES, { shape: [values.length], data: values }],
  ];
}

/** Storage of one array in a sparse file. */
export interface StoredArray {
  readonly name: string;
  readonly shape: readonly number[];
  /** Bytes of all values, and of the parts in the file, without names and headers. */
  readonly dense: number;
  readonly stored: number;
  /** Storage that takes fewer bytes: the layout of the file with the size of the blocks, or dense. */
  readonly format: "dense" | "bitmask" | "csr" | "block 8" | "block 4";
}

/** Choose the storage of an array in a file of this layout. */
function storageOf(name: string, { data, shape }: HostArray, layout: SparseLayout): StoredArray {
  const dense = data.byteLength;
  const plain = { name, shape, dense, stored: dense, format: "dense" } as const;
  if (!(data instanceof Float32Array)) return plain;
  let nonzeros = 0;
  for (const v of data) if (v !== 0) nonzeros++;
  const { bytes: stored, format } =
    layout === "block" ? blockStorage(data, shape) : { bytes: sparseBytes(shape, nonzeros, layout), format: layout };
  return stored >= dense ? plain : { name, shape, dense, stored, format };
}

function blockStorage(data: Float32Array, shape: readonly number[]) {
  const { size, bytes } = blockBytes(data, shape);
  return { bytes, format: size === 8 ? ("block 8" as const) : ("block 4" as const) };
}

/** Return the storage of each array in a sparse file of this layout. */
export const storedArrays = (weights: ReadonlyMap<string, HostArray>, layout: SparseLayout): StoredArray[] =>
  [...weights].map(([name, array]) => storageOf(name, array, layout));

/**
 * Write a sparse model. Weights that become smaller are packed, with their shapes in the metadata; others stay as they
 * are. Zeros of either sign read back as 0, everything else bit for bit.
 *
 * Bitmask   `<name>.mask` (U8, bit i of byte i/8 from the lowest: entry i is not zero) and `<name>.values` (F32, in order).
 * CSR       the weight as a matrix of shape[0] rows: `<name>.rows` (U32, where each row's values begin, and their number),
 *           `<name>.columns` (U8, U16 or U32, by the number of columns) and `<name>.values` (F32).
 * Block     the same matrix, in blocks of 8 or 4 rows at one column: `<name>.blocks` (U32, the size, where each row of blocks
 *           begins, and their number), `<name>.columns` of the blocks and `<name>.values` (F32, block by block).
 * Errors    SafetensorsError for an unknown layout, and if data and shape disagree.
 */
export function writeSparseModel(
  weights: ReadonlyMap<string, HostArray>,
  metadata: Record<string, string> = {},
  options: { readonly layout?: SparseLayout } = {},
): Uint8Array {
  expectKeys(options, { layout: true }, (problem) => new SafetensorsError("sparse model", problem));
  const { layout = "bitmask" } = options;
  if (!SPARSE_LAYOUTS.includes(layout))
    throw new SafetensorsError("sparse model", `layout: expected ${SPARSE_LAYOUTS.join(", ")}, got ${layout}`);
  const tensors = new Map<string, FileArrayInput>();
  const shapes: [string, readonly number[]][] = []; // as a plain object's key, __proto__ would be lost
  for (const [name, array] of weights) {
    const { data, shape } = array;
    if (!(data instanceof Float32Array) || storageOf(name, array, layout).format === "dense") {
      tensors.set(name, array);
      continue;
    }
    const { rows, columns } = matrixOf(shape);
    if (rows * columns !== data.length) {
      const problem = `${name}: [${shape.join(",")}]: expected ${rows * columns} values, got ${data.length}`;
      throw new SafetensorsError("sparse model", problem);
    }
    shapes.push([name, shape]);
    for (const [end, part] of pack({ data, shape }, layout)) tensors.set(name + end, part);
  }
  return writeSafetensors(tensors, {
    ...metadata,
    format: FORMATS[layout],
    shapes: JSON.stringify(Object.fromEntries(shapes)),
  });
}

type Fail = (message: string) => never;

function unpackBitmask(count: number, mask: FileArray, values: FileArray, base: string, fail: Fail): Float32Array {
  const bits = mask.data as Uint8Array;
  if (mask.dtype !== "U8" || bits.length !== Math.ceil(count / 8))
    fail(`${base}: expected a mask of ${Math.ceil(count / 8)} bytes, got ${bits.length} of type ${mask.dtype}`);
  const data = new Float32Array(count);
  const packed = toFloat32(values);
  let next = 0;
  for (let i = 0; i < count; i++) {
    if ((bits[i >> 3]! >> (i & 7)) & 1) data[i] = packed[next++] ?? Number.NaN;
  }
  if (next !== packed.length) fail(`${base}: expected ${next} values, as in its mask, got ${packed.length}`);
  return data;
}

/**
 * Read dense weights from a sparse or plain safetensors file. Throw SafetensorsError if the parts of a weight disagree.
 */
export function readModelWeights(
  bytes: Uint8Array,
  name: string,
): { weights: Map<string, HostArray<Float32Array>>; metadata: Map<string, string> } {
  const file = parseSafetensors(bytes, name);
  return { weights: modelWeightsOf(file, name), metadata: file.metadata };
}

/** Check for a model of packed weights, sparse or of 8 bits, by its metadata. */
export function isSparseModel({ metadata }: Pick<SafetensorsFile, "metadata">): boolean {
  const format = metadata.get("format");
  return format === INT8_FORMAT || SPARSE_LAYOUTS.some((layout) => format === FORMATS[layout]);
}

/** Return the dense weights of a file that was read. */
export function modelWeightsOf(
  file: Pick<SafetensorsFile, "tensors" | "metadata">,
  name: string,
): Map<string, HostArray<Float32Array>> {
  const layout = SPARSE_LAYOUTS.find((l) => file.metadata.get("format") === FORMATS[l]);
  if (layout) return sparseWeightsOf(file, layout, name);
  if (file.metadata.get("format") === INT8_FORMAT) return int8WeightsOf(file, name);
  const named = [...file.tensors].filter(([key]) => !key.endsWith("num_batches_tracked"));
  return new Map(named.map(([key, array]) => [key, denseOf({ shape: array.shape, read: () => array }, key, name)]));
}

function sparseWeightsOf(
  { tensors, metadata }: Pick<SafetensorsFile, "tensors" | "metadata">,
  layout: SparseLayout,
  name: string,
): Map<string, HostArray<Float32Array>> {
  const weights = new Map<string, HostArray<Float32Array>>();
  const fail: Fail = (message) => {
    throw new SafetensorsError(name, message);
  };
  const shapes = readShapes(metadata, fail);
  const most = denseRoom(tensors.values());
  let room = most;
  const lead = LEADS[layout];
  const others = layout === "bitmask" ? [VALUES] : [VALUES, COLUMNS];
  for (const [key, array] of tensors) {
    if (others.some((end) => key.endsWith(end) && tensors.has(key.slice(0, -end.length) + lead))) continue;
    if (!key.endsWith(lead)) {
      weights.set(key, { data: toFloat32(array), shape: array.shape });
      continue;
    }
    const base = key.slice(0, -lead.length);
    const part = (end: string) =>
      tensors.get(base + end) ?? fail(`${base} has ${lead.slice(1)} but no ${end.slice(1)}`);
    const shape = readShape(shapes, base, fail);
    const count = elementCount(shape);
    if (count > room) fail(`${base} [${shape}]: expected at most ${most} unpacked values in all weights, got more`);
    room -= count;
    const unpack = {
      bitmask: () => unpackBitmask(count, array, part(VALUES), base, fail),
      csr: () => unpackCsr(shape, { rows: array, columns: part(COLUMNS), values: part(VALUES) }),
      block: () => unpackBlockRows(shape, { blocks: array, columns: part(COLUMNS), values: part(VALUES) }),
    };
    const data = unpack[layout]();
    if (typeof data === "string") fail(`${base} ${data}`);
    else weights.set(base, { data, shape });
  }
  return weights;
}

function readShapes(metadata: ReadonlyMap<string, string>, fail: Fail): Record<string, unknown> {
  try {
    return JSON.parse(metadata.get("shapes") ?? "") as Record<string, unknown>;
  } catch {
    return fail("its record of shapes is not valid JSON");
  }
}

function readShape(shapes: Record<string, unknown>, base: string, fail: Fail): readonly number[] {
  const shape = Object.hasOwn(shapes, base) ? shapes[base] : undefined;
  if (Array.isArray(shape) && shape.every((d) => Number.isSafeInteger(d) && d > 0)) return shape;
  return fail(`${base}: expected a shape of integers > 0, got ${JSON.stringify(shape) ?? "nothing"}`);
}
