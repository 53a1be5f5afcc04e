// Legal pooling cases for property tests: rectangular windows, strides and paddings, either rounding.
import fc from "fast-check";
import type { PoolCase } from "../reference/pool.ts";

const two = (low: number, high: number) =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));

/** Padding is cut to half the kernel, and sizes are grown where the kernel would not fit. */
export const anyPool = () =>
  fc
    .record({
      planes: two(1, 3),
      size: two(1, 11),
      kernel: two(1, 5),
      stride: two(1, 5),
      padding: two(0, 2),
      ceilMode: fc.boolean(),
    })
    .map(({ planes, size, kernel, stride, padding, ceilMode }): PoolCase => {
      const cut = [0, 1].map((i) => Math.min(padding[i]!, kernel[i]! >> 1)) as [number, number];
      const grown = [0, 1].map((i) => Math.max(size[i]!, kernel[i]! - 2 * cut[i]!)) as [number, number];
      return { x: [...planes, ...grown], kernel, stride, padding: cut, ceilMode };
    });

/** A case without its input: the options of the op. */
export const windowOf = ({ x: _, ...window }: PoolCase) => window;
