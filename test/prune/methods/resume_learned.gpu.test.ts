// Learned thresholds: same bits eager, replayed and resumed; before pruning begins, while thresholds are learned, and when
// the mask is final.
import { expect, test } from "vitest";
import { differing, finish, tinySession } from "../../support/tiny_session.ts";
import { type Case, expectResumable } from "./resumed.ts";

// Twenty steps only: thresholds begin near the weights and move fast.
const str = { start: -4, decay: 0.05 };
const ltp = { l0: 5, temperature: 0.05 };

const cases: readonly Case[] = [
  { name: "str", prune: { method: "str", str }, at: [8, 15] },
  { name: "str, early", prune: { method: "str", str, freezeEpoch: 2 }, at: [8, 10, 12] },
  { name: "str, late and early", prune: { method: "str", str, startEpoch: 1, freezeEpoch: 3 }, at: [4, 5, 8, 15, 16] },
  { name: "str, target", prune: { method: "str", str, sparsity: 0.5 }, at: [4, 8, 15] },
  {
    name: "ltp, target",
    prune: { method: "ltp", ltp, sparsity: 0.5, startEpoch: 1, freezeEpoch: 3 },
    at: [4, 8, 12, 15],
  },
  { name: "ltp", prune: { method: "ltp", ltp }, at: [4, 8, 10, 16] },
  { name: "ltp, dense at first", prune: { method: "ltp", ltp, startEpoch: 1, freezeEpoch: 3 }, at: [4] },
  { name: "ltp, as pruning begins", prune: { method: "ltp", ltp, startEpoch: 1, freezeEpoch: 3 }, at: [5] },
  { name: "ltp, pruning since epoch 1", prune: { method: "ltp", ltp, startEpoch: 1, freezeEpoch: 3 }, at: [8, 10] },
  { name: "ltp, frozen", prune: { method: "ltp", ltp, startEpoch: 1, freezeEpoch: 3 }, at: [15, 16] },
  { name: "ltp, never frozen", prune: { method: "ltp", ltp, freezeEpoch: 4 }, at: [12, 15] },
];

test.each(cases)("$name", (c) => expectResumable(c));

test("reading ltp's weights during pruning does not change the run", async () => {
  const prune = { method: "ltp", ltp } as const;
  const plain = await finish(tinySession(prune));
  const watched = tinySession(prune);
  const stop = new AbortController();
  await watched.fit({ signal: stop.signal, onStep: ({ step }) => step === 8 && stop.abort() });
  const before = await watched.save(watched.position);
  const layers = await watched.layers();
  expect(layers.map((l) => l.zeros > 0)).toContain(true);
  await watched.evaluate();
  expect(differing(await watched.save(watched.position), before)).toEqual([]);
  const rest = await finish(watched);
  expect(differing(rest.bytes, plain.bytes)).toEqual([]);
});
