// Small ops for testing the tape itself, built only from what the autograd room has: scaling, adding, multiplying.
import { accumulate, defineOp, fill, outputLike } from "../../src/autograd/index.ts";
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { copyInto, empty, type Tensor, tensor } from "../../src/tensor/index.ts";

const productKernel = kernel(
  "test_product",
  `struct Params { n: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.n) { y[id.x] = a[id.x] * b[id.x] * params.factor; }
}`,
);

/** y = factor · a · b, elementwise. */
export function productInto(y: Tensor, a: Tensor, b: Tensor, factor = 1): void {
  productKernel.run({ bind: { a, b, y }, params: { n: y.numel, factor }, grid: grid1d(y.numel) });
}

/** factor · x, in memory that the surrounding op frees. */
function scaled(x: Tensor, factor: number, y = empty(x.shape)): Tensor {
  const by = empty(x.shape);
  fill(by, factor);
  productInto(y, x, by);
  return y;
}

/** a · b; each gradient is written where `out` says. */
export const times = defineOp({
  name: "times",
  infer: ([a, _b]: [a: Tensor, b: Tensor]) => outputLike(a),
  forward(y, [a, b]) {
    productInto(y, a, b);
    return [a, b];
  },
  backward(dy, [a, b], { needs, out }) {
    const da = needs[0] ? out(0) : null;
    if (da) productInto(da, dy, b);
    const db = needs[1] ? out(1) : null;
    if (db) productInto(db, dy, a);
    return [da, db];
  },
});

/** a + b; both inputs get dy itself. */
export const plus = defineOp({
  name: "plus",
  infer: ([a, _b]: [a: Tensor, b: Tensor]) => outputLike(a),
  forward(y, [a, b]) {
    copyInto(y, a);
    accumulate(y, b);
    return [];
  },
  backward: (dy) => [dy, dy],
});

/** a - 2 b; the first gradient is dy itself, the second is written by `out`. */
export const minusTwice = defineOp({
  name: "minusTwice",
  infer: ([a, _b]: [a: Tensor, b: Tensor]) => outputLike(a),
  forward(y, [a, b]) {
    copyInto(y, a);
    accumulate(y, scaled(b, -2));
    return [];
  },
  backward: (dy, _saved, { out }) => [dy, scaled(dy, -2, out(1))],
});

/** factor · x. */
export const scale = defineOp({
  name: "scale",
  infer: ([x]: [x: Tensor], _options: { factor: number }) => outputLike(x),
  forward(y, [x], { factor }) {
    scaled(x, factor, y);
    return [];
  },
  backward: (dy, _saved, { options: { factor }, out }) => [scaled(dy, factor, out(0))],
});

/** Forward is the identity, backward gives NaN: for NanWatch. */
export const spoilGradient = defineOp({
  name: "spoilGradient",
  infer: ([x]: [x: Tensor]) => outputLike(x),
  forward(y, [x]) {
    copyInto(y, x);
    return [];
  },
  backward(_dy, _saved, { out }) {
    const dx = out(0);
    fill(dx, Number.NaN);
    return [dx];
  },
});

/** Make a tensor with requiresGrad. */
export function leaf(values: readonly number[], shape?: readonly number[]): Tensor {
  const t = tensor(values, shape);
  t.requiresGrad = true;
  return t;
}
/** Frees the gradients of leaves. */
export function freeGrad(...leaves: Tensor[]): void {
  for (const t of leaves) {
    t.grad?.dispose();
    t.grad = null;
  }
}
export const ones = (n: number) => tensor(new Array(n).fill(1));
