// The true gradient of a scheduled threshold, and the L1 penalty of latent weights, against the formula in float64.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { mul, softThreshold, sum } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const N = 2000;
const start = randomArray(N, 1, 0.2);
const slope = randomArray(N, 2);
const at = (n: number) => 0.02 * n;

/** Steps of a latent weight under a linear loss, whose gradient is `slope`. Returns theta and w. */
async function latent(options: Partial<ConstructorParameters<typeof SGD>[1]>, steps: number) {
  const p = new Parameter([N], () => start, { prunable: true });
  p.set(start);
  const optimizer = new SGD([p], { lr: 0.05, mode: "latent", threshold: at, ...options });
  for (let n = 0; n < steps; n++) {
    tidy(() => {
      const tape = new Tape();
      tape.backward(sum(mul(p, tensor(slope))));
      optimizer.step();
    });
  }
  const [theta, w] = [(await p.latent!.data()) as Float32Array, (await p.data()) as Float32Array];
  optimizer.dispose();
  p.dispose();
  return { theta, w };
}

/** The same rule in float64. */
function reference(steps: number, { momentum = 0, weightDecay = 0, shrink = 0, gradient = "straight-through" }) {
  const S = (x: number, d: number) => Math.sign(x) * Math.max(Math.abs(x) - d, 0);
  return Array.from(start, (first, i) => {
    let [theta, v] = [first, 0];
    for (let n = 0; n < steps; n++) {
      const passes = gradient === "straight-through" || Math.abs(theta) > Math.fround(at(n));
      const u = (passes ? slope[i]! : 0) + weightDecay * theta;
      v = momentum * v + u;
      theta -= 0.05 * v + 0.05 * shrink * Math.sign(theta);
    }
    return { theta, w: S(theta, at(steps)) };
  });
}

test.each([
  { gradient: "true", momentum: 0.9, weightDecay: 0.01 },
  { gradient: "true" },
  { shrink: 0.3, momentum: 0.9, weightDecay: 0.01 },
  { shrink: 0.3, gradient: "true" },
] as const)("%j follows the formula of float64", async (options) => {
  const { theta, w } = await latent(options, 6);
  const want = reference(6, options);
  // Entries that come within rounding of the threshold, or of zero, may fall on the other side.
  const off = want.filter((r, i) => Math.abs(r.theta - theta[i]!) > 1e-5 || Math.abs(r.w - w[i]!) > 1e-5);
  expect(off.length).toBeLessThan(3);
  expect(w.some((v) => v === 0)).toBe(true);
});

test("with the true gradient a pruned weight does not move, without decay and momentum", async () => {
  const few = await latent({ gradient: "true", lr: 0 }, 3);
  const { theta } = await latent({ gradient: "true", threshold: 0.06 }, 3);
  theta.forEach((v, i) => {
    if (Math.abs(start[i]!) <= Math.fround(0.06)) expect(v).toBe(start[i]);
    else expect(v).not.toBe(start[i]);
  });
  expect(few.theta).toEqual(start);
});

test("the true gradient is that of the op softThreshold on a plain weight, to the bit", async () => {
  const p = new Parameter([N], () => start, { prunable: true });
  p.set(start);
  const plain = new SGD([p], { lr: 0.05, momentum: 0.9 });
  for (let n = 0; n < 5; n++) {
    tidy(() => {
      const tape = new Tape();
      tape.backward(sum(mul(softThreshold(p, tensor(at(n))), tensor(slope))));
      plain.step();
    });
  }
  const { theta } = await latent({ gradient: "true", momentum: 0.9 }, 5);
  expect([...((await p.data()) as Float32Array)]).toEqual([...theta]);
  plain.dispose();
  p.dispose();
});

test("without the two options the bits are those of the defaults", async () => {
  const plain = await latent({ momentum: 0.9 }, 4);
  const stated = await latent({ momentum: 0.9, gradient: "straight-through", shrink: 0 }, 4);
  expect(stated).toEqual(plain);
});

test.each([
  [
    { mode: "inplace", gradient: "true" },
    "gradient: expected nothing without a group of this mode, since it is for mode latent",
  ],
  [{ mode: "inplace", threshold: 0, shrink: 1 }, "shrink: expected nothing without a group of this mode"],
  [{ gradient: true }, "gradient: expected straight-through or true, got true"],
  [{ shrink: -1 }, "shrink: expected a number >= 0, got -1"],
  [{ shrink: Number.NaN }, "shrink: expected a number >= 0, got NaN"],
] as const)("refuses %j", (options, problem) => {
  const p = new Parameter([4], () => new Float32Array(4), { prunable: true });
  expect(() => new SGD([p], { lr: 0.1, mode: "latent", ...(options as object) })).toThrow(problem);
});
