// Makes losses of single elements: their sum, mean or values.

import forwardWgsl from "../../../shaders/loss.wgsl";
import backwardWgsl from "../../../shaders/loss_grad.wgsl";
import { defineOp, expectActivations, expectFloat, sumAxesInto } from "../../autograd/index.ts";
import { grid1d, kernel, OpError, type Spec } from "../../gpu/index.ts";
import { actSpec, empty, formatShape, numel, type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { vec4 } from "../pointwise/vec4.ts";

const forwardKernel = kernel("loss", forwardWgsl);
const backwardKernel = kernel("loss_grad", backwardWgsl);

/** Combination of the elements' losses. */
export type LossReduction = "mean" | "sum" | "none";

const REDUCTIONS: readonly LossReduction[] = ["mean", "sum", "none"];

/** Options of the traced ops, whose weights are inputs. */
export interface LossSettings {
  readonly reduction?: LossReduction | undefined;
  /** The loss's constant. */
  readonly delta?: number | undefined;
}

/** A loss of the prediction u, the target t, the weight w of positive targets and a constant k, in WGSL over f32. */
interface LossRow {
  readonly f: string;
  /** Derivatives to u and t. */
  readonly df: { readonly u: string; readonly t: string };
}

/** Return the element type of `t` as the spec of the alias `name`; nothing for f32, which is the default. */
const typeSpec = (name: string, { dtype }: Tensor): Spec => (dtype === "f32" ? {} : { [name]: dtype });

type Inputs = [x: Tensor, target: Tensor, posWeight: Tensor | null];

/**
 * Locate the weights in x: that of element i is (i / inner) % count. Their shape broadcasts to x, and between axes of size 1 it has
 * axes of x. Throws OpError for other shapes.
 */
function weightPlan(op: string, x: Shape, weight: Shape): { inner: number; count: number } {
  const count = numel(weight);
  if (count === 1) return { inner: 1, count };
  const lead = x.length - weight.length;
  const first = weight.findIndex((d) => d !== 1);
  const last = weight.findLastIndex((d) => d !== 1);
  const fits = lead >= 0 && weight.slice(first, last + 1).every((d, i) => d === x[lead + first + i]);
  if (!fits)
    throw new OpError(op, `posWeight: expected one value, or axes of x ${formatShape(x)}, got ${formatShape(weight)}`);
  return { inner: numel(x.slice(lead + last + 1)), count };
}

/** Make a loss of x, target and optional weights. Weights get no gradient. */
export function elementwiseLoss(name: string, { f, df }: LossRow) {
  const partsOf = ([x, target, weight]: Inputs, k: number) => ({
    bind: { x: vec4(x), goal: vec4(target), weight: weight ?? x },
    params: { n: x.numel, k, ...(weight ? weightPlan(name, x.shape, weight.shape) : { inner: 1, count: 1 }) },
    spec: { WEIGHTED: weight !== null, ...typeSpec("ActX", x), ...typeSpec("ActT", target) },
    grid: grid1d(x.numel),
  });
  return defineOp({
    name,
    infer([x, target, posWeight]: Inputs, { reduction = "mean" }: LossSettings) {
      expectActivations(name, { x });
      expectActivations(name, { target });
      expectFloat(name, { posWeight });
      if (!sameShape(x.shape, target.shape))
        throw new OpError(name, `target: expected ${formatShape(x.shape)} as x, got ${formatShape(target.shape)}`);
      if (posWeight) weightPlan(name, x.shape, posWeight.shape);
      if (!REDUCTIONS.includes(reduction))
        throw new OpError(name, `reduction: expected mean, sum or none, got ${reduction}`);
      return { shape: reduction === "none" ? x.shape : [], dtype: "f32" };
    },
    forward(y, inputs, { reduction = "mean", delta = 0 }) {
      const { bind, spec, ...parts } = partsOf(inputs, delta);
      const n = inputs[0].numel;
      const losses = reduction === "none" ? y : empty([n]);
      forwardKernel.run({ ...parts, bind: { ...bind, result: vec4(losses) }, spec: { ...spec, loss: f } });
      if (reduction !== "none") sumAxesInto(name, y, losses, [0], reduction === "mean" ? 1 / n : 1);
      return inputs;
    },
    backward(dy, saved, { options: { reduction = "mean", delta = 0 }, needs, out }) {
      const [x, target, weight] = saved;
      const { bind, params, spec, grid } = partsOf([x!, target!, weight], delta);
      const scale = reduction === "mean" ? 1 / params.n : 1;
      const to = (i: 0 | 1, slope: string) => {
        if (!needs[i]) return null;
        const dx = out(i);
        const run = { bind: { ...bind, dy: vec4(dy), result: vec4(dx) }, params: { ...params, scale }, grid };
        backwardKernel.run({ ...run, spec: { ...spec, ...actSpec(dx), EACH: reduction === "none", slope } });
        return dx;
      };
      return [to(0, df.u), to(1, df.t), null];
    },
  });
}
