import { expect, test } from "vitest";
import { mseLoss } from "../../src/ops/mse_loss.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import { squaredError } from "../reference/losses.ts";
import { checkLoss } from "./loss_cases.ts";

checkLoss("mseLoss", mseLoss, squaredError);

test("equal tensors have a loss of 0", async () => {
  using _scope = new Scope();
  expect(await mseLoss(tensor([1, 2, 3]), tensor([1, 2, 3])).item()).toBe(0);
});
