// Results of upsample and convTranspose2d for NaN and infinity: the rows of test/ops/nonfinite_table.ts for them.
import * as ops from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { convolveTransposed, type TransposedCase } from "../reference/conv_transpose2d.ts";
import { resample, resampleGradient, type UpsampleCase } from "../reference/upsample.ts";
import type { Row } from "./nonfinite_table.ts";

const shape = [1, 1, 2, 3] as const;
const nearest: UpsampleCase = { x: shape, out: [4, 6], mode: "nearest" };
const bilinear: UpsampleCase = { x: shape, out: [3, 5], mode: "bilinear" };

const upsampled = (c: UpsampleCase): Row => ({
  name: "upsample",
  shape,
  run: (x) => ops.upsample(x, { size: c.out, mode: c.mode }),
  y: (x) => [...resample(c, x)],
  dx: (_x, dy) => [...resampleGradient(c, dy)],
});

/** One channel, kernel 2 at stride 2: windows do not overlap. */
const transposed: TransposedCase = {
  x: shape,
  outputs: 1,
  kernel: [2, 2],
  stride: [2, 2],
  padding: [0, 0],
  outputPadding: [0, 0],
  dilation: [1, 1],
  groups: 1,
};
const kernel = [0.5, -1, 2, 1.5];

export const IMAGE_ROWS: Row[] = [
  upsampled(nearest),
  upsampled(bilinear),
  {
    name: "convTranspose2d",
    shape,
    run: (x) => ops.convTranspose2d(x, tensor(kernel, [1, 1, 2, 2]), null, { stride: 2 }),
    y: (x) => [...convolveTransposed(transposed, x, kernel)],
    dx: (x, dy) =>
      x.map((_, i) => {
        const corner = Math.floor(i / 3) * 12 + (i % 3) * 2;
        return [0, 1, 6, 7].reduce((sum, at, k) => sum + kernel[k]! * dy[corner + at]!, 0);
      }),
  },
];
