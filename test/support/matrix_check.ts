// Parts of checks that run in a test or in a separate process: nothing here needs a test runner.

import { halfBits, halfValues } from "../../src/tensor/half.ts";
import type { DType } from "../../src/tensor/index.ts";
import type { Tolerance } from "./close.ts";

export interface MatrixCheck {
  readonly title: string;
  /** Throws an Error that names the first wrong value. */
  run(): Promise<void>;
}

/** No difference at all. */
export const SAME: Tolerance = { rtol: 0, atol: 0 };

/** Return the largest error of results of a dtype, relative to the largest of them. Adapters may round f16 towards zero. */
export const tolerance = (dtype: DType): Tolerance => ({ rtol: dtype === "f16" ? 2 ** -10 : 2e-6, atol: 0 });

/** Return the values that f16 tensors of these values hold. */
export const roundedToF16 = (values: ArrayLike<number>): Float32Array<ArrayBuffer> =>
  halfValues(halfBits(values), values.length);
