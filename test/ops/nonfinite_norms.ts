// Results of layer norm and group norm for NaN and infinity: the rows of test/ops/nonfinite_table.ts for them.
import * as ops from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { groupCase, layerCase, rowNorm, rowNormGradient } from "../reference/row_norm.ts";
import type { Row } from "./nonfinite_table.ts";

const weight = [0.5, -1.5, 2];
const bias = [0.25, 0, -1];
const layer = layerCase(3);
const shape = [2, 4, 2];
const group = groupCase(shape, 2);

export const NORM_ROWS: Row[] = [
  {
    name: "layerNorm",
    shape: [3, 3],
    run: (x) => ops.layerNorm(x, [3], { weight: tensor(weight), bias: tensor(bias) }),
    y: (x) => [...rowNorm(x, layer, weight, bias)],
    dx: (x, dy) => [...rowNormGradient(x, dy, layer, weight)],
  },
  {
    name: "groupNorm",
    shape,
    run: (x) => ops.groupNorm(x, 2),
    y: (x) => [...rowNorm(x, group)],
    dx: (x, dy) => [...rowNormGradient(x, dy, group)],
  },
];
