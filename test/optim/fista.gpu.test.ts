// Mode fista: steps against float64, agreement with mode inplace, and an ill-conditioned problem that it
// solves in far fewer steps.
import fc from "fast-check";
import { expect, test } from "vitest";
import { extrapolation } from "../../src/prune/acceleration.ts";
import { between, bitsOf, countZeros, Updates } from "../prune/invariants/updates.ts";
import { breach, type FistaState, fistaStep, lassoCost } from "../reference/fista.ts";
import { gradient, type Quadratic } from "../reference/ista.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const anyRun = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 2300 }), { minLength: 1, maxLength: 4 }),
  seed: fc.nat(1e6),
  weightDecay: fc.constantFrom(0, 1e-2),
  rises: fc.array(between(0, 0.03), { minLength: 2, maxLength: 14 }),
});

test("steps match float64 for any sizes, shrinkage and shares, and count the zeros of x", async () => {
  let zeros = 0;
  await fc.assert(
    fc.asyncProperty(anyRun, between(0, 0.98), async ({ sizes, seed, weightDecay, rises }, most) => {
      const start = sizes.map((n, k) => randomArray(n, seed + k, 0.3));
      using run = new Updates(start, { lr: 0.05, momentum: most, weightDecay, mode: "fista" });
      let states: FistaState[] = start.map((w) => ({ x: Float64Array.from(w), y: Float64Array.from(w) }));
      let d = 0;
      let known = sizes.map((n) => ({ nonzero: n, pruned: 0, regrown: 0 }));
      for (const [t, tau] of rises.entries()) {
        const momentum = extrapolation(t, rises.length, most);
        const g = sizes.map((n, k) => randomArray(n, seed + 47 * t + k + 9));
        run.step(g, { threshold: d, thresholdNext: d + tau, tau, momentum });
        d += tau;
        states = states.map((s, k) => fistaStep(s, g[k]!, { lr: 0.05, tau, momentum, weightDecay }));
        const [w, stored, counts] = [await run.weights(), await run.stored(), await run.sgd.counts()];
        states.forEach((s, k) => {
          // Extrapolation carries rounding on; some forty places of float32 at most.
          expectClose(stored[k]!, s.x, { rtol: 2e-6, atol: 4e-6 }, `step ${t}, layer ${k}: x`);
          expectClose(w[k]!, s.y, { rtol: 2e-6, atol: 4e-6 }, `step ${t}, layer ${k}: W`);
          const c = counts[k]!;
          const was = known[k]!;
          const x = stored[k]!;
          expect(c.nonzero).toBe(x.length - countZeros(x));
          expect(c.nonzero).toBe(was.nonzero - (c.pruned - was.pruned) + (c.regrown - was.regrown));
        });
        known = counts;
      }
      // The last step adds nothing: what is read is the proximal step, with its zeros.
      const [w, stored] = [await run.weights(), await run.stored()];
      expect(w.map(bitsOf)).toEqual(stored.map(bitsOf));
      zeros += w.reduce((n, x) => n + countZeros(x), 0);
    }),
    { numRuns: 12, endOnFailure: true },
  );
  expect(zeros).toBeGreaterThan(100);
});

test("without extrapolation it has the bits of mode inplace without momentum", async () => {
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ sizes, seed, weightDecay, rises }) => {
      const start = sizes.map((n, k) => randomArray(n, seed + k, 0.3));
      using fista = new Updates(start, { lr: 0.1, weightDecay, mode: "fista" });
      using inplace = new Updates(start, { lr: 0.1, weightDecay, mode: "inplace" });
      let d = 0;
      for (const [t, tau] of rises.entries()) {
        const g = sizes.map((n, k) => randomArray(n, seed + 53 * t + k + 9));
        for (const run of [fista, inplace]) run.step(g, { threshold: d, thresholdNext: d + tau, tau });
        d += tau;
      }
      expect((await fista.weights()).map(bitsOf)).toEqual((await inplace.weights()).map(bitsOf));
      expect((await fista.stored()).map(bitsOf)).toEqual((await inplace.weights()).map(bitsOf));
    }),
    { numRuns: 6, endOnFailure: true },
  );
});

const n = 40;
const lambda = 0.002;

