// Matrix products on matrix units, against float64 of the operands rounded to f16.
import { expect, test } from "vitest";
import { currentGpu, OpError } from "../../src/gpu/index.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { runMatrix, tilesToTry } from "../../src/ops/matmul/matrix_units.ts";
import { matrixTiles } from "../../src/ops/tuning/matrix_tile.ts";
import { type DType, empty, Scope, tensor } from "../../src/tensor/index.ts";
import { matmulReference } from "../reference/matmul.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf } from "../support/half.ts";
import { testMatrix } from "../support/matrix.ts";
import { randomArray } from "../support/random.ts";

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly types?: readonly [a: DType, b: DType, y: DType];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Matrices of a, b and y; 1 in an operand: the same one for all. */
  readonly batch?: readonly [a: number, b: number, y: number];
  readonly bias?: boolean;
}

async function check(shape: Case): Promise<ArrayLike<number>> {
  using _scope = new Scope();
  const { m, n, k, transposeA = false, transposeB = false, batch = [1, 1, 1], types = ["f16", "f16", "f32"] } = shape;
  const [a, b] = [randomArray(batch[0] * m * k, 1), randomArray(batch[1] * k * n, 2)];
  const bias = shape.bias ? randomArray(n, 3) : null;
  const y = empty([batch[2], m, n], types[2]);
  const steps = (i: 0 | 1, size: number) => [batch[i] === 1 ? 0 : size];
  gemm({
    a: {
      tensor: tensor(a, [a.length], types[0]),
      row: transposeA ? 1 : k,
      col: transposeA ? m : 1,
      batch: steps(0, m * k),
    },
    b: {
      tensor: tensor(b, [b.length], types[1]),
      row: transposeB ? 1 : n,
      col: transposeB ? k : 1,
      batch: steps(1, k * n),
    },
    ...{ y, m, n, k, batch: [batch[2]], bias: bias && tensor(bias), family: "matrix" },
  });
  const product = matmulReference(roundedToHalf(a), roundedToHalf(b), shape);
  const want = product.map((v, i) => v + (bias?.[i % n] ?? 0));
  const got = await y.data();
  const tolerance = { rtol: types[2] === "f16" ? HALF_ROUNDING : 2e-6, atol: 0 };
  expectClose(got, want, tolerance, JSON.stringify(shape));
  return got;
}

testMatrix("matrix units agree with float64 on any size", async () => {
  const sizes = [
    [64, 64, 64],
    [1, 1, 1],
    [17, 9, 33],
    [100, 70, 150],
    [8, 200, 24],
    [129, 65, 40],
    [3, 5, 8],
  ] as const;
  for (const [m, n, k] of sizes) await check({ m, n, k });
});

testMatrix("and with operands that are transposed, aligned or not", async () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      await check({ m: 64, n: 72, k: 96, transposeA, transposeB });
      await check({ m: 67, n: 70, k: 53, transposeA, transposeB });
    }
  }
});

testMatrix("and with operands and results of f32 and f16", async () => {
  const types = [
    ["f32", "f32", "f32"],
    ["f16", "f32", "f16"],
    ["f32", "f16", "f16"],
    ["f16", "f16", "f16"],
  ] as const;
  for (const each of types) {
    await check({ m: 40, n: 44, k: 72, types: each, bias: true });
    await check({ m: 41, n: 43, k: 71, types: each, bias: true, transposeA: true });
  }
});

testMatrix("and with batches, also where one operand is the same for all", async () => {
  await check({ m: 24, n: 16, k: 40, batch: [3, 3, 3] });
  await check({ m: 21, n: 19, k: 11, batch: [5, 1, 5], bias: true });
  await check({ m: 24, n: 16, k: 40, batch: [1, 4, 4], transposeB: true });
});

testMatrix("every tile is right, also the largest", async () => {
  using _scope = new Scope();
  const [m, n, k] = [70, 41, 40];
  const [a, b] = [randomArray(m * k, 1), randomArray(k * n, 2)];
  const want = matmulReference(roundedToHalf(a), roundedToHalf(b), { m, n, k });
  const [left, right] = [tensor(a, [m, k], "f16"), tensor(b, [k, n], "f16")];
  const none = [0, 0, 0, 0] as const;
  const product = {
    a: { tensor: left, row: k, col: 1 },
    b: { tensor: right, row: n, col: 1 },
    ...{ y: empty([m, n]), m, n, k, bias: null, axes: { size: [1, 1, 1, 0] as const, a: none, b: none } },
  };
  const [largest] = matrixTiles(currentGpu().adapter);
  for (const tile of [...tilesToTry(product), largest!]) {
    runMatrix(product, tile);
    expectClose(await product.y.data(), want, { rtol: 2e-6, atol: 0 }, tile.label);
  }
});

testMatrix("a long k is split in a fixed order and keeps its bits", async () => {
  for (const y of ["f32", "f16"] as const) {
    const shape: Case = { m: 20, n: 12, k: 9001, types: ["f16", "f16", y], bias: true };
    const first = await check(shape);
    expect(await check(shape)).toEqual(first);
  }
});

testMatrix("terms outside of the operands count as zeros, whatever is in memory there", async () => {
  using _scope = new Scope();
  // The second batch entry of each operand follows the terms of the first.
  const [m, n, k] = [9, 7, 5];
  const fill = (count: number) => new Float32Array(2 * count).map((_, i) => (i < count ? 1 : Number.NaN));
  const y = empty([m, n]);
  const a = { tensor: tensor(fill(m * k), [2 * m * k], "f16"), row: k, col: 1 };
  const b = { tensor: tensor(fill(n * k), [2 * n * k], "f16"), row: 1, col: k };
  gemm({ a, b, y, m, n, k, family: "matrix" });
  expect([...(await y.data())]).toEqual(Array(m * n).fill(k));
});

test("the family matrix is refused without matrix units", ({ skip }) => {
  skip(currentGpu().adapter.matrices.length > 0, "this adapter has matrix units");
  using _scope = new Scope();
  const one = { tensor: tensor([1]), row: 1, col: 1 };
  const product = { a: one, b: one, y: empty([1, 1]), m: 1, n: 1, k: 1, family: "matrix" as const };
  expect(() => gemm(product)).toThrow(
    new OpError("gemm", "family matrix: expected an adapter with matrix units of f16"),
  );
});
