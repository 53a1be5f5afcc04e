// The layout of the gradients of block-sparse products: lanes, and distances in x and y.
import { currentGpu, type Spec } from "../../gpu/index.ts";
import type { ConvShape } from "../conv/shape.ts";

const HARDWARE_LANES = 64;
/** Most workgroups on an axis of a grid. */
export const LARGEST_GRID = 65535;

/** Return the lanes of a workgroup: one subgroup on a software adapter, where barriers between subgroups are slow. */
export const lanesOf = () => {
  const { software, subgroupSize } = currentGpu().adapter;
  return software ? subgroupSize || 8 : HARDWARE_LANES;
};

/** Return pixels of an image of y, and the numbers from one image or output to the next. */
export const distances = ({ channels, outputs, rows, columns }: ConvShape) => ({
  area: rows.out * columns.out,
  x_image: channels * rows.size * columns.size,
  y_image: outputs * rows.out * columns.out,
  y_output: rows.out * columns.out,
});

/** Return the spec of blocks of one output, whose weights are single numbers. */
export const oneSpec = (size: number): Spec => (size === 1 ? { Weight: "f32", weight_at: "w" } : {});
