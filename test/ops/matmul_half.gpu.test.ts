// Products and weight gradients of f16 activations against float64 of the same values.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { gradWeight, tileGradWeight } from "../../src/ops/conv/grad_weight.ts";
import { convShape } from "../../src/ops/conv/shape.ts";
import { linear } from "../../src/ops/linear.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { transposed } from "../../src/ops/matmul/matrix.ts";
import type { GemmFamily } from "../../src/ops/matmul/plan.ts";
import { gradientTiles, RULE_TILES } from "../../src/ops/matmul/tiles.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { type DType, empty, metaTensor, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { type ConvCase, convolveGradients, resultShape, weightShape } from "../reference/conv2d.ts";
import { linearReference, matmulReference } from "../reference/matmul.ts";
import { withBindings } from "../support/bindings.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

/** Expect values within 2e-6 of the largest for f32; f16 is rounded once more. */
function expectNear(got: ArrayLike<number>, want: ArrayLike<number>, dtype: DType, what: string): void {
  const largest = Math.max(...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++) {
    const rounding = dtype === "f16" ? HALF_ROUNDING * Math.abs(want[i]!) + 2 ** -24 : 0;
    expect(Math.abs(got[i]! - want[i]!), `${what} ${i}`).toBeLessThanOrEqual(2e-6 * largest + rounding);
  }
}

const values = (count: number, seed: number) => roundedToHalf(randomArray(count, seed));
const TYPES = [
  ["f16", "f32", "f16"],
  ["f16", "f16", "f16"],
  ["f16", "f16", "f32"],
  ["f32", "f16", "f32"],
] as const;

testHalf("every kernel of products takes f16, in every layout", async () => {
  const families: GemmFamily[] = currentGpu().adapter.subgroupSize > 0 ? ["subgroup", "rows"] : [];
  for (const family of [...families, "tile", "naive"] as const) {
    for (const [i, [typeA, typeB, typeY]] of TYPES.entries()) {
      using _scope = new Scope();
      const [m, n, k] = i % 2 === 0 ? [12, 36, 2052] : [3, 37, 21];
      const flags = { transposeA: i > 1, transposeB: i % 2 === 1 };
      const [x, w, c] = [values(m * k, 1), values(n * k, 2), randomArray(n, 3)];
      const a = { tensor: tensor(x, [m * k], typeA), row: flags.transposeA ? m : k, col: 1 };
      const b = { tensor: tensor(w, [n * k], typeB), row: flags.transposeB ? k : n, col: 1 };
      const y = empty([m, n], typeY);
      const [left, right] = [flags.transposeA ? transposed(a) : a, flags.transposeB ? transposed(b) : b];
      gemm({ a: left, b: right, y, m, n, k, bias: tensor(c), family });
      const want = matmulReference(x, w, { m, n, k, ...flags }).map((v, j) => v + c[j % n]!);
      expectNear(await y.data(), want, typeY, `${family} ${typeA} ${typeB} ${typeY}`);
    }
  }
});

testHalf("tiles of hardware take f16, wide and narrow", async () => {
  for (const [i, tile] of RULE_TILES.entries()) {
    using _scope = new Scope();
    const [typeA, typeB, typeY] = TYPES[i % TYPES.length]!;
    const [m, n, k] = i % 2 === 0 ? [tile.rows + 4, tile.columns + 4, 20] : [tile.rows - 1, tile.columns + 3, 13];
    const [x, w] = [values(m * k, 1), values(n * k, 2)];
    const a = transposed({ tensor: tensor(x, [m * k], typeA), row: m, col: 1 });
    const y = empty([m, n], typeY);
    const { rows, columns, spec } = tile;
    const plan = { family: "tile", rows, columns, spec, swap: false, splits: 1, label: "" } as const;
    gemm({ a, b: { tensor: tensor(w, [n * k], typeB), row: n, col: 1 }, y, m, n, k, plan });
    const want = matmulReference(x, w, { m, n, k, transposeA: true });
    expectNear(await y.data(), want, typeY, `${rows}x${columns} ${typeA} ${typeB} ${typeY}`);
  }
});

