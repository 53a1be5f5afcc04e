// The passes of layer norm and group norm: both normalise rows of x, [rows, length], with different weights.
import forwardWgsl from "../../../shaders/row_norm.wgsl";
import backwardWgsl from "../../../shaders/row_norm_grad.wgsl";
import { type BackwardContext, expectActivations, expectFloat, lanesFor, sumAxesInto } from "../../autograd/index.ts";
import { kernel, OpError } from "../../gpu/index.ts";
import { actSpec, empty, type Shape, sameShape, type Tensor } from "../../tensor/index.ts";

const forwardKernel = kernel("row_norm", forwardWgsl);
const backwardKernel = kernel("row_norm_grad", backwardWgsl);

/** Rows of x, and the weight of an element: that of element j of row r is (r % groups) · per_group + j / plane. */
export interface RowLayout {
  readonly rows: number;
  readonly length: number;
  readonly plane: number;
  readonly groups: number;
  readonly per_group: number;
}

export type NormInputs = [x: Tensor, weight: Tensor | null, bias: Tensor | null];

/** Check dtype, weights and eps of a norm. Throws OpError. */
export function expectNorm(op: string, [x, weight, bias]: NormInputs, affine: Shape, eps: number): void {
  expectActivations(op, { x });
  expectFloat(op, { weight, bias });
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && !sameShape(t.shape, affine))
      throw new OpError(op, `${name}: expected [${affine.join(",")}], got [${t.shape.join(",")}]`, { x });
  }
  if (!(eps > 0)) throw new OpError(op, `eps: expected a number > 0, got ${eps}`);
}

/** Write y. Returns the tensors that backward reads. */
export function normaliseRows(
  y: Tensor,
  [x, weight, bias]: NormInputs,
  layout: RowLayout,
  eps: number,
): [x: Tensor, weight: Tensor | null, stats: Tensor] {
  const stats = empty([layout.rows, 3]);
  const { spec, grid } = lanesFor(layout.length, layout.rows);
  forwardKernel.run({
    bind: { x, weight: weight ?? x, bias: bias ?? x, y, stats },
    params: { ...layout, eps },
    spec: { ...spec, ...actSpec(x), WEIGHT: weight !== null, BIAS: bias !== null },
    grid,
  });
  return [x, weight, stats];
}

/** Compute the gradients of x, weight and bias; null for those that are not needed. */
export function rowGradients(
  op: string,
  dy: Tensor,
  [x, weight, stats]: readonly [x: Tensor, weight: Tensor | null, stats: Tensor],
  layout: RowLayout,
  { needs, out }: Pick<BackwardContext<object>, "needs" | "out">,
): [Tensor | null, Tensor | null, Tensor | null] {
  const [dx, dweight, dbias] = [0, 1, 2].map((i) => (needs[i] ? out(i) : null)) as [Tensor?, Tensor?, Tensor?];
  const scaled = dweight ? empty(x.shape) : null;
  if (dx || scaled) {
    const { spec, grid } = lanesFor(layout.length, layout.rows);
    backwardKernel.run({
      bind: { x, weight: weight ?? x, stats, dy, dx: dx ?? empty([1]), scaled: scaled ?? empty([1]) },
      params: { ...layout },
      spec: { ...spec, ...actSpec(x), WEIGHT: weight !== null, SCALED: scaled !== null, INPUT: dx != null },
      grid,
    });
  }
  // The weights of all rows: [batch, weights, plane], summed over the first and the last axis.
  const { rows, length, plane, groups, per_group } = layout;
  const weights = groups * per_group;
  const shape = [(rows * length) / (weights * plane), weights, plane];
  const sum = (target: Tensor, values: Tensor) => sumAxesInto(op, target.alias([weights]), values.alias(shape), [0, 2]);
  if (dweight && scaled) sum(dweight, scaled);
  if (dbias) sum(dbias, dy);
  return [dx ?? null, dweight ?? null, dbias ?? null];
}
