// Convolutions on matrix units.
import { expect, test } from "vitest";
import { currentGpu, OpError } from "../../src/gpu/index.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { testMatrix } from "../support/matrix.ts";
import { CONV_CHECKS } from "./conv2d_matrix_checks.ts";

for (const { title, run } of CONV_CHECKS) testMatrix(title, run);

test("conv2d refuses the algorithm without matrix units", ({ skip }) => {
  skip(currentGpu().adapter.matrices.length > 0, "this adapter has matrix units");
  using _scope = new Scope();
  const [x, w] = [tensor([[[[1]]]]), tensor([[[[1]]]])];
  const problem = "algorithm matrix: expected an adapter with matrix units of f16";
  expect(() => conv2d(x, w, null, { algorithm: "matrix" })).toThrow(new OpError("conv2d", problem));
});
