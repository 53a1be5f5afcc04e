import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { ltpThreshold, softL0 } from "../../src/ops/ltp_threshold.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { sigmoid } from "../reference/pointwise.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const gate = (x: number, tau: number, t: number) => sigmoid((x * x - tau) / t);
const tolerance = { rtol: 2e-5, atol: 2e-6 };

describe.each([
  [9, 0.3, 0.5],
  [1003, 0.2, 0.1],
  [90_000, 1, 0.3],
])("%d weights, tau %d, temperature %d", (n, tau, temperature) => {
  const inputs = { x: { data: randomArray(n, 1), shape: [n] }, tau: { data: [tau], shape: [] } };

  test("ltpThreshold with the exact derivative", async () => {
    await gradcheck({
      inputs,
      op: ({ x, tau }) => ltpThreshold(x!, tau!, { temperature, gradThroughMask: true }),
      reference: ({ x, tau }) => x!.map((v) => v * gate(v, tau![0]!, temperature)),
      h: 1e-5,
    });
  });

  test("softL0 with the exact derivative", async () => {
    await gradcheck({
      inputs,
      op: ({ x, tau }) => softL0(x!, tau!, { temperature, gradThroughMask: true }),
      reference: ({ x, tau }) => [x!.reduce((sum, v) => sum + gate(v, tau![0]!, temperature), 0)],
      h: 1e-5,
      samples: 20,
    });
  });
});

/** Gradients of w and tau for an upstream gradient. */
async function gradients(op: (w: Tensor, tau: Tensor) => Tensor, x: number[], tau: number, upstream: number[]) {
  using _scope = new Scope();
  const [w, t] = [tensor(x), tensor([tau], [])];
  w.requiresGrad = true;
  t.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(op(w, t));
  tape.backward(y, tensor(upstream, y.shape));
  const out = {
    y: [...(await y.data())],
    dw: w.grad ? [...(await w.grad.data())] : null,
    dtau: [...(await t.grad!.data())],
  };
  w.grad?.dispose();
  t.grad?.dispose();
  return out;
}

// T = 0.01, tau = 0.03: gates from nearly closed to open.
const x = [0.5, -0.2, 0.1, 0.02, -0.01];
const g = [0.3, -0.1, 0.5, 1, -2];
const tau = 0.03;
const T = 0.01;
const q = x.map((v) => (gate(v, tau, T) * (1 - gate(v, tau, T))) / T);

test("by default the gate is a constant for the weights, and tau keeps its exact gradient", async () => {
  const frozen = await gradients((w, t) => ltpThreshold(w, t, { temperature: T }), x, tau, g);
  expectClose(
    frozen.y,
    x.map((v) => v * gate(v, tau, T)),
    tolerance,
  );
  expectClose(
    frozen.dw!,
    x.map((v, i) => g[i]! * gate(v, tau, T)),
    tolerance,
  );
  expectClose(frozen.dtau, [-x.reduce((sum, v, i) => sum + g[i]! * v * q[i]!, 0)], tolerance);
  const exact = await gradients((w, t) => ltpThreshold(w, t, { temperature: T, gradThroughMask: true }), x, tau, g);
  expectClose(
    exact.dw!,
    x.map((v, i) => g[i]! * (gate(v, tau, T) + 2 * v * v * q[i]!)),
    tolerance,
  );
  expect(exact.dtau).toEqual(frozen.dtau);
});

test("softL0 sends the weights nothing unless asked to", async () => {
  const frozen = await gradients((w, t) => softL0(w, t, { temperature: T }), x, tau, [2]);
  expect(frozen.dw).toBeNull();
  expectClose(frozen.y, [x.reduce((sum, v) => sum + gate(v, tau, T), 0)], tolerance);
  expectClose(frozen.dtau, [-2 * q.reduce((a, b) => a + b)], tolerance);
  const exact = await gradients((w, t) => softL0(w, t, { temperature: T, gradThroughMask: true }), x, tau, [2]);
  expectClose(
    exact.dw!,
    x.map((v, i) => 4 * v * q[i]!),
    tolerance,
  );
});

test("arguments far beyond exp's range saturate: open and closed gates, no NaN", async () => {
  const { y, dw, dtau } = await gradients(
    (w, t) => ltpThreshold(w, t, { temperature: 1e-9, gradThroughMask: true }),
    [3, -3, 0.001, 0],
    1,
    [1, 1, 1, 1],
  );
  expectClose(y, [3, -3, 0, 0], { rtol: 0, atol: 1e-30 });
  expectClose(dw!, [1, 1, 0, 0], { rtol: 0, atol: 1e-20 });
  expectClose(dtau, [0], { rtol: 0, atol: 1e-20 });
});

test("scaling w by c, tau and T by c² leaves the gates as they are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: -8, max: 8 }), async (power) => {
      using _scope = new Scope();
      // Powers of two are exact, so that the gates are equal to the bit.
      const c = 2 ** power;
      const w = randomArray(50, 9);
      const plain = await ltpThreshold(tensor(w), tensor([0.5]), { temperature: 0.25 }).data();
      const scaled = tensor(w.map((v) => v * c));
      const y = await ltpThreshold(scaled, tensor([0.5 * c * c]), { temperature: 0.25 * c * c }).data();
      expect([...y]).toEqual([...plain].map((v) => v * c));
    }),
    { numRuns: 8, seed: 1 },
  );
});

test("shapes and errors", () => {
  expect(ltpThreshold(metaTensor([2, 3]), metaTensor([]), { temperature: 1 }).shape).toEqual([2, 3]);
  expect(softL0(metaTensor([2, 3]), metaTensor([]), { temperature: 1 }).shape).toEqual([]);
  for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => softL0(metaTensor([2]), metaTensor([]), { temperature })).toThrow(
      `temperature: expected a number > 0`,
    );
  }
  expect(() => ltpThreshold(metaTensor([2]), metaTensor([2]), { temperature: 1 })).toThrow("tau: expected one element");
  expect(() => ltpThreshold(metaTensor([2]), metaTensor([], "i32"), { temperature: 1 })).toThrow("tau: expected f32");
});
