// Masks before the first step: number and choice of pruned weights, and a start from the initial weights.
import { expect, test } from "vitest";
import { parseSafetensors } from "../../../src/io/index.ts";
import {
  finish,
  keysOf,
  sameBits,
  sparsityIn,
  TINY_LAYERS,
  TINY_WEIGHTS,
  type TinyMore,
  type TinyPrune,
  type TinyRun,
  tensorOf,
  tinyRun,
  tinySession,
  zerosOf,
} from "../../support/tiny_session.ts";

const layers = Object.keys(TINY_LAYERS);
const start = { step: 0, epoch: 0, batch: 0 };

/** A run with its state before and right after the method's preparation. */
async function prepared(
  prune: TinyPrune,
  more: TinyMore = {},
): Promise<{ initial: Uint8Array; ready: Uint8Array; run: TinyRun }> {
  const session = tinySession(prune, more);
  const initial = await session.save(start);
  let ready = initial;
  const { method } = session;
  const own = method.prepare;
  method.prepare = async (run) => {
    await own?.(run);
    ready = await session.save(start);
  };
  return { run: await finish(session), initial, ready };
}

const zeroPlaces = (bytes: Uint8Array, name: string): number[] =>
  [...tensorOf(bytes, `model.${name}`).entries()].filter(([, v]) => v === 0).map(([i]) => i);

/** Expect the initial bits of survivors, and no other trace of the preparation. */
function expectBeginning(initial: Uint8Array, ready: Uint8Array): void {
  for (const key of keysOf(ready)) {
    if (key.startsWith("counts.")) {
      expect([...(parseSafetensors(ready).tensors.get(key)!.data as Uint32Array)].every((n) => n === 0)).toBe(true);
      continue;
    }
    const now = tensorOf(ready, key);
    const name = key.slice(key.indexOf(".") + 1);
    if (key.startsWith("momentum."))
      expect(
        now.every((v) => v === 0),
        key,
      ).toBe(true);
    else if (!layers.includes(name)) expect(sameBits(now, tensorOf(initial, key)), key).toBe(true);
    else {
      const first = tensorOf(initial, key);
      now.forEach((v, i) => {
        if (v !== 0 && !Object.is(v, first[i])) expect(v, `${key}[${i}]`).toBe(first[i]);
      });
      expect(first.every((v) => v !== 0)).toBe(true);
    }
  }
}

/** Expect the initial mask in every record and checkpoint, and trained survivors. */
function expectKept(ready: Uint8Array, run: TinyRun): void {
  for (const name of layers) {
    const places = zeroPlaces(ready, name);
    for (const { bytes } of run.saved.values()) expect(zeroPlaces(bytes, name)).toEqual(places);
    expect(tensorOf(run.bytes, `model.${name}`)).not.toEqual(tensorOf(ready, `model.${name}`));
  }
  for (const { sparsity, pruned, regrown, changes } of run.epochs) {
    expect(sparsity).toBe(sparsityIn(ready));
    expect({ pruned, regrown, changes }).toEqual({ pruned: 0, regrown: 0, changes: 0 });
  }
  for (const { sparsity } of run.steps) expect(sparsity).toBeCloseTo(sparsityIn(ready), 12);
}

const methods: readonly { readonly name: string; readonly prune: TinyPrune }[] = [
  { name: "snip", prune: { method: "snip", sparsity: 0.85 } },
  { name: "snip of many batches", prune: { method: "snip", sparsity: 0.85, snipBatches: 7 } },
  { name: "grasp", prune: { method: "grasp", sparsity: 0.85 } },
  { name: "synflow", prune: { method: "synflow", sparsity: 0.85 } },
  { name: "random", prune: { method: "random", sparsity: 0.85 } },
  { name: "random over all layers", prune: { method: "random", sparsity: 0.85, scope: "global" } },
  { name: "one-shot", prune: { method: "one-shot", sparsity: 0.85 } },
  { name: "at-init, threshold", prune: { method: "at-init", threshold: 0.1 } },
  { name: "at-init, pgh", prune: { method: "at-init", schedule: "pgh-general", beta: 0.1, threshold: 0.1 } },
  { name: "at-init, lambda", prune: { method: "at-init", lambda: 0.1, initEpochs: 2 } },
  { name: "at-init, target", prune: { method: "at-init", sparsity: 0.85, initEpochs: 1.4 } },
];
test.each(methods)("$name: survivors start from their initial bits, and the mask stays", async ({ prune }) => {
  const { initial, ready, run } = await prepared(prune);
  expect(sparsityIn(ready)).toBeGreaterThan(0.3);
  expect(sparsityIn(ready)).toBeLessThan(0.95);
  expectBeginning(initial, ready);
  expectKept(ready, run);
});

const targets = [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98] as const;

test.each(targets)("snip to %d: exact in total", async (sparsity) => {
  const { bytes } = await tinyRun({ method: "snip", sparsity }, { epochs: 1 });
  const zeros = Object.values(zerosOf(bytes)).reduce((a, b) => a + b, 0);
  expect(zeros).toBe(Math.floor(sparsity * TINY_WEIGHTS));
  const spared = await tinyRun({ method: "snip", sparsity: sparsity / 2, dense: ["9"] }, { epochs: 1 });
  expect(Object.values(zerosOf(spared.bytes)).reduce((a, b) => a + b, 0)).toBe(
    Math.floor((sparsity / 2) * TINY_WEIGHTS),
  );
  expect(zerosOf(spared.bytes)["9.weight"]).toBe(0);
});

