// Chooses between two tensors, element by element.
import wgsl from "../../shaders/where.wgsl";
import { defineOp, numberOf } from "../autograd/index.ts";
import { grid1d, kernel, OpError, type Spec } from "../gpu/index.ts";
import { broadcastShapes, empty, sameShape, Tensor, zeros } from "../tensor/index.ts";
import { bitsOf } from "./indexing/bits_of.ts";
import { broadcastStrides } from "./pointwise/broadcast_plan.ts";
import { mergeAxes } from "./pointwise/merge_axes.ts";
import { withNumbers } from "./pointwise/numbers.ts";

const whereKernel = kernel("where", wgsl);

/** Axes that the kernel walks. */
const AXES = 8;

/** Return the spec of a condition: integers and f32 are compared by their bits, f16 by those of its value. */
function testSpec(condition: Tensor, wide: boolean): Spec {
  const Test = bitsOf(condition, wide);
  const [bits, floats] = wide ? ["vec4<u32>", "vec4<f32>"] : ["u32", "f32"];
  const Flag = wide ? "vec4<bool>" : "bool";
  if (condition.dtype !== "f16") return { Test, Flag };
  return { Test, Flag, holds: `(bitcast<${bits}>(${floats}(c)) & ${bits}(0x7fffffffu)) != ${bits}(0u)` };
}

function runWhere(condition: Tensor, a: Tensor, b: Tensor, y: Tensor): void {
  const operands = [condition, a, b];
  const isOne = operands.map((t) => t.numel === 1);
  const strided = operands.some((t, i) => !isOne[i] && !sameShape(t.shape, y.shape));
  const wide = !strided && !isOne.includes(true) && y.numel % 4 === 0;
  const n = wide ? y.numel / 4 : y.numel;
  const [c, ofA, ofB] = operands.map((t) => broadcastStrides(t.shape, y.shape)) as [number[], number[], number[]];
  const axes = mergeAxes(y.shape, ofA, ofB, AXES, c);
  if (!axes) throw new OpError("where", `expected at most ${AXES} alternating axes`, { condition, a, b });
  const [outer, inner] = [axes.slice(0, 4), axes.slice(4)];
  whereKernel.run({
    bind: { condition, a, b, y },
    params: {
      n,
      mask: condition.dtype === "f32" ? 0x7fffffff : 0xffffffff,
      size0: outer.map((axis) => axis.size),
      size1: inner.map((axis) => axis.size),
      c0: outer.map((axis) => axis.c),
      c1: inner.map((axis) => axis.c),
      a0: outer.map((axis) => axis.a),
      a1: inner.map((axis) => axis.a),
      b0: outer.map((axis) => axis.b),
      b1: inner.map((axis) => axis.b),
    },
    spec: {
      Item: bitsOf(y, wide),
      ...testSpec(condition, wide),
      AXES: axes.filter(({ size }, i) => size > 1 || i === AXES - 1).length,
      STRIDED: strided,
      CONDITION_IS_ONE: isOne[0]!,
      A_IS_ONE: isOne[1]!,
      B_IS_ONE: isOne[2]!,
    },
    grid: grid1d(n),
  });
}

/** True for a number in an op that runs on shapes alone: it has the dtype of the other operand. */
const isNumber = (t: Tensor) => t.isMeta && numberOf(t) !== undefined;

const choose = defineOp({
  name: "where",
  options: [],
  infer([condition, a, b]: [condition: Tensor, a: Tensor, b: Tensor], _options: object) {
    if (!condition || !a || !b) throw new OpError("where", "expected a condition and two tensors or numbers");
    const [like, other] = isNumber(a) ? [b, a] : [a, b];
    if (a.dtype !== b.dtype && !(like.dtype === "f16" && isNumber(other)))
      throw new OpError("where", `expected a and b of one dtype, got ${a.dtype} and ${b.dtype}`, { condition, a, b });
    const shape = broadcastShapes("where", condition.shape, broadcastShapes("where", a.shape, b.shape));
    return { shape, dtype: like.dtype };
  },
  forward(y, [condition, a, b]) {
    runWhere(condition, a, b, y);
    return [condition];
  },
  backward(dy, [condition], { needs, shapes, out }) {
    const zero = zeros([], dy.dtype);
    const gradient = (input: 1 | 2) => {
      if (!needs[input]) return null;
      const dx = sameShape(shapes[input]!, dy.shape) ? out(input) : empty(dy.shape, dy.dtype);
      runWhere(condition, input === 1 ? dy : zero, input === 1 ? zero : dy, dx);
      return dx;
    };
    return [null, gradient(1), gradient(2)];
  },
});

/**
 * Choose elements: y = a where the condition is not zero, else b. NaN counts as not zero.
 *
 * Shapes    condition, a, b broadcast -> y; condition f32, f16, i32 or u32; a and b of one dtype. Each may be a number, which counts
 *           as f32, or f16 beside f16, and which a captured step records.
 * Backward  da = dy where the condition holds, else 0; db the other way round. The condition has no gradient.
 * Errors    OpError for shapes that do not broadcast, other dtypes, or a number that is NaN or beyond f32.
 * @example
 * const mask = tensor([1, 0, 1]);
 * console.log(await where(mask, tensor([1, 2, 3]), -Infinity).data()); // 1, -Infinity, 3
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const isHalf = [a, b].some((t) => t instanceof Tensor && t.dtype === "f16");
  const run = (...tensors: Tensor[]) => choose(...(tensors as [Tensor, Tensor, Tensor]));
  return withNumbers("where", { condition, a, b }, run, isHalf ? "f16" : "f32");
}
