// Matrix products on matrix units.
import { expect, test } from "vitest";
import { currentGpu, OpError } from "../../src/gpu/index.ts";
import { gemm } from "../../src/ops/matmul/gemm.ts";
import { empty, Scope, tensor } from "../../src/tensor/index.ts";
import { testMatrix } from "../support/matrix.ts";
import { MATMUL_CHECKS } from "./matmul_matrix_checks.ts";

for (const { title, run } of MATMUL_CHECKS) testMatrix(title, run);

test("the family matrix is refused without matrix units", ({ skip }) => {
  skip(currentGpu().adapter.matrices.length > 0, "this adapter has matrix units");
  using _scope = new Scope();
  const one = { tensor: tensor([1]), row: 1, col: 1 };
  const product = { a: one, b: one, y: empty([1, 1]), m: 1, n: 1, k: 1, family: "matrix" as const };
  expect(() => gemm(product)).toThrow(
    new OpError("gemm", "family matrix: expected an adapter with matrix units of f16"),
  );
});