test.each(targets)("random to %d: exact in each layer", async (sparsity) => {
  const { bytes } = await tinyRun({ method: "random", sparsity }, { epochs: 1 });
  const want = Object.entries(TINY_LAYERS).map(([name, n]) => [name, Math.floor(sparsity * n)]);
  expect(zerosOf(bytes)).toEqual(Object.fromEntries(want));
});

test("snip keeps the weights whose product with their gradient is large", async () => {
  // Momentum after one dense step is the gradient of the first batch at the first weights.
  const more = { weightDecay: 0 };
  const dense = await tinyRun({ schedule: "none" }, { ...more, epochs: 1 }, 1);
  const { initial, ready } = await prepared({ method: "snip", sparsity: 0.7, snipBatches: 1 }, more);
  const scores = layers.flatMap((name) => {
    const gradient = tensorOf(dense.saved.get(1)!.bytes, `momentum.${name}`);
    return [...tensorOf(initial, `model.${name}`)].map((w, i) => ({ name, i, score: Math.abs(w * gradient[i]!) }));
  });
  const gone = scores.sort((a, b) => a.score - b.score).slice(0, Math.floor(0.7 * TINY_WEIGHTS));
  for (const name of layers) {
    const want = gone.filter((s) => s.name === name).map((s) => s.i);
    expect(zeroPlaces(ready, name), name).toEqual(want.sort((a, b) => a - b));
  }
});

test("random masks are a function of the seed, and differ between layers", async () => {
  const prune = { method: "random", sparsity: 0.5 } as const;
  const places = async (more: TinyMore) => {
    const { bytes } = await tinyRun(prune, { epochs: 1, ...more });
    return layers.map((name) => zeroPlaces(bytes, name));
  };
  const first = await places({});
  expect(await places({ lr: { schedule: "constant", base: 0.01 }, batchSize: 24 })).toEqual(first);
  const other = await places({ seed: 6 });
  for (const [k, name] of layers.entries()) expect(other[k], name).not.toEqual(first[k]);
  const inner = (k: number) => first[k]!.filter((i) => i < 54);
  expect(inner(1)).not.toEqual(inner(0));
});

test("at-init equals masked training of the initial weights, to the bit", async () => {
  const { initial, ready, run } = await prepared({ method: "at-init", threshold: 0.1 });
  const session = tinySession({ method: "masked" });
  const state = await session.model.stateDict();
  for (const [name, { data }] of state) {
    expect(sameBits(data, tensorOf(initial, `model.${name}`))).toBe(true);
    data.set(tensorOf(ready, `model.${name}`));
  }
  session.model.loadStateDict(state);
  const masked = await finish(session);
  for (const key of keysOf(masked.bytes).filter((k) => /^(model|momentum)\./.test(k))) {
    expect(sameBits(tensorOf(masked.bytes, key), tensorOf(run.bytes, key)), key).toBe(true);
  }
  expect(masked.epochs.map((e) => e.testLoss)).toEqual(run.epochs.map((e) => e.testLoss));
});

test("at-init searches with the settings of the schedule: a longer search under the same lambda finds more", async () => {
  const found = async (initEpochs: number) =>
    sparsityIn((await prepared({ method: "at-init", lambda: 0.3, initEpochs })).ready);
  const [short, long] = [await found(0.6), await found(2)];
  expect(long).toBeGreaterThan(short);
});

test("masked keeps exactly the zeros of the loaded weights", async () => {
  const sparse = tinySession({ method: "one-shot", sparsity: 0.7 });
  await sparse.fit();
  const state = await sparse.weights();
  sparse.dispose();
  // One layer is whole, one has a single weight left.
  const fc = state.get("9.weight")!.data;
  fc.forEach((_, i) => {
    fc[i] = 0.1 * (1 + (i % 7));
  });
  state.get("0.weight")!.data.fill(0, 1);
  state.get("0.weight")!.data[0] = 0.5;
  const session = tinySession({ method: "masked" }, { seed: 8 });
  session.model.loadStateDict(state);
  const run = await finish(session);
  for (const [name, { data }] of state) {
    if (!layers.includes(name)) continue;
    const after = tensorOf(run.bytes, `model.${name}`);
    expect([...after].map((v) => v === 0)).toEqual([...data].map((v) => v === 0));
    expect([...after]).not.toEqual([...data]);
    expect([...after].some((v) => Object.is(v, -0))).toBe(false);
  }
  expect(zerosOf(run.bytes)).toMatchObject({ "0.weight": 53, "9.weight": 0 });
  for (const { pruned, regrown, changes, layers: rows } of run.epochs) {
    expect({ pruned, regrown, changes }).toEqual({ pruned: 0, regrown: 0, changes: 0 });
    for (const { iou } of rows) expect(iou).toBe(1);
  }
});
