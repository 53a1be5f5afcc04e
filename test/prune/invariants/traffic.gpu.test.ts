// Bytes of memory that one step of the update moves per parameter (float32: 4 to read a number, 4 to write it):
//
//     latent     with momentum 24   g, v, theta -> v, theta, W          without 16
//     inplace    with momentum 20   g, v, W -> v, W                     without 12
//
// Two views of it. What is bound: the arrays that a step's commands can reach at all, so none is there that the table
// does not name. What is read and written: the loads and stores in the source of the compiled variant, with its constant
// branches folded and every other branch taken. Not measured: the effects of a compiler, a cache or a memory bus. Left
// out: padding to 1024 numbers, and memory that grows with the number of layers or segments only.
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { type Dispatch, Kernel } from "../../../src/gpu/kernel.ts";
import type { SGDOptions } from "../../../src/optim/index.ts";
import { captureStep } from "../../../src/tensor/index.ts";
import { randomArray } from "../../support/random.ts";
import { foldBranches, memoryAccesses } from "./shader_reading.ts";
import { bitsOf, Updates } from "./updates.ts";

const SEGMENT = 1024;
const table = [
  { mode: "latent", momentum: 0.9, arrays: 4, bytes: 24 },
  { mode: "latent", momentum: 0, arrays: 3, bytes: 16 },
  { mode: "inplace", momentum: 0.9, arrays: 3, bytes: 20 },
  { mode: "inplace", momentum: 0, arrays: 2, bytes: 12 },
] as const;

afterEach(() => void vi.restoreAllMocks());

/** Return the dispatches of `step`. */
function dispatchesOf(step: () => void): { source: string; dispatch: Dispatch }[] {
  const seen: { source: string; dispatch: Dispatch }[] = [];
  const run = vi.spyOn(Kernel.prototype, "run").mockImplementation(function (this: Kernel, dispatch: Dispatch) {
    seen.push({ source: this.source(dispatch.spec), dispatch });
  });
  step();
  run.mockRestore();
  return seen;
}

test.each(table)("$mode, momentum $momentum: $bytes bytes are read and written", ({ mode, momentum, bytes }) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 500, max: 9000 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      fc.constantFrom(0, 1e-3),
      fc.constantFrom("latent" as const, "effective" as const),
      (sizes, nesterov, weightDecay, decayTarget) => {
        const options: SGDOptions = { lr: 0.1, momentum, nesterov: nesterov && momentum > 0, weightDecay, decayTarget };
        using run = new Updates(
          sizes.map((n) => randomArray(n)),
          { ...options, mode },
        );
        const count = sizes.reduce((sum, n) => sum + Math.ceil(n / SEGMENT) * SEGMENT, 0);
        const dispatches = dispatchesOf(() => {
          for (const p of run.params) p.gradArrived = true;
          run.sgd.step();
        });
        expect(dispatches.length).toBeGreaterThan(0);
        let moved = 0;
        for (const { source, dispatch } of dispatches) {
          // Arrays with a number per parameter; an array bound under one name is read and written under it.
          const large = Object.entries(dispatch.bind).filter(([, bound]) => bound.view.bytes >= 4 * count);
          expect(large.length).toBeGreaterThan(0);
          const accesses = memoryAccesses(foldBranches(source));
          for (const [name, bound] of large) {
            const { loads, stores } = accesses(name);
            moved += (loads + stores) * (bound.view.bytes / count);
          }
        }
        expect(moved).toBeGreaterThan(0);
        expect(moved).toBeLessThanOrEqual(bytes);
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});

test.each(table)("$mode, momentum $momentum: $arrays arrays are bound", ({ mode, momentum, arrays }) => {
  const n = 100 * SEGMENT;
  using run = new Updates([randomArray(n)], { lr: 0.1, momentum, mode });
  using step = captureStep(() => {
    for (const p of run.params) p.gradArrived = true;
    run.sgd.step();
    return {};
  });
  step.run({});
  const bytes = step.describe().reduce((sum, command) => sum + command.bytes, 0);
  expect(bytes).toBeGreaterThanOrEqual(4 * arrays * n);
  // The tables of segments and layers are below 3 % of one array.
  expect(bytes).toBeLessThan(4 * (arrays + 0.03) * n);
});

test.each(["latent", "effective"] as const)(
  "latent never reads W, with decay on the %s weight",
  async (decayTarget) => {
    // A step over weights that are not numbers: the same bits, and the same counts of what was pruned.
    const results = [];
    const options = { lr: 0.1, momentum: 0.9, weightDecay: 1e-3, decayTarget, mode: "latent" } as const;
    for (const poison of [false, true]) {
      using run = new Updates([randomArray(2000, 5)], options);
      if (poison) run.params[0]?.set(new Float32Array(2000).fill(Number.NaN));
      run.step([randomArray(2000, 6)], { threshold: 0.2, thresholdNext: 0.3 });
      const [w, theta] = [(await run.weights())[0], (await run.stored())[0]] as Float32Array[];
      const [counts] = await run.sgd.counts();
      expect(counts?.pruned).toBeGreaterThan(0);
      const numbers = [counts?.nonzero, counts?.pruned, counts?.regrown];
      results.push([bitsOf(w!), bitsOf(theta!), numbers]);
    }
    expect(results[1]).toEqual(results[0]);
  },
);
