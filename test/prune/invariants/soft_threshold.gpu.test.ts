// Invariants of the soft threshold S_d on the GPU for every float32 number. Zeros are compared by their bits,
// since a -0 in a weight would count as non-zero in storage.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../../src/autograd/index.ts";
import { softThreshold } from "../../../src/ops/soft_threshold.ts";
import { Scope, scalar, tensor } from "../../../src/tensor/index.ts";
import { proxCost } from "../../reference/ista.ts";
import { clampForm, signForm, ulp, ulpsAway } from "../../reference/soft_f32.ts";
import { randomArray } from "../../support/random.ts";
import { between, bitsOf } from "./updates.ts";

async function shrink(x: Float32Array, d: number): Promise<Float32Array> {
  using _scope = new Scope();
  return (await softThreshold(tensor(x), scalar(d), {}).data()) as Float32Array;
}

// Without subnormal numbers, which WGSL lets an adapter flush. With |x| and d at 0 or above 1e-30, a difference of
// the two that is not zero is at least half an ulp of 1e-30, and normal.
const positive = (max: number) =>
  fc.float({ min: 0, max: Math.fround(max), noNaN: true }).map((v) => (v < 1e-30 ? 0 : v));

/** Numbers of any size, and those within a few places of the threshold on either side. */
const anyCase = fc
  .record({
    d: fc.oneof(between(0, 2).map(Math.fround), positive(1e30), fc.constant(0)),
    seed: fc.nat(1e6),
    n: fc.integer({ min: 1, max: 1500 }),
    spread: fc.constantFrom(1e-3, 0.3, 3, 1e6),
    wild: fc.array(fc.tuple(positive(1e30), fc.constantFrom(-1, 1)), { maxLength: 20 }),
  })
  .map(({ d, seed, n, spread, wild }) => {
    const near = d === 0 ? [] : [-3, -2, -1, 0, 1, 2, 3].flatMap((k) => [ulpsAway(d, k), -ulpsAway(d, k)]);
    const far = wild.map(([size, sign]) => size * sign + 0); // + 0 turns -0 into 0
    return { d, x: Float32Array.from([0, ...near, ...far, ...randomArray(n, seed, spread)]) };
  });

const runs = { numRuns: 30, endOnFailure: true };

test("zero exactly where |x| <= d, never -0, and the sign form gives the same bits", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ x, d }) => {
      const y = await shrink(x, d);
      x.forEach((v, i) => {
        const got = y[i]!;
        expect(got === 0, `x = ${v}, d = ${d} gave ${got}`).toBe(Math.abs(v) <= d);
        expect(Object.is(got, -0), `x = ${v}, d = ${d}`).toBe(false);
      });
      expect(bitsOf(y)).toEqual(bitsOf(x.map((v) => signForm(v, d))));
      expect(bitsOf(y)).toEqual(bitsOf(x.map((v) => clampForm(v, d))));
    }),
    runs,
  );
});

test("S_0(x) = x, and a negative zero becomes +0 under any other threshold", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ x, d }) => {
      expect(bitsOf(await shrink(x, 0))).toEqual(bitsOf(x));
      fc.pre(d > 0);
      expect([...bitsOf(await shrink(Float32Array.of(-0, 0), d))]).toEqual([0, 0]);
    }),
    runs,
  );
});

test("S_d(-x) = -S_d(x)", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ x, d }) => {
      const y = await shrink(x, d);
      const mirrored = await shrink(
        x.map((v) => 0 - v),
        d,
      );
      expect(bitsOf(mirrored)).toEqual(bitsOf(y.map((v) => 0 - v)));
    }),
    runs,
  );
});

test("|S_d(x) - S_d(y)| <= |x - y|", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.nat(1e6), async ({ x, d }, seed) => {
      // Partners from next door to far away.
      const other = x.map((v, i) => v + randomArray(1, seed + i)[0]! * Math.abs(v) * 10 ** -(i % 8));
      const a = await shrink(x, d);
      const b = await shrink(other, d);
      x.forEach((v, i) => {
        const moved = Math.abs(a[i]! - b[i]!);
        // Each side is rounded once, by at most half a place.
        const rounding = ulp(Math.max(Math.abs(a[i]!), Math.abs(b[i]!)));
        expect(moved).toBeLessThanOrEqual(Math.abs(v - other[i]!) + rounding);
      });
    }),
    runs,
  );
});

