// Pruning without effect is dense training, to the last bit: a threshold of 0, the schedule none, masked training of a
// dense model, and every method before it begins.
import { expect, test } from "vitest";
import { bent } from "../../support/own_settings.ts";
import { keysOf, sameBits, type TinyMore, type TinyPrune, tensorOf, tinyRun } from "../../support/tiny_session.ts";

const options: readonly TinyMore[] = [
  { epochs: 2 },
  { epochs: 2, weightDecay: 0, momentum: 0 },
  { epochs: 2, weightDecay: 1e-3, nesterov: true, labelSmoothing: 0.1 },
];

/** Keys of weights, statistics and momentum that are not those of dense training. */
function unlike(bytes: Uint8Array, dense: Uint8Array): string[] {
  const keys = keysOf(dense).filter((key) => /^(model|momentum)\./.test(key));
  expect(keys.length).toBeGreaterThan(10);
  const differ = keys.filter((key) => !sameBits(tensorOf(bytes, key), tensorOf(dense, key)));
  // Where there are latent weights, they are the weights.
  const latents = keysOf(bytes).filter((key) => key.startsWith("latent."));
  const stray = latents.filter(
    (key) => !sameBits(tensorOf(bytes, key), tensorOf(bytes, key.replace("latent.", "model."))),
  );
  return [...differ, ...stray];
}

test.each(options)("D = 0, none and masked are dense training: %o", async (more) => {
  const dense = await tinyRun({ schedule: "none" }, more);
  expect(keysOf(dense.bytes).some((key) => key.startsWith("latent."))).toBe(false);
  const settings: TinyPrune[] = [
    ...(["lats", "pgh", "linear", "constant", "none"] as const).map((schedule) => ({
      schedule,
      threshold: 0,
      ...bent(schedule, 0.5),
    })),
    { threshold: 0, mode: "inplace" },
    { schedule: "linear", threshold: 0, mode: "inplace" },
    { lambda: 0 },
    { threshold: 0, freezeEpoch: 1 },
    { threshold: 0, mode: "inplace", freezeEpoch: 1.4 },
    { schedule: "none", threshold: 0, mode: "inplace" },
    { method: "masked" },
    { method: "at-init", threshold: 0 },
  ];
  for (const prune of settings) {
    const run = await tinyRun(prune, more);
    expect(unlike(run.bytes, dense.bytes), JSON.stringify(prune)).toEqual([]);
    expect(run.epochs.map((e) => [e.testLoss, e.sparsity])).toEqual(dense.epochs.map((e) => [e.testLoss, 0]));
  }
});

test("a threshold of a millionth differs from dense training", async () => {
  const dense = await tinyRun({ schedule: "none" }, { epochs: 2 });
  for (const mode of ["latent", "inplace"] as const) {
    const run = await tinyRun({ threshold: 1e-6, mode }, { epochs: 2 });
    expect(unlike(run.bytes, dense.bytes).length).toBeGreaterThan(3);
  }
});

test.each<{ name: string; prune: TinyPrune }>([
  { name: "latent", prune: { threshold: 0.08 } },
  { name: "inplace", prune: { threshold: 0.08, mode: "inplace" } },
  { name: "target", prune: { sparsity: 0.8 } },
  { name: "str", prune: { method: "str" } },
  { name: "ltp", prune: { method: "ltp" } },
  { name: "gmp", prune: { method: "gmp", sparsity: 0.8, every: 1 } },
  { name: "one-shot", prune: { method: "one-shot", sparsity: 0.8 } },
])("$name: before its start epoch it is dense training", async ({ prune }) => {
  const dense = await tinyRun({ schedule: "none" }, { epochs: 3 }, 3);
  const run = await tinyRun({ ...prune, startEpoch: 2 }, { epochs: 3 }, 3);
  // The checkpoint of step 10 holds what the next forward pass reads, and pruning has begun there for some.
  for (const step of [3, 5, 6, 9]) {
    expect(unlike(run.saved.get(step)!.bytes, dense.saved.get(step)!.bytes), `step ${step}`).toEqual([]);
  }
  expect(run.epochs[0]).toMatchObject({ sparsity: 0, testLoss: dense.epochs[0]!.testLoss });
  expect(unlike(run.bytes, dense.bytes).length).toBeGreaterThan(3);
});
