// Iterative magnitude pruning: the share after each cut, masks that only grow, and the return to the early weights.
import { expect, test } from "vitest";
import { zerosAfter } from "../../../src/prune/methods/imp.ts";
import { clone, Scope, type Tensor } from "../../../src/tensor/index.ts";
import {
  differing,
  finish,
  sameBits,
  TINY_LAYERS,
  TINY_WEIGHTS,
  type TinyPrune,
  tensorOf,
  tinyRun,
  tinySession,
  zerosOf,
} from "../../support/tiny_session.ts";

const layers = Object.keys(TINY_LAYERS) as (keyof typeof TINY_LAYERS)[];
const total = (bytes: Uint8Array) => Object.values(zerosOf(bytes)).reduce((a, b) => a + b, 0);

/** Two epochs, then two trainings of one epoch from step 5 on. */
const prune: TinyPrune = { method: "imp", sparsity: 0.9, rounds: 2, rewindEpoch: 1 };

test("each training ends with the zeros of the cut before it, and each cut takes the same share of the rest", async () => {
  const run = await tinyRun(prune, {}, 1);
  const after = (k: number) => Math.floor(TINY_WEIGHTS * (1 - 0.1 ** (k / 2)));
  for (let done = 1; done <= 20; done++) {
    const cuts = done <= 10 ? 0 : done <= 15 ? 1 : 2;
    expect(total(run.saved.get(done)!.bytes), `after step ${done}`).toBe(
      cuts === 2 ? Math.floor(0.9 * TINY_WEIGHTS) : after(cuts),
    );
  }
  for (const name of layers) {
    const [one, two] = [11, 16].map((n) => tensorOf(run.saved.get(n)!.bytes, `model.${name}`));
    one!.forEach((w, i) => {
      if (w === 0) expect(two![i]).toBe(0);
    });
  }
});

test("the zeros of a cut are a function of its share, exact at the last one", () => {
  const budget = { weights: [100, 54, 1920], zeros: [90, 0, 1920 * 0.98] };
  expect(zerosAfter(budget, 1)).toEqual([90, 0, 1881]);
  expect(zerosAfter(budget, 0.5)).toEqual([68, 0, Math.floor(1920 * (1 - Math.sqrt(0.02)))]);
});

test.each([
  { rewindEpoch: 1, rounds: 2, starts: [10, 15], early: 5 },
  { rewindEpoch: 0, rounds: 1, starts: [10], early: 0 },
])("after a cut the live weights, biases and running statistics are those of step $early", async (c) => {
  const { rewindEpoch, rounds, starts, early } = c;
  const session = tinySession({ ...prune, rewindEpoch, rounds });
  const initial = await session.save({ step: 0, epoch: 0, batch: 0 });
  const before = session.method.beforeStep!.bind(session.method);
  const seen = new Map<number, Map<string, Tensor>>();
  session.method.beforeStep = (n) => {
    before(n);
    if (!starts.includes(n)) return;
    const copies = [...session.model.namedState()].map(([name, t]) => [name, Scope.release(clone(t))] as const);
    const velocity = session.optimizer.chunks.map((chunk) => Scope.release(clone(chunk.velocity!)));
    seen.set(n, new Map([...copies, ...velocity.map((t, k) => [`velocity.${k}`, t] as const)]));
  };
  const run = await finish(session, 1);
  const from = early === 0 ? initial : run.saved.get(early)!.bytes;
  expect([...seen.keys()]).toEqual(starts);
  for (const [n, state] of seen) {
    for (const [name, t] of state) {
      const now = (await t.data()) as Float32Array;
      t.dispose();
      if (name.startsWith("velocity.")) {
        expect(
          now.every((v) => v === 0),
          name,
        ).toBe(true);
        continue;
      }
      const then = tensorOf(from, `model.${name}`);
      if (!Object.hasOwn(TINY_LAYERS, name)) expect(sameBits(now, then), `${name} at ${n}`).toBe(true);
      else expect(now.every((w, i) => w === 0 || w === then[i])).toBe(true);
    }
  }
});

test("a cut takes the smallest weights of the trained network, not of the early one", async () => {
  const run = await tinyRun({ ...prune, rounds: 1, rewindEpoch: 0, scope: "layer" }, {}, 1);
  for (const [name, n] of Object.entries(TINY_LAYERS)) {
    const trained = tensorOf(run.saved.get(10)!.bytes, `model.${name}`);
    const order = Array.from(trained.keys()).sort((i, j) => Math.abs(trained[i]!) - Math.abs(trained[j]!));
    const gone = new Set(order.slice(0, Math.floor(0.9 * n)));
    tensorOf(run.saved.get(11)!.bytes, `model.${name}`).forEach((w, i) => {
      expect(w === 0, `${name}[${i}]`).toBe(gone.has(i));
    });
  }
});

test("a run with Adam clears its moments at a cut, and resumes with the same bits", async () => {
  const more = { optimizer: { name: "adam" }, momentum: 0, lr: { schedule: "cosine", base: 0.01 } } as const;
  const session = tinySession(prune, more);
  const before = session.method.beforeStep!.bind(session.method);
  const seen: Tensor[] = [];
  session.method.beforeStep = (n) => {
    before(n);
    if (n === 10) seen.push(...session.optimizer.chunks.map(({ moments }) => Scope.release(clone(moments!))));
  };
  const whole = await finish(session, 4);
  for (const t of seen) {
    expect((await t.data()).every((v) => v === 0)).toBe(true);
    t.dispose();
  }
  expect(seen.length).toBeGreaterThan(0);
  const { bytes } = whole.saved.get(8)!;
  const again = tinySession(prune, more);
  again.load(bytes, "checkpoint");
  expect(differing((await finish(again)).bytes, whole.bytes)).toEqual([]);
  expect(total(whole.bytes)).toBe(Math.floor(0.9 * TINY_WEIGHTS));
});

test("by ERK densities and by given shares, the last cut meets each layer's zeros", async () => {
  const shares = ["0=0.2", "3=0.8", "7=0.9", "9=0.5"];
  const { bytes } = await tinyRun({ method: "imp", rounds: 2, rewindEpoch: 1, shares });
  expect(zerosOf(bytes)).toEqual({ "0.weight": 11, "3.weight": 518, "7.weight": 1728, "9.weight": 80 });
  const erk = await tinyRun({ ...prune, scope: "erk" });
  expect(total(erk.bytes)).toBe(Math.floor(0.9 * TINY_WEIGHTS));
});
