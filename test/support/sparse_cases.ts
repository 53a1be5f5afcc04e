// Convolutions with a sparse weight, for tests of their products and gradients.
import type { ConvCase } from "../reference/conv2d.ts";

/** Strides, padding and groups of a plain convolution. */
export const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;

export const SPARSE_CASES: Readonly<Record<string, ConvCase>> = {
  "3x3 with padding": { ...plain, x: [2, 9, 8, 8], outputs: 16, kernel: [3, 3], padding: [1, 1] },
  "3x3 stride 2, outputs no multiple of a block": {
    ...plain,
    x: [2, 5, 11, 13],
    outputs: 11,
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
  },
  "5x3, dilation, unequal strides": {
    ...plain,
    x: [1, 4, 15, 14],
    outputs: 9,
    kernel: [5, 3],
    stride: [1, 3],
    padding: [3, 2],
    dilation: [2, 2],
  },
  "1x1": { ...plain, x: [3, 17, 7, 7], outputs: 20, kernel: [1, 1] },
  "1x1 stride 2": { ...plain, x: [2, 6, 6, 7], outputs: 8, kernel: [1, 1], stride: [2, 2] },
  "three groups": { ...plain, x: [2, 6, 5, 8], outputs: 15, kernel: [3, 3], padding: [1, 1], groups: 3 },
  depthwise: { ...plain, x: [2, 6, 9, 9], outputs: 12, kernel: [3, 3], padding: [1, 1], groups: 6 },
  "planes of one pixel": { ...plain, x: [19, 4, 3, 3], outputs: 5, kernel: [3, 3] },
  "small planes with padding": { ...plain, x: [7, 4, 3, 2], outputs: 9, kernel: [3, 3], padding: [1, 1] },
  "no padding": { ...plain, x: [2, 3, 10, 12], outputs: 8, kernel: [5, 5] },
};
