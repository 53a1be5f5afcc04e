// Results of the losses for NaN and infinity: the rows of test/ops/nonfinite_table.ts for them.
import * as ops from "../../src/ops/index.ts";
import { type Tensor, tensor } from "../../src/tensor/index.ts";
import { binaryCrossEntropy, huber, squaredError } from "../reference/losses.ts";
import { sigmoid } from "../reference/pointwise.ts";
import type { Row } from "./nonfinite_table.ts";

const TARGET = [0.25, 1, 0.5, 0.75, 0.125, 0.5, 0.3];

const loss = (
  name: string,
  run: (x: Tensor, target: Tensor) => Tensor,
  f: (x: number, t: number) => number,
  slope: (x: number, t: number) => number,
): Row => ({
  name,
  shape: [7],
  run: (x) => run(x, tensor(TARGET)),
  y: (x) => x.map((v, i) => f(v, TARGET[i]!)),
  dx: (x, dy) => x.map((v, i) => dy[i]! * slope(v, TARGET[i]!)),
});

const none = { reduction: "none" } as const;

export const LOSS_ROWS: Row[] = [
  loss(
    "mseLoss",
    (x, t) => ops.mseLoss(x, t, none),
    squaredError,
    (x, t) => 2 * (x - t),
  ),
  loss(
    "huberLoss",
    (x, t) => ops.huberLoss(x, t, none),
    huber(),
    (x, t) => Math.min(Math.max(x - t, -1), 1),
  ),
  loss(
    "bceWithLogits",
    (x, t) => ops.bceWithLogits(x, t, none),
    (x, t) => binaryCrossEntropy(x, t),
    (x, t) => (1 - t) * sigmoid(x) - t * sigmoid(-x),
  ),
];