/** A quadratic whose curvatures run from 1e-3 to 1 in random directions; its solution is half zeros. */
function illConditioned(seed: number): Quadratic {
  // Orthogonal directions, by Gram and Schmidt.
  const rows: Float64Array[] = [];
  for (let k = 0; k < n; k++) {
    let row = Float64Array.from(randomArray(n, seed + k));
    for (const other of rows) {
      const along = row.reduce((sum, x, i) => sum + x * other[i]!, 0);
      row = row.map((x, i) => x - along * other[i]!);
    }
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    rows.push(row.map((x) => x / length));
  }
  const m = new Float64Array(n * n);
  rows.forEach((row, k) => {
    m.set(
      row.map((x) => x * 1000 ** (-k / (2 * (n - 1)))),
      k * n,
    );
  });
  const wanted = randomArray(n, seed + 500).map((x, i) => (i % 2 === 0 ? x : 0));
  const c = Float64Array.from({ length: n }, (_, row) => wanted.reduce((sum, w, k) => sum + w * m[row * n + k]!, 0));
  return { n, m, c };
}

/** Find the minimum in float64, by FISTA with a restart whenever it turns back. */
function solution(q: Quadratic): Float64Array {
  let state: FistaState = { x: new Float64Array(n), y: new Float64Array(n) };
  let t = 1;
  for (let k = 0; k < 20_000; k++) {
    const next = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
    const h = { lr: 1, tau: lambda, momentum: (t - 1) / next, weightDecay: 0 };
    const step = fistaStep(state, gradient(q, state.y), h);
    const back = step.x.reduce((sum, x, i) => sum + (state.y[i]! - x) * (x - state.x[i]!), 0) > 0;
    state = back ? { x: step.x, y: step.x } : step;
    t = back ? 1 : next;
    if (breach(q, state.x, lambda) < 1e-12) return state.x;
  }
  throw new Error(`no solution found: off by ${breach(q, state.x, lambda)}`);
}

/** Step on the GPU until the cost, relative to that at zero, is within `share` of the minimum; return the steps and x. */
async function descend(q: Quadratic, mode: "fista" | "inplace", least: number, share: number) {
  const most = 4000;
  using run = new Updates([new Float32Array(n)], { lr: 1, mode });
  const target = least + share * (lassoCost(q, new Float64Array(n), lambda) - least);
  for (let k = 0; k < most; k++) {
    const [w] = (await run.weights()) as [Float32Array];
    const extra = mode === "fista" ? { momentum: extrapolation(k, most, 0.99) } : {};
    run.step([Float32Array.from(gradient(q, w))], { tau: lambda, ...extra });
    const [x] = (await run.stored()) as [Float32Array];
    if (lassoCost(q, x, lambda) <= target) return { steps: k + 1, x };
  }
  return { steps: Number.POSITIVE_INFINITY, x: new Float32Array(n) };
}

test("reaches the solution of mode inplace in far fewer steps if curvatures differ by a factor of 1000", async () => {
  for (const seed of [1, 2]) {
    const q = illConditioned(1000 * seed);
    const best = solution(q);
    const zeros = countZeros(best);
    expect(zeros).toBeGreaterThan(5);
    expect(zeros).toBeLessThan(n - 5);
    const least = lassoCost(q, best, lambda);
    const fista = await descend(q, "fista", least, 1e-5);
    const ista = await descend(q, "inplace", least, 1e-5);
    expect(ista.steps).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(3 * fista.steps, `${fista.steps} and ${ista.steps} steps`).toBeLessThan(ista.steps);
    for (const { x } of [fista, ista]) expectClose(x, best, { rtol: 0.05, atol: 0 });
  }
});

test("at the solution |gradient| is lambda at live weights, and at most lambda at zeros", async () => {
  const q = illConditioned(1000);
  const best = solution(q);
  using run = new Updates([new Float32Array(n)], { lr: 1, mode: "fista" });
  // Three windows: each restarts and ends on a proximal step.
  for (let k = 0; k < 900; k++) {
    const [w] = (await run.weights()) as [Float32Array];
    run.step([Float32Array.from(gradient(q, w))], { tau: lambda, momentum: extrapolation(k % 300, 300, 0.99) });
  }
  const [x] = (await run.weights()) as [Float32Array];
  expect([...x].map((v) => v === 0)).toEqual([...best].map((v) => v === 0));
  expectClose(x, best, { rtol: 2e-3, atol: 0 });
  expect(breach(q, x, lambda)).toBeLessThan(2e-3 * lambda);
});
