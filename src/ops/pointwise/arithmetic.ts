// Makes the ops of two operands that broadcast: tensors, or a tensor and a number.
import { defineOp, expectActivations } from "../../autograd/index.ts";
import { grid1d, type Kernel, OpError, type Spec } from "../../gpu/index.ts";
import {
  actSpec,
  broadcastShapes,
  type DType,
  empty,
  numel,
  type Shape,
  sameShape,
  type Tensor,
} from "../../tensor/index.ts";
import { neg } from "../unary.ts";
import { broadcastPlan } from "./broadcast_plan.ts";
import { withNumbers } from "./numbers.ts";
import { vec4 } from "./vec4.ts";

/** A function of u and v, its derivatives to both, in WGSL over vec4<f32>. */
interface Row {
  readonly f: string;
  /** Absent: both derivatives are 1, or -1 to v with `negates`; no input is saved. */
  readonly df?: { readonly u: string; readonly v: string };
  readonly negates?: true;
  /** The function does not depend on one of them in parts: the gradient is 0 there, even for an infinite or NaN dy. */
  readonly flat?: true;
}

/** Kernels with the bindings of binary.wgsl and binary_grad.wgsl. */
interface PairKernels {
  readonly forward: Kernel;
  readonly backward: Kernel;
}

/** Throw OpError unless both are f32 or f16. */
export function expectOperands(op: string, a: Tensor, b: Tensor): void {
  expectActivations(op, { a });
  expectActivations(op, { b });
}

/** Return the dtype of a result: f32 if one operand is, except for a single number beside a tensor with axes. */
function promoted(a: Tensor, b: Tensor): DType {
  if (a.shape.length === 0 && b.shape.length > 0) return b.dtype;
  if (b.shape.length === 0 && a.shape.length > 0) return a.dtype;
  return a.dtype === b.dtype ? a.dtype : "f32";
}

/** Return the element types of the operands, where they differ from f32. */
const elementTypes = (a: Tensor, b: Tensor): Spec => ({
  ...(a.dtype === "f16" && { ActA: "f16" }),
  ...(b.dtype === "f16" && { ActB: "f16" }),
});

/** Return the params, the spec of operands.wgsl and the grid. One element on a side is not looked up through strides. */
function access(name: string, a: Tensor, b: Tensor, out: Shape) {
  const { params, spec, wide } = broadcastPlan(name, a.shape, b.shape, out);
  const n = numel(out);
  const direct = { params, grid: grid1d(n) };
  if (sameShape(a.shape, b.shape)) return { ...direct, spec: { FAST: true } };
  if (a.numel === 1 && b.numel === n) return { ...direct, spec: { FAST: false, ONE: 1 } };
  if (b.numel === 1 && a.numel === n) return { ...direct, spec: { FAST: false, ONE: 2 } };
  // Few quads an invocation: each is located by divisions, and written out.
  const kinds = spec.ROWS ? { A_WIDE: wide.a, B_WIDE: wide.b, ITEMS_PER_INVOCATION: 8 } : { ITEMS_PER_INVOCATION: 4 };
  return { ...direct, spec: { FAST: false, ...spec, ...kinds } };
}

/** Write result = f of two tensors that broadcast to its shape. */
export function runPair(kernel: Kernel, name: string, f: string, a: Tensor, b: Tensor, result: Tensor): void {
  const { spec, ...rest } = access(name, a, b, result.shape);
  kernel.run({
    bind: { a: vec4(a), b: vec4(b), result: vec4(result) },
    spec: { f, ...spec, ...elementTypes(a, b), ...actSpec(result) },
    ...rest,
  });
}

/** Write result = dy · df, in the shape of dy. */
export function runPairGrad(
  kernel: Kernel,
  name: string,
  { df, flat = false }: { readonly df: string; readonly flat?: boolean | undefined },
  [a, b]: readonly [Tensor, Tensor],
  dy: Tensor,
  result: Tensor,
): void {
  const { spec, ...rest } = access(name, a, b, dy.shape);
  const bind = { a: vec4(a), b: vec4(b), dy: vec4(dy), result: vec4(result) };
  const types = { ...elementTypes(a, b), ...actSpec(result), ...(dy.dtype === "f16" && { ActUp: "f16" }) };
  kernel.run({ bind, spec: { df, FLAT: flat, ...spec, ...types }, ...rest });
}

/** Make an op of two operands. */
export function arithmetic(name: string, kernels: PairKernels, { f, df, negates, flat }: Row) {
  const op = defineOp({
    name,
    options: [],
    infer([a, b]: [a: Tensor, b: Tensor], _options: object) {
      if (!a || !b) throw new OpError(name, "expected two tensors, or a tensor and a number");
      expectOperands(name, a, b);
      return { shape: broadcastShapes(name, a.shape, b.shape), dtype: promoted(a, b) };
    },
    forward(y, [a, b]) {
      runPair(kernels.forward, name, f, a, b, y);
      return df ? [a, b] : [null, null];
    },
    backward(dy, [a, b], { needs, shapes, out }) {
      if (!df || !a || !b) return [dy, negates && needs[1] ? neg(dy) : dy];
      const to = (input: 0 | 1) => {
        // Terms of a sum over repeated axes stay f32.
        const dx = sameShape(shapes[input]!, dy.shape) ? out(input) : empty(dy.shape);
        runPairGrad(kernels.backward, name, { df: input === 0 ? df.u : df.v, flat }, [a, b], dy, dx);
        return dx;
      };
      return [needs[0] ? to(0) : null, needs[1] ? to(1) : null];
    },
  });
  return (a: Tensor | number, b: Tensor | number, options: object = {}): Tensor =>
    withNumbers(name, { a, b }, (...tensors) => op(...(tensors as [Tensor, Tensor]), options));
}
