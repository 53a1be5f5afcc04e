import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { sparseGroupSoftThreshold } from "../../src/ops/sparse_group_soft_threshold.ts";
import { captureStep, Scope, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { proxOfGroup, sparseGroup } from "../reference/sparse_group.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

type Groups = "block" | "filter" | "all";

/** Return the groups of [outputs, inner] as lists of indices. */
function groupsOf(groups: Groups, outputs: number, inner: number, block: number): number[][] {
  const all = Array.from({ length: outputs * inner }, (_, i) => i);
  const key = (i: number) => {
    const o = Math.floor(i / inner);
    return groups === "all" ? 0 : groups === "filter" ? o : Math.floor(o / block) * inner + (i % inner);
  };
  const lists = new Map<number, number[]>();
  for (const i of all) lists.set(key(i), [...(lists.get(key(i)) ?? []), i]);
  return [...lists.values()];
}

const kinds = ["block", "filter", "all"] as const;

test.each(kinds)("%s: equals float64 for any shape and block, with both thresholds", async (groups) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 140 }),
      fc.integer({ min: 1, max: 11 }),
      fc.constantFrom([0, 0.2], [0.15, 0], [0.1, 0.12], [0, 0]),
      fc.nat(1e6),
      async (outputs, inner, block, [d1, d2], seed) => {
        using _scope = new Scope();
        const x = randomArray(outputs * inner, seed, 0.5);
        const options = { groups, ...(groups === "block" ? { block } : {}) };
        const y = await sparseGroupSoftThreshold(tensor(x, [outputs, inner]), scalar(d1!), scalar(d2!), options).data();
        const exact = [d1!, d2!].map(Math.fround) as [number, number];
        expectClose(y, sparseGroup(x, groupsOf(groups, outputs, inner, block), ...exact), { rtol: 2e-6, atol: 1e-6 });
        expect([...y].some((v) => Object.is(v, -0))).toBe(false);
        if (d1 === 0 && d2 === 0) expect(y).toEqual(x);
      },
    ),
    { numRuns: 12 },
  );
});

test.each(kinds)("%s: the gradient is that of the formula", async (groups) => {
  const data = randomArray(11 * 6, 5, 1).map((v) => (Math.abs(Math.abs(v) - 0.2) < 0.02 ? 0.5 : v));
  const lists = groupsOf(groups, 11, 6, 4);
  // Away from the kink of a group, and some groups pruned.
  const d2 = groups === "block" ? 0.35 : 0.3;
  for (const list of lists) {
    const norm = Math.hypot(...list.map((i) => Math.max(Math.abs(data[i]!) - 0.2, 0)));
    if (Math.abs(norm - d2 * Math.sqrt(list.length)) < 0.02) for (const i of list) data[i] = 0.05;
  }
  const [d1f, d2f] = [Math.fround(0.2), Math.fround(d2)];
  await gradcheck({
    inputs: { x: { data, shape: [11, 6] } },
    op: ({ x }) =>
      sparseGroupSoftThreshold(x!, scalar(0.2), scalar(d2), groups === "block" ? { groups, block: 4 } : { groups }),
    reference: ({ x }) => sparseGroup(x!, lists, d1f, d2f),
    samples: 66,
  });
});

test("straight-through passes every gradient", async () => {
  using _scope = new Scope();
  const t = tensor([[0.3], [-0.2], [1], [-2]]);
  t.requiresGrad = true;
  {
    using tape = new Tape();
    const y = tape.keep(sparseGroupSoftThreshold(t, scalar(0.1), scalar(5), { straightThrough: true }));
    tape.backward(y, tensor([[1], [2], [3], [4]]));
    expect([...(await y.data())]).toEqual([0, 0, 0, 0]);
  }
  expect([...(await t.grad!.data())]).toEqual([1, 2, 3, 4]);
  t.grad!.dispose();
});

test("is the point of least cost of the proximal problem: no move lowers it in float64", () => {
  const cost = (y: readonly number[], x: readonly number[], d1: number, d2: number) =>
    y.reduce((sum, v, i) => sum + 0.5 * (v - x[i]!) ** 2 + d1 * Math.abs(v), 0) +
    d2 * Math.sqrt(y.length) * Math.hypot(...y);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 0, max: 60 }),
      (whole, a, b) => {
        const [x, d1, d2] = [whole.map((v) => v / 50), a / 50, b / 50];
        const y = proxOfGroup(x, d1, d2);
        const best = cost(y, x, d1, d2);
        // The cost is strictly convex: no move along an axis, to zero, or along the group lowers it.
        for (const step of [1e-1, 1e-3, 1e-5]) {
          for (const sign of [1, -1]) {
            x.forEach((_, i) => {
              const moved = y.map((v, j) => (i === j ? v + sign * step : v));
              expect(cost(moved, x, d1, d2)).toBeGreaterThanOrEqual(best - 1e-14);
            });
            const scaled = y.map((v) => v * (1 + sign * step));
            expect(cost(scaled, x, d1, d2)).toBeGreaterThanOrEqual(best - 1e-14);
          }
          const towards = y.map((v, j) => v + step * (x[j]! - v));
          expect(cost(towards, x, d1, d2)).toBeGreaterThanOrEqual(best - 1e-14);
        }
        expect(
          cost(
            x.map(() => 0),
            x,
            d1,
            d2,
          ),
        ).toBeGreaterThanOrEqual(best - 1e-14);
      },
    ),
    { numRuns: 300 },
  );
});

test("the step for both thresholds is the group's after the weights'", async () => {
  using _scope = new Scope();
  const x = tensor(randomArray(24 * 9, 8), [24, 9]);
  for (const groups of kinds) {
    const first = sparseGroupSoftThreshold(x, scalar(0.2), scalar(0), { groups });
    const both = sparseGroupSoftThreshold(x, scalar(0.2), scalar(0.3), { groups });
    expect(await sparseGroupSoftThreshold(first, scalar(0), scalar(0.3), { groups }).data()).toEqual(await both.data());
  }
});

test("a replayed step sees new thresholds", async () => {
  using _scope = new Scope();
  const d = scalar(0.1);
  using step = captureStep(({ x }: { x: Tensor }) => ({ y: sparseGroupSoftThreshold(x, d, d) }));
  const input = { x: { data: randomArray(96, 2), shape: [12, 8] } };
  step.run(input);
  d.set(0.3);
  step.run(input);
  const want = await sparseGroupSoftThreshold(tensor(input.x.data, [12, 8]), scalar(0.3), scalar(0.3)).data();
  expect(await step.outputs.y.data()).toEqual(want);
});

test("refuses what it cannot divide", () => {
  using _scope = new Scope();
  const run = (options: object, x = tensor([[1], [2]])) => sparseGroupSoftThreshold(x, scalar(0), scalar(0), options);
  expect(() => run({ groups: "rows" })).toThrow("groups: expected block, filter, all, got rows");
  expect(() => run({ block: 0 })).toThrow("block: expected an integer >= 1, got 0");
  expect(() => run({}, scalar(1))).toThrow("expected x of one or more axes with groups block, got a scalar");
  expect(() => sparseGroupSoftThreshold(tensor([1]), tensor([1, 2]), scalar(0))).toThrow(
    "d1: expected one element, got 2",
  );
});
