// Division of a target among the layers: by layer, over all layers, by ERK densities, and by given shares.
import { expect, test } from "vitest";
import { apportion, erkDensities } from "../../../src/prune/erk.ts";
import {
  sparsityIn,
  TINY_LAYERS,
  TINY_WEIGHTS,
  type TinyPrune,
  tensorOf,
  tinyModel,
  tinyRun,
  zerosOf,
} from "../../support/tiny_session.ts";

const layers = Object.keys(TINY_LAYERS) as (keyof typeof TINY_LAYERS)[];
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const methods = ["gmp", "one-shot", "random"] as const;
const targets = [0.5, 0.8, 0.95] as const;
const once: { readonly [M in (typeof methods)[number]]: TinyPrune } = {
  gmp: { method: "gmp", every: 2 },
  "one-shot": { method: "one-shot", startEpoch: 1 },
  random: { method: "random" },
};

test.each(methods.flatMap((method) => targets.map((p) => [method, p] as const)))(
  "%s over all layers to %d: exact in total",
  async (method, sparsity) => {
    const { bytes } = await tinyRun({ ...once[method], sparsity, scope: "global" }, { epochs: 2 });
    expect(sum(Object.values(zerosOf(bytes)))).toBe(Math.floor(sparsity * TINY_WEIGHTS));
  },
);

test("the global cut takes the smallest weights of all layers, which are not the same share of each", async () => {
  const dense = await tinyRun({ schedule: "none" }, { epochs: 2 }, 1);
  const cut = await tinyRun({ ...once["one-shot"], sparsity: 0.7, scope: "global" }, { epochs: 2 }, 1);
  const all = layers.flatMap((name) =>
    [...tensorOf(dense.saved.get(5)!.bytes, `model.${name}`)].map((w, i) => ({ name, i, size: Math.abs(w) })),
  );
  const gone = new Set(
    all
      .sort((a, b) => a.size - b.size)
      .slice(0, Math.floor(0.7 * TINY_WEIGHTS))
      .map(({ name, i }) => `${name}[${i}]`),
  );
  for (const name of layers) {
    tensorOf(cut.saved.get(5)!.bytes, `model.${name}`).forEach((w, i) => {
      expect(w === 0, `${name}[${i}]`).toBe(gone.has(`${name}[${i}]`));
    });
  }
  const shares = layers.map((name) => zerosOf(cut.bytes)[name] / TINY_LAYERS[name]);
  expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.2);
});

test.each(methods.flatMap((method) => targets.map((p) => [method, p] as const)))(
  "%s by ERK densities to %d: the zeros of each layer",
  async (method, sparsity) => {
    const { bytes } = await tinyRun({ ...once[method], sparsity, scope: "erk" }, { epochs: 2 });
    const shapes = tinyModel()
      .parameters()
      .filter((p) => p.prunable)
      .map((p) => p.shape);
    const zeros = Math.floor(sparsity * TINY_WEIGHTS);
    const density = erkDensities(shapes, TINY_WEIGHTS - zeros);
    const want = apportion(
      Object.values(TINY_LAYERS).map((n, l) => (1 - density[l]!) * n),
      zeros,
    );
    expect(Object.values(zerosOf(bytes))).toEqual(want);
    expect(sum(want)).toBe(zeros);
  },
);

test("layers left dense count in the target under every scope", async () => {
  for (const scope of ["layer", "global", "erk"] as const) {
    const { bytes } = await tinyRun(
      { method: "one-shot", sparsity: 0.75, scope, dense: ["first", "last"] },
      { epochs: 1 },
    );
    expect(zerosOf(bytes)).toMatchObject({ "0.weight": 0, "9.weight": 0 });
    expect(Math.abs(sparsityIn(bytes) - 0.75), scope).toBeLessThan(2 / TINY_WEIGHTS);
  }
});

test.each(["layer", "global", "erk"] as const)("gmp by %s: masks only grow", async (scope) => {
  const { saved } = await tinyRun({ method: "gmp", every: 1, sparsity: 0.9, scope }, { epochs: 2 }, 1);
  const steps = [...saved.keys()].sort((a, b) => a - b);
  for (const [k, step] of steps.entries()) {
    if (k === 0) continue;
    for (const name of layers) {
      const [before, now] = [steps[k - 1]!, step].map((n) => tensorOf(saved.get(n)!.bytes, `model.${name}`));
      before!.forEach((w, i) => {
        if (w === 0) expect(now![i]).toBe(0);
      });
    }
  }
});

test.each(methods)("%s takes the shares of another run", async (method) => {
  const found = zerosOf((await tinyRun({ sparsity: 0.8 }, { epochs: 2 })).bytes);
  const shares = layers.map((name) => `${name}=${found[name] / TINY_LAYERS[name]}`);
  const { bytes } = await tinyRun({ ...once[method], shares }, { epochs: 2 });
  expect(zerosOf(bytes)).toEqual(found);
  const named = Object.fromEntries(layers.map((name) => [name, found[name] / TINY_LAYERS[name]]));
  expect(zerosOf((await tinyRun({ ...once[method], shares: named }, { epochs: 2 })).bytes)).toEqual(found);
});
