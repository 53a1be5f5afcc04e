// The update counts the zeros exactly: after every step, for every layer; without a gradient
// they are the share of initial weights below the threshold.
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomArray } from "../../support/random.ts";
import { between, countZeros, Updates } from "./updates.ts";

const anySizes = fc.array(fc.integer({ min: 1, max: 2300 }), { minLength: 1, maxLength: 4 });

test("pruned and regrown match two successive masks, and non-zeros add up", async () => {
  const total = { pruned: 0, regrown: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sizes: anySizes,
        seed: fc.nat(1e6),
        mode: fc.constantFrom("latent" as const, "inplace" as const, "none" as const),
        momentum: fc.constantFrom(0, 0.9),
        weightDecay: fc.constantFrom(0, 1e-2),
        rises: fc.array(between(0, 0.1), { minLength: 2, maxLength: 6 }),
      }),
      async ({ sizes, seed, rises, ...options }) => {
        const start = sizes.map((n, k) => randomArray(n, seed + k, 0.3));
        using run = new Updates(start, { lr: 0.05, ...options });
        let before = await run.weights();
        let known = sizes.map(() => ({ pruned: 0, regrown: 0 }));
        let d = 0;
        for (const [t, rise] of rises.entries()) {
          const gradients = sizes.map((n, k) => randomArray(n, seed + 23 * t + k + 9));
          run.step(gradients, { threshold: d, thresholdNext: d + rise });
          d += rise;
          const after = await run.weights();
          const counts = await run.sgd.counts();
          counts.forEach((c, k) => {
            expect(c.param).toBe(run.params[k]);
            const was = before[k]!;
            const is = after[k]!;
            const pruned = is.filter((w, i) => w === 0 && was[i] !== 0).length;
            const regrown = is.filter((w, i) => w !== 0 && was[i] === 0).length;
            const last = known[k]!;
            expect(c.pruned - last.pruned, `layer ${k}, step ${t}: pruned`).toBe(pruned);
            expect(c.regrown - last.regrown, `layer ${k}, step ${t}: regrown`).toBe(regrown);
            expect(c.nonzero).toBe(is.length - countZeros(is));
            expect(c.nonzero).toBe(was.length - countZeros(was) - pruned + regrown);
            total.pruned += pruned;
            total.regrown += regrown;
          });
          before = after;
          known = counts.map(({ pruned, regrown }) => ({ pruned, regrown }));
        }
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
  expect(total.pruned).toBeGreaterThan(100);
  expect(total.regrown).toBeGreaterThan(100);
});

test("without gradient, momentum and decay zeros only grow, and are the initial |theta| <= d", async () => {
  await fc.assert(
    fc.asyncProperty(
      anySizes,
      fc.nat(1e6),
      fc.array(between(0, 0.2), { minLength: 1, maxLength: 8 }),
      async (sizes, seed, rises) => {
        const start = sizes.map((n, k) => {
          const theta = randomArray(n, seed + k, 0.3);
          theta[0] = Math.fround(rises[0]!); // equals the first threshold
          return theta;
        });
        const zeros = sizes.map((n) => new Float32Array(n));
        using latent = new Updates(start, { lr: 0.1, mode: "latent" });
        using inplace = new Updates(start, { lr: 0.1, mode: "inplace" });
        let d = 0;
        let fewest = sizes.map(() => 0);
        for (const rise of rises) {
          const values = { threshold: d, thresholdNext: d + rise };
          latent.step(zeros, values);
          inplace.step(zeros, values);
          d += rise;
          const counts = await latent.sgd.counts();
          const others = await inplace.sgd.counts();
          counts.forEach((c, k) => {
            const theta = start[k]!;
            const below = (limit: number) => theta.filter((x) => Math.abs(x) <= limit).length;
            expect(theta.length - c.nonzero).toBe(below(Math.fround(d)));
            expect(c.regrown).toBe(0);
            const other = others[k]!;
            expect(other.regrown).toBe(0);
            // In place the threshold is a sum of rounded steps: weights that near to it may fall on either side.
            expect(theta.length - other.nonzero).toBeGreaterThanOrEqual(below(d - 1e-6));
            expect(theta.length - other.nonzero).toBeLessThanOrEqual(below(d + 1e-6));
            expect(theta.length - other.nonzero).toBeGreaterThanOrEqual(fewest[k]!);
          });
          fewest = others.map((c, k) => sizes[k]! - c.nonzero);
        }
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});
