// Grad R: the first forward pass reads the initial weights, and the penalty prunes.
import { expect, test } from "vitest";
import { currentGpu } from "../../../src/gpu/index.ts";
import { SGD } from "../../../src/optim/index.ts";
import { pruningGroups } from "../../../src/prune/index.ts";
import { Session } from "../../../src/train/index.ts";
import { squares } from "../../support/shapes.ts";
import {
  sparsityIn,
  TINY_LAYERS,
  type TinyPrune,
  tensorOf,
  tinyModel,
  tinyRun,
  tinySession,
} from "../../support/tiny_session.ts";

const prune = { method: "grad-r", threshold: 0.03, shrink: 0.2 } as const;

test("latent weights are moved by mu, so that the first weights are the initial ones within rounding", async () => {
  const session = tinySession(prune);
  const before = await session.model.stateDict();
  await session.prepare();
  const saved = await session.save({ step: 0, epoch: 0, batch: 0 });
  session.dispose();
  const mu = Math.fround(0.03);
  for (const name of Object.keys(TINY_LAYERS)) {
    const first = before.get(name)!.data;
    tensorOf(saved, `latent.${name}`).forEach((theta, i) => {
      const w = Math.sign(theta) * Math.max(0, Math.abs(theta) - mu);
      expect(Math.abs(w - first[i]!)).toBeLessThanOrEqual(2 ** -23 * (Math.abs(first[i]!) + mu));
    });
  }
});

test("without the penalty no threshold moves; with more of it, more weights are zero", async () => {
  const shares = [];
  for (const shrink of [0, 0.1, 0.2]) {
    const { bytes, steps } = await tinyRun({ ...prune, shrink });
    shares.push(sparsityIn(bytes));
    for (const step of steps) {
      expect(step.threshold).toBe(0.03);
      if (step.lr > 0) expect(step.lambda! / shrink || 0).toBeCloseTo(shrink === 0 ? 0 : 1, 9);
    }
  }
  expect(shares[1]!).toBeGreaterThan(shares[0]!);
  expect(shares[2]!).toBeGreaterThan(shares[1]!);
});

test("with a freeze, zeros stay zero from then on", async () => {
  const { saved, bytes } = await tinyRun({ ...prune, freezeEpoch: 2 }, {}, 1);
  for (const name of Object.keys(TINY_LAYERS)) {
    const [then, end] = [saved.get(11)!.bytes, bytes].map((b) => tensorOf(b, `model.${name}`));
    expect([...end!].map((v) => v === 0)).toEqual([...then!].map((v) => v === 0));
  }
});

test("an optimizer of the program must have the method's options of mode latent", () => {
  const { live } = currentGpu().memory();
  const data = squares(32, 8, 1);
  const withOptimizer = (method: TinyPrune, options: object) => {
    const model = tinyModel();
    const optimizer = new SGD(pruningGroups(model, { mode: "latent", ...options }), { lr: 0.1 });
    try {
      return new Session({ model, data, optimizer, config: { prune: method } });
    } finally {
      optimizer.dispose();
      model.dispose();
    }
  };
  expect(() => withOptimizer(prune, {})).toThrow("optimizer: expected shrink 0.2 for method grad-r, got 0");
  expect(() => withOptimizer({ threshold: 0.1, gradient: "true" }, {})).toThrow(
    "optimizer: expected gradient true for method lats, got straight-through",
  );
  expect(currentGpu().memory().live).toBe(live);
});
