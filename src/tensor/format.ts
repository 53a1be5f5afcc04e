// Prints the values of a tensor as nested lists.
import { expectOptions, OpError } from "../gpu/index.ts";
import type { KeysOf } from "../text/index.ts";
import type { TypedArray } from "./dtype.ts";
import { type Shape, stridesOf } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** Options of `formatTensor`. */
export interface FormatOptions {
  /** Significant digits of f32 values, 1 to 17. Default 4. */
  readonly digits?: number;
  /** Tensors with more elements show the first and last three entries of each axis. Default 1000. */
  readonly maxElements?: number;
}

const KEYS: KeysOf<FormatOptions> = { digits: true, maxElements: true };

/** Entries at each end of an axis that is cut. */
const EDGE = 3;

/** Return the indices of an axis that are shown; null for those between. */
function shownOf(size: number, cut: boolean): (number | null)[] {
  const all = Array.from({ length: size }, (_, i) => i);
  return cut && size > 2 * EDGE ? [...all.slice(0, EDGE), null, ...all.slice(-EDGE)] : all;
}

function textOf(values: TypedArray, digits: number): (i: number) => string {
  if (!(values instanceof Float32Array)) return (i) => String(values[i]);
  return (i) => String(Number(values[i]!.toPrecision(digits)));
}

/** Return nested brackets; rows begin below each other. */
function nested(shape: Shape, cut: boolean, text: (i: number) => string): string {
  const strides = stridesOf(shape);
  const visit = (axis: number, first: number): string => {
    if (axis === shape.length) return text(first);
    const parts = shownOf(shape[axis]!, cut).map((i) =>
      i === null ? "..." : visit(axis + 1, first + i * strides[axis]!),
    );
    const inner = shape.length - axis - 1;
    const gap = inner === 0 ? ", " : `,${"\n".repeat(inner)}${" ".repeat(axis + 1)}`;
    return `[${parts.join(gap)}]`;
  };
  return visit(0, 0);
}

/**
 * Return name, shape, dtype and values as text, in nested brackets. Waits for the GPU.
 *
 * Errors    OpError for unknown options or ones out of range; DisposedError for a tensor without memory.
 * @example
 * console.log(await formatTensor(tensor([[1, 2], [3, 4.5]])));
 * // Tensor #1 [2,2] f32
 * // [[1, 2],
 * //  [3, 4.5]]
 */
export async function formatTensor(t: Tensor, options: FormatOptions = {}): Promise<string> {
  expectOptions("formatTensor", options, KEYS);
  const { digits = 4, maxElements = 1000 } = options;
  if (!Number.isInteger(digits) || digits < 1 || digits > 17)
    throw new OpError("formatTensor", `digits: expected an integer from 1 to 17, got ${digits}`);
  if (!(maxElements >= 1)) throw new OpError("formatTensor", `maxElements: expected a number >= 1, got ${maxElements}`);
  const head = t.toString();
  const values = await t.data();
  return `${head}\n${nested(t.shape, t.numel > maxElements, textOf(values, digits))}`;
}
