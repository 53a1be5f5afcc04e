// The inverse shift Sinv_d(w) = sign(w)(|w| + d), which turns weights into latent weights that a threshold d is already
// in force for.
import fc from "fast-check";
import { expect, test } from "vitest";
import { inverseThreshold } from "../../../src/prune/groups.ts";
import { clampForm, ulp } from "../../reference/soft_f32.ts";
import { between } from "./updates.ts";

const weights = fc.oneof(
  fc.float32Array({ min: -100, max: 100, noNaN: true, maxLength: 200 }),
  fc.array(fc.oneof(between(-1, 1), fc.constantFrom(0, -0)), { maxLength: 200 }).map((list) => Float32Array.from(list)),
);
const threshold = fc.oneof(
  between(0, 5),
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.float({ min: 0, max: 10, noNaN: true }),
  fc.constant(0),
);

test("S_d(Sinv_d(w)) = w to one place of |w| + d, with the sign of w; zeros stay +0", () => {
  fc.assert(
    fc.property(weights, threshold, (w, d) => {
      const latent = inverseThreshold(w, d);
      expect(latent).toHaveLength(w.length);
      w.forEach((value, i) => {
        const theta = latent[i]!;
        if (value === 0) {
          expect(Object.is(theta, 0)).toBe(true);
          return;
        }
        expect(Math.sign(theta)).toBe(Math.sign(value));
        const back = clampForm(theta, Math.fround(d));
        expect(Math.abs(back - value)).toBeLessThanOrEqual(ulp(Math.abs(value) + d));
        expect(back * value).toBeGreaterThanOrEqual(0);
      });
    }),
    { numRuns: 200 },
  );
});

test("Sinv_0 is the identity, and a larger weight never has a smaller latent one", () => {
  fc.assert(
    fc.property(weights, threshold, (w, d) => {
      expect([...inverseThreshold(w, 0)].map((v) => v + 0)).toEqual([...w].map((v) => v + 0));
      const sorted = w.slice().sort();
      const latent = inverseThreshold(sorted, d);
      for (let i = 1; i < latent.length; i++) expect(latent[i]).toBeGreaterThanOrEqual(latent[i - 1]!);
    }),
    { numRuns: 100 },
  );
});
