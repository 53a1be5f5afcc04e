import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { huberLoss } from "../../src/ops/huber_loss.ts";
import { mseLoss } from "../../src/ops/mse_loss.ts";
import { readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { huber } from "../reference/losses.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { checkLoss } from "./loss_cases.ts";

checkLoss("huberLoss", huberLoss, huber());
checkLoss("huberLoss", (x, t, options) => huberLoss(x, t, { delta: 0.35, ...options }), huber(0.35));

test("with a large delta it is half the squared error; its slope never exceeds delta", async () => {
  using _scope = new Scope();
  const [x, target] = [tensor(randomArray(50, 1, 3)), tensor(randomArray(50, 2))];
  const [half, whole] = await readAll(huberLoss(x, target, { delta: 100 }), mseLoss(x, target));
  expectClose([2 * half![0]!], whole!, { rtol: 1e-6, atol: 0 });
  x.requiresGrad = true;
  using tape = new Tape();
  tape.backward(huberLoss(x, target, { delta: 0.5, reduction: "sum" }));
  const slopes = [...(await x.grad!.data())];
  expect(Math.max(...slopes.map(Math.abs))).toBe(0.5);
  x.grad!.dispose();
});

test("at a distance of delta both pieces meet", async () => {
  using _scope = new Scope();
  const x = tensor([1, -1]);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(huberLoss(x, tensor([0, 0]), { reduction: "none" }));
  tape.backward(y, tensor([1, 1]));
  expect([...(await y.data()), ...(await x.grad!.data())]).toEqual([0.5, 0.5, 1, -1]);
  x.grad!.dispose();
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a delta of %d", (delta) => {
  using _scope = new Scope();
  expect(() => huberLoss(tensor([1]), tensor([1]), { delta })).toThrow(
    `huberLoss: delta: expected a number > 0, got ${delta}`,
  );
});