test("S_a(S_b(x)) = S_{a+b}(x) within 1.2e-7 of the larger of |x| and a + b", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, between(0, 2), async ({ x, d: b }, share) => {
      const a = Math.fround(b * share);
      fc.pre(a === 0 || a > 1e-30);
      const twice = await shrink(await shrink(x, b), a);
      const once = await shrink(x, Math.fround(a + b));
      x.forEach((v, i) => {
        const off = Math.abs(twice[i]! - once[i]!);
        expect(off, `x = ${v}, a = ${a}, b = ${b}`).toBeLessThanOrEqual(1.2e-7 * Math.max(Math.abs(v), a + b));
      });
    }),
    runs,
  );
});

test("S_{c d}(c x) = c S_d(x): to the bit for powers of two, else to rounding", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyCase,
      fc.integer({ min: -6, max: 6 }),
      between(0.01, 100).map(Math.fround),
      async ({ x, d }, power, c) => {
        fc.pre(d === 0 || d > 1e-27); // c d must stay normal
        const usual = x.map((v) => (Math.abs(v) < 1e-27 ? 0 : v));
        const y = await shrink(usual, d);
        const two = 2 ** power;
        const doubled = await shrink(
          usual.map((v) => v * two),
          d * two,
        );
        expect(bitsOf(doubled)).toEqual(bitsOf(y.map((v) => v * two)));
        const scaled = await shrink(
          usual.map((v) => v * c),
          d * c,
        );
        usual.forEach((v, i) => {
          const off = Math.abs(scaled[i]! - c * y[i]!);
          // c x, c d and both differences are rounded once each: 4 half places of the largest of them.
          expect(off).toBeLessThanOrEqual(2.4e-7 * c * Math.max(Math.abs(v), d));
        });
      },
    ),
    runs,
  );
});

test("S_d(x) is where (w - x)^2 / 2 + d |w| is smallest", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ x, d }) => {
      const y = await shrink(x, d);
      x.forEach((v, i) => {
        const w = y[i]!;
        const scale = Math.max(Math.abs(v), d);
        const least = proxCost(w, v, d);
        // w is off the true minimum by half a place, and the cost is of the second order in that; float64 adds its own.
        const slack = (6e-8 * w) ** 2 + 1e-15 * scale * scale;
        const steps = [1, 0.3, 0.1, 1e-2, 1e-3, 1e-4].flatMap((s) => [w + s * scale, w - s * scale]);
        for (const other of [0, v, -w, ...steps]) {
          // The cost curves upwards at least like a parabola: the further away, the worse.
          const distance = Math.abs(other - w);
          const gap = distance ** 2 / 2 - 6e-8 * scale * distance;
          expect(proxCost(other, v, d) - least, `x = ${v}, d = ${d}, w = ${other}`).toBeGreaterThanOrEqual(gap - slack);
        }
      });
    }),
    { numRuns: 15, endOnFailure: true },
  );
});

test("straight through, dx is dy to the bit, pruned or not; else it is dy where |x| > d and 0 where not", async () => {
  await fc.assert(
    fc.asyncProperty(anyCase, fc.boolean(), fc.nat(1e6), async ({ x, d }, straightThrough, seed) => {
      const dy = randomArray(x.length, seed);
      using _scope = new Scope();
      const t = tensor(x);
      t.requiresGrad = true;
      {
        using tape = new Tape();
        tape.backward(softThreshold(t, scalar(d), { straightThrough }), tensor(dy));
      }
      const dx = (await t.grad!.data()) as Float32Array;
      t.grad!.dispose();
      const want = dy.map((g, i) => (straightThrough || Math.abs(x[i]!) > d ? g : 0));
      expect(bitsOf(dx)).toEqual(bitsOf(want));
    }),
    runs,
  );
});
