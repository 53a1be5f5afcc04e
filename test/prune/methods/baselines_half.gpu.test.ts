// The baselines in precision f16: the same shares, the same bits replayed and resumed.
import { expect } from "vitest";
import { testHalf } from "../../support/half.ts";
import { TINY_WEIGHTS, type TinyPrune, tinyRun, zerosOf } from "../../support/tiny_session.ts";
import { expectResumable } from "./resumed.ts";

const half = { precision: "f16" } as const;
const sum = (zeros: Record<string, number>) => Object.values(zeros).reduce((a, b) => a + b, 0);

const cuts: readonly TinyPrune[] = [
  { method: "gmp", scope: "global" },
  { method: "one-shot", scope: "erk" },
  { method: "imp", rounds: 2 },
  { method: "synflow", rounds: 10 },
];
for (const prune of cuts) {
  testHalf(`${prune.method} ends with the share of f32`, async () => {
    const { bytes } = await tinyRun({ ...prune, sparsity: 0.8 }, half);
    expect(sum(zerosOf(bytes))).toBe(Math.floor(0.8 * TINY_WEIGHTS));
  });
}

testHalf("the mask of synflow is that of f32", async () => {
  const prune = { method: "synflow", rounds: 10, sparsity: 0.8 } as const;
  const [one, other] = [await tinyRun(prune, { epochs: 1 }), await tinyRun(prune, { epochs: 1, ...half })];
  expect(zerosOf(other.bytes)).toEqual(zerosOf(one.bytes));
});

testHalf("imp, grad-r and the true gradient resume with the same bits", async () => {
  const cases = [
    { name: "imp", prune: { method: "imp", sparsity: 0.8, rounds: 2 }, at: [8, 10, 12] },
    { name: "grad-r", prune: { method: "grad-r", threshold: 0.03, shrink: 0.2 }, at: [8] },
    { name: "true", prune: { threshold: 0.1, gradient: "true" }, at: [8] },
  ] as const;
  for (const c of cases) await expectResumable({ ...c, more: half });
});
