// Sparse-group soft threshold: the shrinkage that prunes single weights and whole groups of them.
import blockWgsl from "../../shaders/sparse_group_block.wgsl";
import rowsWgsl from "../../shaders/sparse_group_rows.wgsl";
import { defineOp, expectFloat, expectScalar, outputLike } from "../autograd/index.ts";
import { grid1d, groups1d, kernel, OpError } from "../gpu/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";

const blockKernel = kernel("sparse_group_block", blockWgsl);
const rowsKernel = kernel("sparse_group_rows", rowsWgsl);

/** Options of `sparseGroupSoftThreshold`. */
export interface SparseGroupOptions {
  /** Groups: `block` neighbours along axis 0 at one place of the other axes (default), all of one index of axis 0, or all. */
  readonly groups?: "block" | "filter" | "all";
  /** Members of a block; the last block of the axis may be smaller. Default 8. */
  readonly block?: number;
  /** True: dx = dy. Default false. */
  readonly straightThrough?: boolean;
}

const NAME = "sparseGroupSoftThreshold";
const GROUPS = ["block", "filter", "all"] as const;

/** Enqueue the threshold, or its Jacobian times dy. */
function enqueue(
  { x, d1, d2, y, dy }: Readonly<Record<"x" | "d1" | "d2" | "y", Tensor>> & { readonly dy?: Tensor },
  { groups = "block", block = 8 }: SparseGroupOptions,
): void {
  if (x.numel === 0) return;
  const outputs = x.shape[0] ?? 1;
  const inner = x.numel / outputs;
  const bind = { x, dy: dy ?? x, d1, d2, y };
  const spec = { GRAD: dy !== undefined };
  if (groups === "block") {
    const n = Math.ceil(outputs / block) * inner;
    blockKernel.run({ bind, params: { n, outputs, inner, block }, spec, grid: grid1d(n) });
    return;
  }
  const rows = groups === "all" ? 1 : outputs;
  rowsKernel.run({ bind, params: { rows, inner: x.numel / rows }, spec, grid: groups1d(rows) });
}

/** Check the options, and that x has an axis 0 for its groups. */
function check(shape: Shape, { groups = "block", block = 8 }: SparseGroupOptions): void {
  if (!GROUPS.includes(groups)) throw new OpError(NAME, `groups: expected ${GROUPS.join(", ")}, got ${groups}`);
  if (!(Number.isInteger(block) && block >= 1 && block < 2 ** 31))
    throw new OpError(NAME, `block: expected an integer >= 1, got ${block}`);
  if (shape.length === 0 && groups !== "all")
    throw new OpError(NAME, `expected x of one or more axes with groups ${groups}, got a scalar`);
}

/**
 * Shrink each weight by d1, then each group by d2 times the root of its size: the proximal step of d1 |x| + Σ d2 √|g| ‖x_g‖.
 *
 * Formula   u = sign(x) max(|x| - d1, 0);  y_g = u_g max(0, 1 - d2 √|g| / ‖u_g‖)
 * Shapes    x [O, *], d1 [], d2 [] -> y as x. |g|: members of a group. d1, d2 >= 0, in the units of x.
 * Backward  the Jacobian: dx = s dy + u (u · dy) d2 √|g| / ‖u‖³ where |x| > d1 in a live group, s being its factor; else 0.
 *           straightThrough: dx = dy. The thresholds get no gradient.
 * Errors    OpError for x that is not f32, thresholds of more than one element, and options out of range.
 * Source    Friedman, Hastie and Tibshirani 2010, "A note on the group lasso and a sparse group lasso".
 * @example
 * const w = tensor([[3, 0.1], [4, 0.1]]);
 * const y = sparseGroupSoftThreshold(w, scalar(0), scalar(1), { block: 2 });
 * console.log((await y.data()).map((v) => Math.round(100 * v))); // 215, 0, 287, 0
 */
export const sparseGroupSoftThreshold = defineOp({
  name: NAME,
  options: ["groups", "block", "straightThrough"],
  infer([x, d1, d2]: [x: Tensor, d1: Tensor, d2: Tensor], options: SparseGroupOptions) {
    expectFloat(NAME, { x, d1, d2 });
    expectScalar(NAME, { d1, d2 });
    check(x.shape, options);
    return outputLike(x);
  },
  forward(y, [x, d1, d2], options) {
    enqueue({ x, d1, d2, y }, options);
    return [x, d1, d2];
  },
  backward(dy, [x, d1, d2], { options, out }) {
    if (options.straightThrough) return [dy, null, null];
    const dx = out(0);
    enqueue({ x, d1, d2, dy, y: dx }, options);
    return [dx, null, null];
  },
});
