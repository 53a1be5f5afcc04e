// Sessions that train on by sparse kernels once zeros stay zero: the result of the dense kernels up to the order of sums, the same bits
// after a resume, and dense kernels after the run.
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Linear } from "../../src/nn/index.ts";
import type { PruneConfig } from "../../src/prune/index.ts";
import type { HostArray } from "../../src/tensor/index.ts";
import { type CheckpointReason, type RunPosition, Session } from "../../src/train/index.ts";
import { expectResumable } from "../prune/methods/resumed.ts";
import { expectClose } from "../support/close.ts";
import { testHalf } from "../support/half.ts";
import {
  differing,
  finish,
  type TinyMore,
  type TinyPrune,
  tensorOf,
  tinyConfig,
  tinyRun,
  tinySession,
} from "../support/tiny_session.ts";

const WEIGHTS = ["0.weight", "3.weight", "7.weight", "9.weight"];

const early: TinyPrune = {
  ...{ group: "block8", groupSparsity: 0.6, steer: "threshold", freezeEpoch: 1 },
  ...{ kernels: "block", dense: ["last"] },
};
const oneShot: TinyPrune = { method: "one-shot", schedule: "none", group: "block4", sparsity: 0.6, kernels: "block" };
const cases: readonly (readonly [string, TinyPrune, TinyMore])[] = [
  ["early", early, {}],
  ["early, by rule", { ...early, kernels: "auto" }, {}],
  ["early, micro-batches", early, { microBatch: 8 }],
  ["early, in place", { ...early, groupSparsity: undefined, threshold: 0.06, mode: "inplace", steer: undefined }, {}],
  ["early in mid-epoch", { ...early, freezeEpoch: 1.4 }, {}],
  ["at-init", { method: "at-init", group: "block8", groupSparsity: 0.5, kernels: "block" }, {}],
  ["snip", { method: "snip", schedule: "none", group: "block4", sparsity: 0.5, kernels: "block" }, {}],
  ["one-shot", { ...oneShot, startEpoch: 1 }, {}],
  ["fine-tuning", { ...early, freezeEpoch: undefined }, { epochs: 2, finetuneEpochs: 2 }],
  ["gmp", { ...oneShot, method: "gmp", every: 3 }, {}],
  ["imp", { ...oneShot, method: "imp", rounds: 1, rewindEpoch: 0 }, {}],
  ["early, compacted", { ...early, groupSparsity: 0.8, compact: true }, {}],
];

test.each(cases)(
  "%s: a run that resumes before or after the change ends with the same bits",
  async (_, prune, more) => {
    await expectResumable({ name: "", prune, more, at: [4, 5, 8, 12], ends: [0.01, 0.99] });
  },
);

test("Adam, and learned thresholds: the same bits from a checkpoint", async () => {
  const adam: TinyMore = { optimizer: { name: "adam" }, momentum: 0, lr: { schedule: "constant", base: 0.01 } };
  const str: TinyPrune = {
    ...{ method: "str", schedule: "none", group: "block8", str: { start: -3, decay: 0.05 } },
    ...{ freezeEpoch: 1, kernels: "block" },
  };
  for (const [prune, more] of [
    [early, adam],
    [str, {}],
  ] as const) {
    const { saved, bytes, epochs } = await tinyRun(prune, more, 4);
    expect(epochs.at(-1)!.sparseLayers).toBeGreaterThan(0);
    const session = tinySession(prune, more);
    session.load(saved.get(8)!.bytes, "checkpoint");
    expect(differing((await finish(session)).bytes, bytes)).toEqual([]);
  }
});

testHalf("early, f16: a run that resumes before or after the change ends with the same bits", async () => {
  await expectResumable({ name: "", prune: early, more: { precision: "f16" }, at: [4, 8, 12], ends: [0.01, 0.99] });
});