testHalf("linear: y and dx are f16, gradients of weight and bias are f32; in parts as in one", async () => {
  const [m, inputs, outputs] = [5, 64, 257];
  const [x, w, b] = [values(m * inputs, 1), randomArray(outputs * inputs, 2), randomArray(outputs, 3)];
  const g = values(m * outputs, 4);
  const want = {
    y: linearReference(x, w, b, m, inputs, outputs),
    dx: matmulReference(g, w, { m, n: inputs, k: outputs }),
    dw: matmulReference(g, x, { m: outputs, n: inputs, k: m, transposeA: true }),
  };
  for (const limit of [2 ** 27, 128 * 4 * inputs]) {
    await withBindings(limit, async () => {
      using _scope = new Scope();
      const leaves = [tensor(x, [m, inputs], "f16"), tensor(w, [outputs, inputs]), tensor(b)] as const;
      for (const leaf of leaves) leaf.requiresGrad = true;
      using tape = new Tape();
      const y = tape.keep(linear(...leaves));
      tape.backward(y, tensor(g, y.shape, "f16"));
      const [dx, dw, db] = leaves.map((leaf) => leaf.grad!);
      expect([y, dx, dw, db].map((t) => t!.dtype)).toEqual(["f16", "f16", "f32", "f32"]);
      const got = await readAll(y, dx!, dw!);
      expectNear(got[0]!, want.y, "f16", `y, bindings of ${limit}`);
      expectNear(got[1]!, want.dx, "f16", `dx, bindings of ${limit}`);
      expectNear(got[2]!, want.dw, "f32", `dw, bindings of ${limit}`);
      for (const leaf of leaves) leaf.grad!.dispose();
    });
  }
});

testHalf("matmul: f16 by f16 in batches, and by weights of f32; each gradient has its input's dtype", async () => {
  const [batch, m, n, k] = [3, 4, 5, 6];
  for (const type of ["f16", "f32"] as const) {
    using _scope = new Scope();
    const [x, w] = [values(batch * m * k, 1), values(k * n, 2)];
    const [a, b] = [tensor(x, [batch, m, k], "f16"), tensor(w, [1, k, n], type)];
    for (const leaf of [a, b]) leaf.requiresGrad = true;
    using tape = new Tape();
    const y = tape.keep(matmul(a, b));
    tape.backward(y, tensor(values(y.numel, 5), y.shape, "f16"));
    expect([y.dtype, a.grad!.dtype, b.grad!.dtype]).toEqual(["f16", "f16", type]);
    expectNear(await y.data(), matmulReference(x, w, { m: batch * m, n, k }), "f16", type);
    for (const leaf of [a, b]) leaf.grad!.dispose();
  }
});

const cases: ConvCase[] = [
  { x: [2, 5, 8, 8], outputs: 9, kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 },
  { x: [3, 6, 5, 7], outputs: 4, kernel: [1, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 },
  { x: [1, 4, 9, 9], outputs: 6, kernel: [3, 2], stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 },
];

testHalf("weight gradients of f16 activations are f32, by every kernel", async () => {
  for (const [i, c] of cases.entries()) {
    const shape = resultShape(c);
    const [x, dy] = [
      values(
        c.x.reduce((a, b) => a * b),
        1,
      ),
      values(
        shape.reduce((a, b) => a * b),
        2,
      ),
    ];
    const { stride, padding, dilation, groups } = c;
    const s = convShape(metaTensor(c.x), metaTensor(weightShape(c)), null, { stride, padding, dilation, groups });
    const tile = gradientTiles("apple")[i]!;
    for (const algorithm of ["tile", "plain", "broadcast"] as const) {
      using _scope = new Scope();
      const dw = empty(weightShape(c));
      const tensors = { x: tensor(x, c.x, "f16"), dy: tensor(dy, shape, "f16"), dw };
      if (algorithm === "tile") tileGradWeight(s, { label: "", tile, slices: 2 }, tensors);
      else gradWeight(s, algorithm, tensors);
      const got = await dw.data();
      expectNear(got, convolveGradients(c, x, randomArray(got.length, 3), dy).w, "f32", `${algorithm}, case ${i}`);
    }
  }
});

test("errors name the dtypes", () => {
  const half = metaTensor([2, 3], "f16");
  expect(() => matmul(metaTensor([4, 2]), half)).toThrow("b: expected f32 like a, got f16; use cast");
  expect(() => matmul(metaTensor([4, 2], "i32"), half)).toThrow("a: expected f32 or f16, got i32");
  expect(() => linear(metaTensor([4, 3]), half, null)).toThrow("weight");
  expect(linear(metaTensor([4, 3], "f16"), metaTensor([2, 3]), null).dtype).toBe("f16");
});
