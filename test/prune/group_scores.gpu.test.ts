// The thresholds at which groups become zero, against a bisection in float64.
import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { noteParts } from "../../src/optim/group_tables.ts";
import { SGD } from "../../src/optim/index.ts";
import { groupScores } from "../../src/prune/group_scores.ts";
import { MagnitudeSelect } from "../../src/prune/index.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { type GroupName, groupsOf, proxOfGroup } from "../reference/sparse_group.ts";
import { randomArray } from "../support/random.ts";

/** Return the least D at which all of the group is zero. */
function criticalOf(x: readonly number[], share: number): number {
  const isZero = (d: number) => proxOfGroup(x, (1 - share) * d, share * d).every((v) => v === 0);
  let [low, high] = [0, 1 + 2 * Math.max(...x.map(Math.abs)) * (share < 1 ? 1 / (1 - share) : 1) * Math.sqrt(x.length)];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (isZero(middle)) high = middle;
    else low = middle;
  }
  return high;
}

const layers = fc.array(
  fc.constantFrom<[Shape, number]>(
    [[13, 5], 1],
    [[12, 1, 3, 3], 12],
    [[20, 3, 1, 1], 2],
    [[10, 300], 1],
    [[3, 130], 1],
  ),
  { minLength: 1, maxLength: 3 },
);

test("are those of a bisection, of each group and of each weight, and their ranks select a threshold", async () => {
  await fc.assert(
    fc.asyncProperty(
      layers,
      fc.constantFrom<GroupName>("block8", "block4", "filter", "neuron"),
      fc.constantFrom(0, 0.25, 0.8, 1),
      fc.nat(1e6),
      async (list, group, groupShare, seed) => {
        const live = currentGpu().memory().live;
        const params = list.map(([shape, parts], k) => {
          const n = shape.reduce((a, b) => a * b, 1);
          const p = new Parameter(shape, () => randomArray(n, seed + k, 0.3), { prunable: true });
          noteParts(p, parts);
          return p;
        });
        const sgd = new SGD(params, { lr: 0.1, mode: "inplace" });
        const chunk = sgd.chunks[0]!;
        const want = list.map(([shape, parts], k) => {
          const x = params[k]!.initialValues();
          const groups = groupsOf(group, shape, parts);
          const single = group === "neuron" && shape.length !== 2;
          const weights = new Float64Array(x.length);
          const found = groups.map((members) => {
            const values = members.map((i) => x[i]!);
            const d = criticalOf(values, groupShare);
            for (const i of members)
              weights[i] = single ? Math.abs(x[i]!) : Math.min(d, Math.abs(x[i]!) / (1 - groupShare));
            return d;
          });
          return { weights, groups: single ? [] : found };
        });
        for (const per of ["weight", "group"] as const) {
          const arena = groupScores(chunk, { group, groupShare }, per);
          const expected = want.map((w) => [...(per === "weight" ? w.weights : w.groups)]);
          if (!arena) {
            expect(expected.flat()).toEqual([]);
            continue;
          }
          expect(arena.elements).toEqual(expected.map((e) => e.length).filter((n) => n > 0));
          const select = new MagnitudeSelect([arena], { scope: "all" });
          const all = expected.flat().sort((a, b) => a - b);
          const rank = Math.max(1, Math.round(0.6 * all.length));
          select.setRanks([rank]);
          select.run();
          const [got] = await select.thresholds.data();
          expect(Math.abs(got! / all[rank - 1]! - 1), `${per} ${group} ${groupShare}`).toBeLessThan(1e-5);
          const scores = await arena.values.data();
          let start = 0;
          for (const own of expected.filter((e) => e.length > 0)) {
            own.forEach((d, i) => {
              expect(Math.abs(scores[start + i]! - d)).toBeLessThan(1e-6 + 1e-5 * d);
            });
            start += Math.ceil(own.length / 1024) * 1024;
          }
          select.dispose();
        }
        sgd.dispose();
        for (const p of params) p.dispose();
        expect(currentGpu().memory().live).toBe(live);
      },
    ),
    { numRuns: 16 },
  );
});