/** Train by sparse and by dense kernels. */
const both = async (prune: TinyPrune, more: TinyMore = {}) =>
  [await tinyRun(prune, more), await tinyRun({ ...prune, kernels: undefined }, more)] as const;

test.each([cases[0]!, cases[5]!, cases[7]!])(
  "%s: the result is that of the dense kernels, up to the order of sums",
  async (_, prune, more) => {
    const [sparse, dense] = await both(prune, more);
    expect(differing(sparse.bytes, dense.bytes)).not.toEqual([]);
    for (const name of WEIGHTS) {
      const [a, b] = [sparse, dense].map(({ bytes }) => tensorOf(bytes, `model.${name}`)) as [
        Float32Array,
        Float32Array,
      ];
      expect(a.map((v) => Number(v === 0))).toEqual(b.map((v) => Number(v === 0)));
      expectClose(a, b, { atol: 2e-4, rtol: 1e-3 });
    }
    for (const [i, epoch] of sparse.epochs.entries()) {
      expect(epoch.sparsity).toBe(dense.epochs[i]!.sparsity);
      expect(epoch.testAccuracy).toBeCloseTo(dense.epochs[i]!.testAccuracy, 1);
    }
  },
);

test("kernels change after the epoch of the freeze, and records count the layers", async () => {
  const [sparse, dense] = await both(early);
  const layers = sparse.epochs.map(({ sparseLayers }) => sparseLayers);
  expect(layers[0]).toBe(0);
  expect(layers[1]).toBeGreaterThan(0);
  expect(layers[1]).toBeLessThanOrEqual(3); // without the last layer
  expect(layers.slice(2)).toEqual([layers[1], layers[1]]);
  expect(dense.epochs[0]).not.toHaveProperty("sparseLayers");
  expect(sparse.epochs[0]!.loss).toBe(dense.epochs[0]!.loss);
});

/** True if a layer of the model has another forward pass than its class. */
const isReplaced = ({ model }: Session) => [...model.namedModules()].some(([, m]) => Object.hasOwn(m, "forward"));

test("the model has its dense kernels before and after the run, also of a run that stops", async () => {
  const session = tinySession(early);
  const stop = new AbortController();
  const seen: boolean[] = [];
  const onCheckpoint = async ({ epoch }: RunPosition, reason: CheckpointReason) => {
    if (reason !== "epoch") return;
    seen.push(isReplaced(session));
    if (epoch === 2) stop.abort();
  };
  expect(isReplaced(session)).toBe(false);
  await session.fit({ signal: stop.signal, onCheckpoint });
  expect(isReplaced(session)).toBe(false);
  await session.fit({ onCheckpoint });
  expect(seen).toEqual([true, true, true, true]);
  expect(isReplaced(session)).toBe(false);
  const bytes = await session.save();
  session.dispose();
  expect(differing(bytes, (await tinyRun(early)).bytes)).toEqual([]);
});

test("runs free their tables: by blocks, in micro-batches, compacted", async () => {
  const runs = [cases[0]!, cases[2]!, cases.at(-1)!];
  // Some memory of the device is made once.
  for (const [, prune, more] of runs) await tinyRun(prune, more);
  const { live } = currentGpu().memory();
  for (const [, prune, more] of runs) await tinyRun(prune, more);
  expect(currentGpu().memory().live).toBe(live);
});

test("a session that is disposed while it trains frees its tables", async () => {
  const { live } = currentGpu().memory();
  const session = tinySession(early);
  const onCheckpoint = async ({ epoch }: RunPosition) => {
    if (epoch === 2) session.dispose();
  };
  await expect(session.fit({ onCheckpoint })).rejects.toThrow("the session was disposed while it trained");
  expect(currentGpu().memory().live).toBe(live);
});

test("the setting may change at a resume", async () => {
  const { saved } = await tinyRun({ ...early, kernels: undefined });
  const session = tinySession(early);
  session.load(saved.get(10)!.bytes, "dense");
  const { epochs } = await finish(session);
  expect(epochs[0]!.sparseLayers).toBeGreaterThan(0);
});

