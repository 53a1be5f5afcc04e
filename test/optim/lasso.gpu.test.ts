// The lasso and L1 logistic regression by SGD with soft thresholds, against float64 solutions of the same problems.
import { expect, test } from "vitest";
import { noGrad, Tape } from "../../src/autograd/index.ts";
import { constantInit } from "../../src/nn/index.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { bceWithLogits, matmul, mseLoss, mul } from "../../src/ops/index.ts";
import { SGD, type SGDOptions } from "../../src/optim/index.ts";
import { captureStep, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { l1Lasso, l1Logistic, type Rows } from "../reference/l1.ts";
import { randomArray } from "../support/random.ts";

const [SAMPLES, INPUTS, TRUE] = [200, 100, 10];
const x: Rows = { rows: SAMPLES, columns: INPUTS, values: Float64Array.from(randomArray(SAMPLES * INPUTS, 5)) };
const logits = Float64Array.from({ length: SAMPLES }, (_, row) => {
  let sum = 0;
  for (let i = 0; i < TRUE; i++) sum += (i % 2 === 0 ? 1.5 : -1) * x.values[row * INPUTS + i]!;
  return sum;
});
const y = logits.map((v, row) => Math.fround(v + 0.5 * randomArray(SAMPLES, 6)[row]!));
const classes = logits.map((v, row) => (v + randomArray(SAMPLES, 7)[row]! > 0 ? 1 : 0));

type Loss = (outputs: Tensor, targets: Tensor) => Tensor;

/** Minimise loss(X w, targets) + lambda |w| by `steps` steps from 0. */
async function minimise(loss: Loss, targets: Float64Array, options: SGDOptions, steps: number): Promise<Float32Array> {
  using _scope = new Scope();
  const inputs = tensor(Float32Array.from(x.values), [SAMPLES, INPUTS]);
  const wanted = tensor(Float32Array.from(targets), [SAMPLES, 1]);
  const w = new Parameter([INPUTS, 1], constantInit(0), { prunable: true });
  const sgd = new SGD([w], options);
  using step = captureStep(() => {
    using tape = new Tape();
    tape.backward(loss(matmul(inputs, w), wanted));
    sgd.step();
    return {};
  });
  for (let n = 0; n < steps; n++) step.run({});
  const found = (await noGrad(() => w.data())) as Float32Array;
  sgd.dispose();
  w.dispose();
  return found;
}

/** The pressure of momentum: an increment of lr · lambda / (1 - momentum) acts like lambda; FISTA's extrapolation adds none. */
const MODES = [
  { name: "inplace", mode: "inplace", momentum: 0, lr: 0.25 },
  { name: "inplace, momentum 0.9", mode: "inplace", momentum: 0.9, lr: 0.05 },
  { name: "fista", mode: "fista", momentum: 0.9, lr: 0.25 },
] as const;

function optionsOf({ mode, momentum, lr }: (typeof MODES)[number], lambda: number, scale = 1): SGDOptions {
  const rate = scale * lr;
  const pressure = mode === "fista" ? lambda : lambda / (1 - momentum);
  return { lr: rate, momentum, mode, threshold: { at: (n) => n * rate * pressure, increment: () => rate * pressure } };
}

function expectSolution(found: Float32Array, best: Float64Array): void {
  const support = (v: ArrayLike<number>) => Array.from(v).flatMap((w, i) => (w === 0 ? [] : [i]));
  expect(support(found)).toEqual(support(best));
  found.forEach((w, i) => {
    expect(Math.abs(w - best[i]!), `weight ${i}`).toBeLessThanOrEqual(1e-5);
  });
}

test.each(MODES.flatMap((how) => [0.02, 0.1, 0.3].map((lambda) => [how.name, lambda, how] as const)))(
  "the lasso in mode %s at lambda %d has the float64 solution and its support",
  async (_, lambda, how) => {
    const best = l1Lasso(x, y, lambda);
    const halfMean: Loss = (outputs, targets) => mul(mseLoss(outputs, targets), 0.5);
    expectSolution(await minimise(halfMean, y, optionsOf(how, lambda), 1500), best);
  },
);

test.each(MODES.map((how) => [how.name, how] as const))(
  "L1 logistic regression in mode %s has the float64 solution and its support",
  async (_, how) => {
    const lambda = 0.03;
    const best = l1Logistic(x, classes, lambda);
    const found = await minimise(
      (outputs, targets) => bceWithLogits(outputs, targets),
      classes,
      optionsOf(how, lambda, 2),
      3000,
    );
    expectSolution(found, best);
  },
);
