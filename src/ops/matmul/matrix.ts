// A matrix as products see it: a tensor and strides.
import type { Bindable } from "../../gpu/index.ts";
import type { DType } from "../../tensor/index.ts";

/** A matrix in a tensor, or in a part of one: element [i, j] is `i · row + j · col` elements after the start of its batch entry. */
export interface Matrix {
  /** Without a dtype: f32. */
  readonly tensor: Bindable & { readonly dtype?: DType };
  readonly row: number;
  readonly col: number;
  /** Strides of the batch axes, in elements; 0 along a broadcast axis. Default: all 0. */
  readonly batch?: readonly number[];
}

/** Return the matrix with rows and columns exchanged, without moving data. */
export function transposed(matrix: Matrix): Matrix {
  return { ...matrix, row: matrix.col, col: matrix.row };
}
