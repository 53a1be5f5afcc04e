// Sessions that remove dead channels between epochs: the same outputs, the same bits after a resume, records of the original network.
import { expect, test } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import type { StateDict } from "../../src/nn/index.ts";
import type { PruneConfig } from "../../src/prune/index.ts";
import { readAll, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import type { EpochRecord, RunPosition, Session } from "../../src/train/index.ts";
import { expectResumable } from "../prune/methods/resumed.ts";
import { expectClose } from "../support/close.ts";
import { testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";
import {
  differing,
  finish,
  TINY_WEIGHTS,
  type TinyMore,
  type TinyPrune,
  tensorOf,
  tinyModel,
  tinyRun,
  tinySession,
} from "../support/tiny_session.ts";

const masked: TinyPrune = { method: "masked", schedule: "none", compact: true };

/** Dead outputs by layer, with the layer of their biases. */
const DEAD: readonly (readonly [weight: string, bias: string, outputs: readonly number[]])[] = [
  ["0.weight", "1.bias", [1, 4]],
  ["3.weight", "4.bias", [0, 3, 5, 6, 11]],
  ["7.weight", "7.bias", [2, 3, 9, 20, 39]],
];

/** Kill filters and neurons: weights 0, and a bias below 0 before ReLU. */
function killed(state: StateDict): StateDict {
  for (const [weight, bias, outputs] of DEAD) {
    const { data, shape } = state.get(weight)!;
    const row = data.length / shape[0]!;
    for (const o of outputs) {
      data.fill(0, o * row, (o + 1) * row);
      state.get(bias)!.data[o] = -0.1;
    }
  }
  return state;
}

/** Make a session whose weights have dead filters and neurons. */
async function killedSession(prune: TinyPrune = masked, more: TinyMore = {}): Promise<Session> {
  const session = tinySession(prune, more);
  session.model.loadStateDict(killed(await session.model.stateDict()));
  return session;
}

const shapesOf = (session: Session) =>
  [...session.model.namedParameters()].map(([name, p]) => `${name} ${p.shape.join("x")}`);

const SMALL = [
  ...["0.weight 4x1x3x3", "1.weight 4", "1.bias 4", "3.weight 7x4x3x3", "4.weight 7", "4.bias 7"],
  ...["7.weight 35x28", "7.bias 35", "9.weight 4x35", "9.bias 4"],
];

/** Call `look` at the checkpoint of each epoch. */
const atEpochs = (session: Session, look: (position: RunPosition) => Promise<void>) =>
  session.fit({ onCheckpoint: async (position, reason) => (reason === "epoch" ? look(position) : undefined) });

test("dead filters and neurons go after an epoch; outputs stay, in evaluation and in training", async () => {
  const { live } = currentGpu().memory();
  const session = await killedSession();
  const before = shapesOf(session);
  const x = randomArray(4 * 64, 3);
  const outputs = (model: Session["model"]) =>
    tidy(() => noGrad(() => readAll(model.forward(tensor(x, [4, 1, 8, 8])) as Tensor)));
  let looks = 0;
  await atEpochs(session, async ({ epoch }) => {
    if (epoch === 4) return;
    looks++;
    expect(shapesOf(session)).toEqual(SMALL);
    const large = tinyModel();
    for (const mode of [false, true]) {
      // Training moves running statistics: it comes last.
      if (!mode) large.loadStateDict(await session.weights());
      const own = await session.model.stateDict();
      const [small] = await outputs(session.model.train(mode));
      const [full] = await outputs(large.train(mode));
      session.model.loadStateDict(own);
      expectClose(small as Float32Array, full as Float32Array, { atol: 1e-5, rtol: 1e-5 });
    }
    large.dispose();
  });
  expect(looks).toBe(3);
  expect(shapesOf(session)).toEqual(before);
  session.dispose();
  expect(currentGpu().memory().live).toBe(live);
});

test("the result is that of the run without compaction, up to the order of sums; records count the original network", async () => {
  const small = await finish(await killedSession());
  const full = await finish(await killedSession({ ...masked, compact: undefined }));
  for (const name of ["0.weight", "1.weight", "3.weight", "4.bias", "7.weight", "9.weight"]) {
    const [a, b] = [tensorOf(small.bytes, `model.${name}`), tensorOf(full.bytes, `model.${name}`)];
    const removed = (i: number) => a[i] === 0;
    expectClose(
      a,
      b.map((v, i) => (removed(i) ? 0 : v)),
      { atol: 2e-4, rtol: 1e-3 },
    );
  }
  const layer = ({ layers }: EpochRecord) => layers.map(({ name, weights }) => [name, weights]);
  for (const [i, epoch] of small.epochs.entries()) {
    expect(layer(epoch)).toEqual(layer(full.epochs[i]!));
    expect(epoch.layers.reduce((n, l) => n + l.weights, 0)).toBe(TINY_WEIGHTS);
    expect(epoch.testAccuracy).toBeCloseTo(full.epochs[i]!.testAccuracy, 1);
    // The weights that read a removed channel count as zeros.
    if (i > 0) expect(epoch.sparsity).toBeGreaterThan(full.epochs[i]!.sparsity);
  }
  expect(small.steps.at(-1)!.sparsity).toBeCloseTo(small.epochs.at(-1)!.sparsity, 12);
  const shares = small.epochs.map((epoch) => epoch.multiplyAdds);
  // Pixels times weights, of 16 + 4 positions of the convolutions.
  const left = (16 * 36 + 4 * 252 + 980 + 140) / (16 * 54 + 4 * 648 + 1920 + 160);
  expect(shares).toEqual([1, left, left, left]);
  expect(full.epochs[0]).not.toHaveProperty("multiplyAdds");
  // 4 x 9 + 7 x 36 + 35 x 28 + 4 x 35 weights are left.
  expect(small.epochs.at(-1)!.sparsity).toBeCloseTo(1 - 1408 / TINY_WEIGHTS, 12);
});

const early: TinyPrune = {
  ...{ group: "filter", groupSparsity: 0.5, steer: "threshold" },
  ...{ freezeEpoch: 1, compact: true, dense: ["last"] },
};
const cases: readonly (readonly [string, TinyPrune, TinyMore])[] = [
  ["early", early, {}],
  ["early, micro-batches", early, { microBatch: 8 }],
  ["at-init", { method: "at-init", group: "filter", groupSparsity: 0.4, compact: true, dense: ["last"] }, {}],
  [
    "one-shot",
    { method: "one-shot", schedule: "none", group: "filter", sparsity: 0.4, startEpoch: 1, compact: true },
    {},
  ],
  ["ltp", { method: "ltp", schedule: "none", ltp: { l0: 3 }, freezeEpoch: 1, compact: true }, {}],
];

const expectSameEnd = (prune: TinyPrune, more: TinyMore) =>
  expectResumable({ name: "", prune, more, at: [4, 5, 8, 12], ends: [0.01, 0.99] });

test.each(cases)(
  "%s: a run that resumes before or after the change ends with the same bits",
  async (_, prune, more) => {
    await expectSameEnd(prune, more);
  },
);

testHalf("early, f16: a run that resumes before or after the change ends with the same bits", async () => {
  await expectSameEnd(early, { precision: "f16" });
});

test("Adam: the moments are cut along", async () => {
  const adam: TinyMore = { optimizer: { name: "adam" }, momentum: 0, lr: { schedule: "constant", base: 0.01 } };
  const { saved, bytes } = await finish(await killedSession(masked, adam), 4);
  const segments = (step: number) => tensorOf(saved.get(step)!.bytes, "moments.7.weight").length / 2048;
  expect([segments(4), segments(8)]).toEqual([2, 1]); // 1920 weights, then 980
  const session = tinySession(masked, adam);
  session.load(saved.get(8)!.bytes, "checkpoint");
  expect(differing((await finish(session)).bytes, bytes)).toEqual([]);
  const [a, b] = [bytes, (await finish(await killedSession({ ...masked, compact: undefined }, adam))).bytes].map(
    (file) => tensorOf(file, "model.7.weight"),
  );
  expectClose(
    a!,
    b!.map((v, i) => (a![i] === 0 ? 0 : v)),
    { atol: 0, rtol: 0.02 },
  );
});

test("early pruning of filters ends smaller, and its checkpoints hold the smaller tensors", async () => {
  const { saved, epochs } = await tinyRun(early, {}, 4);
  const plain = await tinyRun({ ...early, compact: undefined }, {}, 4);
  expect(differing(saved.get(4)!.bytes, plain.saved.get(4)!.bytes)).toEqual([]);
  const weights = (bytes: Uint8Array) => tensorOf(bytes, "momentum.3.weight").length;
  expect(weights(saved.get(8)!.bytes)).toBeLessThan(weights(saved.get(4)!.bytes));
  expect(epochs.at(-1)!.groupSparsity).toBeGreaterThan(0.2);
});

test("a checkpoint loads into a session that got smaller, and into one without the setting only before that", async () => {
  const { saved, bytes } = await tinyRun(early, {}, 4);
  const session = tinySession(early);
  session.load(saved.get(12)!.bytes, "late");
  session.load(saved.get(4)!.bytes, "early");
  session.load(saved.get(8)!.bytes, "middle");
  const rest = await finish(session);
  expect(differing(rest.bytes, bytes)).toEqual([]);
  const plain = tinySession({ ...early, compact: undefined });
  expect(() => plain.load(saved.get(8)!.bytes, "middle")).toThrow(
    "middle: expected the sizes of the original network, got smaller ones of prune.compact",
  );
  plain.dispose();
});

test.each<readonly [Partial<PruneConfig>, string]>([
  [
    { threshold: 0.1 },
    "expected zeros that are final an epoch before the end, such as with freezeEpoch, got method lats",
  ],
  [{ threshold: 0.1, freezeEpoch: 4 }, "expected zeros that are final an epoch before the end"],
  [{ schedule: "none" }, "compact is for pruning whose zeros become final, without method imp: expected nothing"],
  [{ method: "imp", sparsity: 0.5, schedule: "none", rounds: 1, rewindEpoch: 0 }, "compact is for pruning"],
])("refuses compact with %j", (prune, problem) => {
  expect(() => tinySession({ ...prune, compact: true })).toThrow(problem);
});