/** Make a session of method masked with the zeros of a run, and dead filters if it compacts. */
async function maskedSession(prune: TinyPrune): Promise<Session> {
  const pruned = await tinyRun({ ...oneShot, kernels: "dense" });
  const session = tinySession({ method: "masked", schedule: "none", ...prune });
  const state = [...session.model.namedState()].map(([name, { shape }]): [string, HostArray] => {
    const data = tensorOf(pruned.bytes, `model.${name}`).slice();
    if (prune.compact && name === "3.weight") data.fill(0, 0, 2 * 54);
    if (prune.compact && name === "4.bias") data.fill(-0.1, 0, 2);
    return [name, { data, shape }];
  });
  session.model.loadStateDict(new Map(state));
  return session;
}

test("kernels of loaded weights: method masked", async () => {
  const { epochs } = await finish(await maskedSession({ kernels: "block" }));
  expect(epochs.map(({ sparseLayers }) => sparseLayers! > 0)).toEqual([true, true, true, true]);
});

test("compaction comes first, and the kernels are those of the smaller layers", async () => {
  const prune: TinyPrune = { kernels: "block", compact: true };
  const { saved, bytes, epochs } = await finish(await maskedSession(prune), 4);
  expect(epochs.map(({ multiplyAdds }) => multiplyAdds! < 1)).toEqual([false, true, true, true]);
  expect(epochs[1]!.sparseLayers).toBeGreaterThan(0);
  const dense = await finish(await maskedSession({ compact: true }));
  for (const name of WEIGHTS)
    expectClose(tensorOf(bytes, `model.${name}`), tensorOf(dense.bytes, `model.${name}`), { atol: 2e-4, rtol: 1e-3 });
  for (const step of [4, 8, 10]) {
    const session = tinySession({ method: "masked", schedule: "none", ...prune });
    session.load(saved.get(step)!.bytes, "checkpoint");
    expect(differing((await finish(session)).bytes, bytes), `resumed at step ${step}`).toEqual([]);
  }
});

test.each<readonly [Partial<PruneConfig>, string]>([
  [
    { threshold: 0.1, group: "block8" },
    "kernels: expected zeros that are final an epoch before the end, such as with freezeEpoch, got method lats block8",
  ],
  [
    { threshold: 0.1, group: "block8", freezeEpoch: 4 },
    "kernels: expected zeros that are final an epoch before the end",
  ],
  [{ threshold: 0.1, group: "filter", freezeEpoch: 1 }, "kernels is for pruning by groups block8 and block4"],
  [
    { threshold: 0.1, freezeEpoch: 1 },
    "kernels is for pruning by groups block8 and block4, and method masked: expected",
  ],
  [{ schedule: "none" }, "kernels is for pruning by groups block8 and block4"],
  [{ method: "ltp", schedule: "none", freezeEpoch: 1 }, "kernels is for pruning by groups block8 and block4"],
])("refuses kernels with %j", (prune, problem) => {
  expect(() => tinySession({ ...prune, kernels: "block" })).toThrow(problem);
  expect(() => tinySession({ ...prune, kernels: "dense" }).dispose()).not.toThrow();
});

test("refuses other names, and kernels beside own methods and thresholds without groups", () => {
  expect(() => tinySession({ ...early, kernels: "csr" as never })).toThrow(
    "kernels: expected one of dense, auto, block, got csr",
  );
  const model = new Linear(1, 2);
  const config = tinyConfig({ schedule: "none", kernels: "auto" }, { augment: { crop: 0, flip: false } });
  const data = { x: [[1]], y: [0] };
  expect(() => new Session({ model, data, config, schedule: { threshold: (p) => p } })).toThrow(
    "kernels: expected dense without groups block8 and block4, got auto",
  );
  model.dispose();
});
