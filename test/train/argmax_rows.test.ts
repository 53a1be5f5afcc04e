// The predicted classes of logits.
import { expect, test } from "vitest";
import { argmaxRows } from "../../src/train/index.ts";

test("finds the largest number of each row, the first of equal ones", () => {
  expect(argmaxRows(new Float32Array([1, 3, 2, -5, -7, -5, 4, 4, 0]), 3)).toEqual([1, 0, 0]);
  expect(argmaxRows(new Float32Array([0.5, -1]), 2)).toEqual([0, 0]);
});
