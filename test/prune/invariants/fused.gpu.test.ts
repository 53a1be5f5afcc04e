// The fused update equals its parts: plain SGD, then the soft-threshold op on the stored weights.
import fc from "fast-check";
import { expect, test } from "vitest";
import { add, mul, softThreshold, sub } from "../../../src/ops/index.ts";
import { Scope, scalar, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { randomArray } from "../../support/random.ts";
import { between, bitsOf, Updates } from "./updates.ts";

const anyRun = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 3 }),
  seed: fc.nat(1e6),
  lr: between(1e-3, 0.5),
  momentum: fc.constantFrom(0, 0.5, 0.9),
  dampening: fc.constantFrom(0, 0, 0.25),
  nesterov: fc.boolean(),
  weightDecay: fc.constantFrom(0, 1e-3, 0.1),
  rises: fc.array(between(0, 0.1), { minLength: 2, maxLength: 6 }),
});

async function thresholded(stored: Float32Array, d: number): Promise<Float32Array> {
  using _scope = new Scope();
  return (await softThreshold(tensor(stored), scalar(d), {}).data()) as Float32Array;
}

test("latent and inplace: the bits of plain SGD followed by softThreshold", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, fc.boolean(), async ({ sizes, seed, rises, nesterov, ...options }, latent) => {
      const mode = latent ? ("latent" as const) : ("inplace" as const);
      const all = { ...options, nesterov: nesterov && options.momentum > 0 && options.dampening === 0 };
      const start = sizes.map((n, k) => randomArray(n, seed + k, 0.4));
      using fused = new Updates(start, { ...all, mode });
      using plain = new Updates(start, { ...all, mode: "none" });
      let d = 0;
      for (const [t, tau] of rises.entries()) {
        const gradients = sizes.map((n, k) => randomArray(n, seed + 19 * t + k + 3));
        fused.step(gradients, { threshold: d, thresholdNext: d + tau, tau });
        plain.step(gradients, {});
        d += tau;
        const stored = await plain.weights();
        const want = await Promise.all(stored.map((theta) => thresholded(theta, latent ? d : tau)));
        expect((await fused.weights()).map(bitsOf)).toEqual(want.map(bitsOf));
        if (latent) expect((await fused.stored()).map(bitsOf)).toEqual(stored.map(bitsOf));
        else plain.params.forEach((p, k) => void p.set(want[k]!));
        if (options.momentum > 0) {
          expect((await fused.velocities()).map(bitsOf)).toEqual((await plain.velocities()).map(bitsOf));
        }
      }
    }),
    { numRuns: 20, endOnFailure: true },
  );
});

test("one operation per dispatch gives the same to a place of the largest term", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ sizes, seed, lr, weightDecay, rises }) => {
      const momentum = 0.9;
      const n = sizes[0]!;
      const theta = randomArray(n, seed, 0.4);
      const [d, next] = [rises[0]!, rises[0]! + rises[1]!];
      const g = randomArray(n, seed + 2);
      using run = new Updates([theta], { lr, momentum, weightDecay, mode: "latent" });
      run.step([randomArray(n, seed + 1)], { threshold: 0, thresholdNext: d });
      const [before, velocity] = [(await run.stored())[0], (await run.velocities())[0]] as Float32Array[];
      run.step([g], { threshold: d, thresholdNext: next });
      using _scope = new Scope();
      const times = (a: Tensor, k: number) => mul(a, tensor([k]));
      const x = tensor(before!);
      const v = add(times(tensor(velocity!), momentum), add(tensor(g), times(x, weightDecay)));
      const moved = sub(x, times(v, lr));
      const w = softThreshold(moved, scalar(next), {});
      const read = async (t: Tensor) => (await t.data()) as Float32Array;
      const pairs = [
        [await read(v), (await run.velocities())[0]],
        [await read(moved), (await run.stored())[0]],
        [await read(w), (await run.weights())[0]],
      ] as const;
      for (const [want, got] of pairs) {
        want.forEach((value, i) => {
          // An adapter may contract a · b + c into one rounding: half a place of each product.
          const [was, speed, slope] = [before?.[i], velocity?.[i], g[i]].map((term) => Math.abs(term!));
          const largest = Math.max(was!, speed!, slope!, next);
          expect(Math.abs((got?.[i] as number) - value)).toBeLessThanOrEqual(1.2e-7 * largest);
        });
      }
    }),
    { numRuns: 15, endOnFailure: true },
  );
});
