import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { maximum, minimum, mul } from "../../src/ops/binary.ts";
import { type ClampOptions, clamp } from "../../src/ops/clamp.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

const limit =
  ({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: ClampOptions) =>
  (v: number) =>
    Math.min(Math.max(v, min), max);

test.each<ClampOptions>([
  { min: -0.5, max: 0.75 },
  { min: 0.25 },
  { max: -0.25 },
  { min: 2, max: 1 },
  { min: undefined, max: 0 },
])("values and gradients for %j", async (options) => {
  const bounds = [options.min, options.max].filter((v) => v !== undefined);
  // 1003 elements: the last vec4 is a partial one. Away from the bounds.
  const data = randomArray(1003, 1).map((v) => (bounds.some((b) => Math.abs(v - b) < 0.01) ? v + 0.03 : v));
  await gradcheck({
    inputs: { x: { data, shape: [17, 59] } },
    op: ({ x }) => clamp(x!, options),
    // With min above max, PyTorch's gradient is 0 everywhere, as the difference quotient is.
    reference: ({ x }) => x!.map(limit(options)),
    forward: { rtol: 0, atol: 0 },
  });
});

test("the gradient passes at both ends, and not at NaN", async () => {
  using _scope = new Scope();
  const x = tensor([-1, -2, 1, 2, 0, Number.NaN]);
  x.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(clamp(x, { min: -1, max: 1 }), tensor([1, 2, 3, 4, 5, 6]));
  }
  expect([...(await x.grad!.data())]).toEqual([1, 0, 3, 0, 5, 0]);
  x.grad!.dispose();
});

test("clamp is maximum, then minimum, and a second time changes nothing", async () => {
  const bound = fc.float({ min: -3, max: 3, noNaN: true });
  await fc.assert(
    fc.asyncProperty(bound, bound, fc.integer({ min: 1, max: 600 }), async (min, max, n) => {
      using _scope = new Scope();
      const x = tensor(randomArray(n, n, 2));
      const y = clamp(x, { min, max });
      const values = await y.data();
      expect(values).toEqual(await minimum(maximum(x, min), max).data());
      expect(await clamp(y, { min, max }).data()).toEqual(values);
    }),
    { numRuns: 15, seed: 1 },
  );
});

test("a replayed step equals an eager one", async () => {
  await expectReplay(
    { data: randomArray(21, 2), shape: [21] },
    (w, { x }) => clamp(mul(w, x!), { min: -0.5, max: 0.5 }),
    [3, 4].map((seed) => ({ x: { data: randomArray(21, seed), shape: [21] } })),
  );
});

test("errors", () => {
  expect(() => clamp(metaTensor([2]), {})).toThrow("clamp: expected min, max or both, got none");
  expect(() => clamp(metaTensor([2]))).toThrow("clamp: expected min, max or both, got none");
  expect(() => clamp(metaTensor([2]), { min: Number.NaN })).toThrow("clamp: min: expected a finite number, got NaN");
  expect(() => clamp(metaTensor([2]), { max: "1" as never })).toThrow("clamp: max: expected a finite number, got 1");
  expect(() => clamp(metaTensor([2], "i32"), { max: 1 })).toThrow("clamp: x: expected f32 or f16, got i32");
  expect(clamp(metaTensor([2, 3]), { max: 1 }).shape).toEqual([2, 3]);
});
