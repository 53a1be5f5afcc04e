// Checks of matrix products on matrix units, against float64 of the operands rounded to f16. The tests of the gpu project run them
// on its adapter; matrix_units.cli.test.ts runs them on a recent lavapipe.
import { currentGpu } from "../../src/gpu/index.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { runMatrix, tilesToTry } from "../../src/ops/matmul/matrix_units.ts";
import { matrixTiles } from "../../src/ops/tuning/matrix_tile.ts";
import { type DType, empty, Scope, tensor } from "../../src/tensor/index.ts";
import { matmulReference } from "../reference/matmul.ts";
import { expectClose } from "../support/close.ts";
import { type MatrixCheck, roundedToF16, SAME, tolerance } from "../support/matrix_check.ts";
import { randomArray } from "../support/random.ts";

/** The checks by their titles. */
export const MATMUL_CHECKS: MatrixCheck[] = [];
const check = (title: string, run: () => Promise<void>) => MATMUL_CHECKS.push({ title, run });

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

async function compare(shape: Case): Promise<ArrayLike<number>> {
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
  const product = matmulReference(roundedToF16(a), roundedToF16(b), shape);
  const want = product.map((v, i) => v + (bias?.[i % n] ?? 0));
  const got = await y.data();
  expectClose(got, want, tolerance(types[2]), JSON.stringify(shape));
  return got;
}

check("matrix units agree with float64 on any size", async () => {
  const sizes = [
    [64, 64, 64],
    [1, 1, 1],
    [17, 9, 33],
    [100, 70, 150],
    [8, 200, 24],
    [129, 65, 40],
    [3, 5, 8],
  ] as const;
  for (const [m, n, k] of sizes) await compare({ m, n, k });
});

check("and with operands that are transposed, aligned or not", async () => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      await compare({ m: 64, n: 72, k: 96, transposeA, transposeB });
      await compare({ m: 67, n: 70, k: 53, transposeA, transposeB });
    }
  }
});

check("and with operands and results of f32 and f16", async () => {
  const types = [
    ["f32", "f32", "f32"],
    ["f16", "f32", "f16"],
    ["f32", "f16", "f16"],
    ["f16", "f16", "f16"],
  ] as const;
  for (const each of types) {
    await compare({ m: 40, n: 44, k: 72, types: each, bias: true });
    await compare({ m: 41, n: 43, k: 71, types: each, bias: true, transposeA: true });
  }
});

check("and with batches, also where one operand is the same for all", async () => {
  await compare({ m: 24, n: 16, k: 40, batch: [3, 3, 3] });
  await compare({ m: 21, n: 19, k: 11, batch: [5, 1, 5], bias: true });
  await compare({ m: 24, n: 16, k: 40, batch: [1, 4, 4], transposeB: true });
});

check("every tile is right, also the largest", async () => {
  using _scope = new Scope();
  const [m, n, k] = [70, 41, 40];
  const [a, b] = [randomArray(m * k, 1), randomArray(k * n, 2)];
  const want = matmulReference(roundedToF16(a), roundedToF16(b), { m, n, k });
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
    expectClose(await product.y.data(), want, tolerance("f32"), tile.label);
  }
});

check("a long k is split in a fixed order and keeps its bits", async () => {
  for (const y of ["f32", "f16"] as const) {
    const shape: Case = { m: 20, n: 12, k: 9001, types: ["f16", "f16", y], bias: true };
    const first = await compare(shape);
    expectClose(await compare(shape), first, SAME, "the second time");
  }
});

check("terms outside of the operands count as zeros, whatever is in memory there", async () => {
  using _scope = new Scope();
  // The second batch entry of each operand follows the terms of the first.
  const [m, n, k] = [9, 7, 5];
  const fill = (count: number) => new Float32Array(2 * count).map((_, i) => (i < count ? 1 : Number.NaN));
  const y = empty([m, n]);
  const a = { tensor: tensor(fill(m * k), [2 * m * k], "f16"), row: k, col: 1 };
  const b = { tensor: tensor(fill(n * k), [2 * n * k], "f16"), row: 1, col: k };
  gemm({ a, b, y, m, n, k, family: "matrix" });
  expectClose(await y.data(), Array<number>(m * n).fill(k), SAME);
});
