// The end of pruning before the end of the run: early pruning (freezeEpoch) and fine-tuning (finetuneEpochs). After it
// zeros stay zero, no weight regrows, and the first tested network is the one at the end of pruning.
import { expect, test } from "vitest";
import type { RunRecord } from "../../../src/train/index.ts";
import { type TinyPrune, type TinyRun, tensorOf, tinyRun, zerosOf } from "../../support/tiny_session.ts";

const threshold = 0.08;
const str = { start: -4, decay: 0.05 };
const ltp = { l0: 5, temperature: 0.05 };
const methods: readonly { readonly name: string; readonly prune: TinyPrune }[] = [
  { name: "lats", prune: { threshold } },
  { name: "linear", prune: { schedule: "linear", threshold } },
  { name: "pgh-general", prune: { schedule: "pgh-general", beta: 0.1, threshold } },
  { name: "constant", prune: { schedule: "constant", threshold } },
  { name: "target", prune: { sparsity: 0.8 } },
  { name: "inplace", prune: { mode: "inplace", threshold } },
  { name: "accelerated", prune: { mode: "inplace", accelerated: true, threshold } },
  { name: "str", prune: { method: "str", str } },
  { name: "ltp", prune: { method: "ltp", ltp } },
  { name: "gmp", prune: { method: "gmp", sparsity: 0.8, every: 2 } },
  { name: "gmp, global", prune: { method: "gmp", sparsity: 0.8, every: 2, scope: "global" } },
  { name: "grad-r", prune: { method: "grad-r", threshold: 0.03, shrink: 0.3 } },
  { name: "one-shot", prune: { method: "one-shot", sparsity: 0.8, startEpoch: 1 } },
];

/** Remove from a record its time and the weights that the bake discards. */
function visible(record: RunRecord): object {
  if (record.kind === "step") return record;
  const layers = record.layers.map(({ hiddenMean: _mean, hiddenMax: _max, ...layer }) => layer);
  return { ...record, layers, seconds: 0 };
}

/** Expect the masks of all later epochs to equal that of `frozen`, and weights that still move. */
function expectFrozen(run: TinyRun, frozen: number): void {
  const then = run.epochs[frozen - 1]!;
  expect(then.sparsity).toBeGreaterThan(0);
  const after = run.epochs.slice(frozen);
  expect(after.length).toBeGreaterThan(0);
  for (const { sparsity, pruned, regrown, changes, layers, threshold: d } of after) {
    expect({ pruned, regrown, changes, sparsity }).toEqual({
      pruned: 0,
      regrown: 0,
      changes: 0,
      sparsity: then.sparsity,
    });
    expect(layers.map((l) => l.zeros)).toEqual(then.layers.map((l) => l.zeros));
    expect(layers.map((l) => l.iou)).toEqual(layers.map(() => 1));
    expect(d).toBe(then.threshold);
  }
  const end = run.saved.get(then.step)!.bytes;
  for (const { bytes } of [...run.saved.values()].filter((s) => s.position.step > then.step)) {
    expect(zerosOf(bytes)).toEqual(zerosOf(end));
    for (const name of Object.keys(zerosOf(bytes))) {
      const [w, v] = [tensorOf(bytes, `model.${name}`), tensorOf(end, `model.${name}`)];
      expect([...w].map((x) => x === 0)).toEqual([...v].map((x) => x === 0));
      expect([...w]).not.toEqual([...v]);
    }
  }
  for (const s of run.steps.filter((r) => r.step > then.step)) {
    expect(s.sparsity).toBeCloseTo(then.sparsity, 12);
    expect([s.lambda, s.lambdaEffective, s.lambdaDecay, s.lambdaTotal]).toEqual([0, 0, 0, 0]);
  }
}

test.each(methods)("$name, early: masks stay from the freeze on", async ({ name, prune }) => {
  // A single cut needs no freeze: nothing changes after it.
  const run = await tinyRun(prune.method === "one-shot" ? prune : { ...prune, freezeEpoch: 2 });
  expectFrozen(run, 2);
  if (name === "lats") expect(run.epochs.at(-1)!.threshold).toBe(threshold);
});

test("ltp freezes after two thirds of the epochs by default", async () => {
  const run = await tinyRun({ method: "ltp", ltp }, { epochs: 6 });
  expectFrozen(run, 4);
  const late = await tinyRun({ method: "ltp", ltp, startEpoch: 3 }, { epochs: 6 });
  expectFrozen(late, 5);
});

test.each(
  methods.filter(({ prune: p }) => (p.method ?? "soft") === "soft" && p.schedule !== "constant" && !p.sparsity),
)("$name, early: the freeze leaves the forward pass as it was", async ({ prune }) => {
  const frozen = await tinyRun({ ...prune, freezeEpoch: 2 });
  // The same thresholds until then, and no freeze.
  const open = await tinyRun({ ...prune, window: 2 });
  const said = (r: TinyRun) => r.records.filter((x) => x.step <= 10).map(visible);
  expect(said(frozen)).toEqual(said(open));
  expect(frozen.epochs[2]!.testLoss).not.toBe(open.epochs[2]!.testLoss);
});

test.each([
  { name: "latent", prune: {} },
  { name: "inplace", prune: { mode: "inplace" } },
  { name: "accelerated", prune: { mode: "inplace", accelerated: true } },
] as const)("$name: in the middle of an epoch, the freeze counts from its step", async ({ prune }) => {
  const run = await tinyRun({ ...prune, threshold, freezeEpoch: 1.6 }, {}, 1);
  const zeros = zerosOf(run.saved.get(8)!.bytes);
  for (let step = 9; step <= 20; step++) expect(zerosOf(run.saved.get(step)!.bytes)).toEqual(zeros);
  expect(zerosOf(run.saved.get(6)!.bytes)).not.toEqual(zeros);
});

test("a freeze at the end of the run has no effect", async () => {
  const none = await tinyRun({ threshold });
  const at = await tinyRun({ threshold, freezeEpoch: 4 });
  expect(at.epochs.map((e) => e.testLoss)).toEqual(none.epochs.map((e) => e.testLoss));
});

test.each(methods)("$name, fine-tuned: the epoch before it has the result without fine-tuning", async ({ prune }) => {
  const more = { epochs: 3 };
  const plain = await tinyRun(prune, more);
  const tuned = await tinyRun(prune, { ...more, finetuneEpochs: 2 });
  expect(tuned.epochs.map((e) => e.epoch)).toEqual([1, 2, 3, 4, 5]);
  const said = (r: TinyRun) => r.records.filter((x) => x.step <= 15).map(visible);
  expect(said(tuned)).toEqual(said(plain));
  expectFrozen(tuned, 3);
  const rates = tuned.steps.map((s) => s.lr);
  expect(rates.slice(0, 15)).toEqual(plain.steps.map((s) => s.lr));
  expect(rates.slice(15)).toEqual(Array.from({ length: 10 }, () => 0.05 * 0.01));
});
