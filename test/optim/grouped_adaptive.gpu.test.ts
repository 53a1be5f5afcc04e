// Adam, AdamW and RMSProp with thresholds on groups of weights, against float64.
import { beforeAll, expect, test } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import { noteParts } from "../../src/optim/group_tables.ts";
import { Adam, AdamW, enableWeightGroups, type Optimizer, RMSProp } from "../../src/optim/index.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { type AdaptiveHyper, type AdaptiveName, adaptiveStep, adaptiveWeight } from "../reference/adaptive.ts";
import { type GroupName, groupsOf, sparseGroup } from "../reference/sparse_group.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

beforeAll(enableWeightGroups);

function parameter(shape: Shape, seed: number, parts: number): Parameter {
  const numel = shape.reduce((n, d) => n * d, 1);
  const p = new Parameter(shape, () => randomArray(numel, seed, 0.3), { prunable: true });
  noteParts(p, parts);
  return p;
}

/** Shape of a weight, groups of its convolution. The third one has several segments. */
const layers: readonly [Shape, number][] = [
  [[13, 5], 1],
  [[20, 3, 1, 1], 2],
  [[9, 300], 1],
];

const hyper: AdaptiveHyper = {
  ...{ name: "adam", mode: "latent", lr: 0.02, weightDecay: 0.05, decayTarget: "latent", eps: 1e-6 },
  ...{ betas: [0.9, 0.95], amsgrad: false, alpha: 0.9, momentum: 0, centered: false },
};

type Given = readonly [name: AdaptiveName, group: GroupName, share: number, more: Partial<AdaptiveHyper>];

const cases: readonly Given[] = [
  ["adam", "block8", 1, {}],
  ["adam", "filter", 0.4, { amsgrad: true }],
  ["adam", "neuron", 1, { decayTarget: "effective" }],
  ["adamw", "block4", 0.4, {}],
  ["adamw", "filter", 1, { decayTarget: "effective" }],
  ["rmsprop", "block8", 0.4, { momentum: 0.9, centered: true }],
  ["rmsprop", "filter", 1, {}],
];

function make(params: readonly Parameter[], h: AdaptiveHyper, group: GroupName, groupShare: number): Optimizer {
  const { lr, weightDecay, decayTarget, eps, betas, amsgrad, alpha, momentum, centered } = h;
  const common = { lr, weightDecay, decayTarget, eps, group, groupShare, mode: "latent" } as const;
  if (h.name === "rmsprop") return new RMSProp(params, { ...common, alpha, momentum, centered });
  return new { adam: Adam, adamw: AdamW }[h.name](params, { ...common, betas, amsgrad });
}

test.each(cases)(
  "%s, %s, share %d: twenty steps match float64, and the counts add up",
  async (name, group, share, more) => {
    const h = { ...hyper, name, ...more };
    const params = layers.map(([shape, parts], k) => parameter(shape, k + 1, parts));
    const groups = layers.map(([shape, parts]) => groupsOf(group, shape, parts));
    const optimizer = make(params, h, group, share);
    const weights = params.map((p) => [...p.initialValues()].map(adaptiveWeight));
    for (let t = 0; t < 20; t++) {
      const d = 0.016 * (t + 1);
      optimizer.set({ threshold: 0.016 * t, thresholdNext: d });
      params.forEach((p, k) => {
        const g = randomArray(p.numel, 100 * t + k);
        p.grad!.set(g);
        p.gradArrived = true;
        // The reference without its threshold: that of the groups comes after.
        weights[k]!.forEach((s, i) => {
          adaptiveStep(s, g[i]!, t + 1, 0, 0, h);
        });
        const theta = weights[k]!.map((s) => s.theta);
        sparseGroup(theta, groups[k]!, (1 - share) * d, share * d).forEach((w, i) => {
          weights[k]![i]!.w = w;
        });
      });
      optimizer.step();
    }
    const counts = await optimizer.counts();
    let zeros = 0;
    for (const [k, p] of params.entries()) {
      const w = (await p.data()) as Float32Array;
      expectClose(
        w,
        weights[k]!.map((s) => s.w),
        { rtol: 1e-4, atol: 1e-5 },
      );
      const live = w.filter((x) => x !== 0).length;
      expect(counts[k]!.nonzero).toBe(live);
      expect(live).toBe(w.length - counts[k]!.pruned + counts[k]!.regrown);
      zeros += w.length - live;
    }
    expect(zeros).toBeGreaterThan(100);
    optimizer.dispose();
    for (const p of params) p.dispose();
  },
);

test.each(["adam", "adamw", "rmsprop"] as const)(
  "%s: a bake keeps the bits, and later steps keep the zeros",
  async (name) => {
    const p = parameter([24, 30], 3, 1);
    const optimizer = make([p], { ...hyper, name }, "block8", 1);
    const step = (t: number, d: number) => {
      optimizer.set({ threshold: d, thresholdNext: d });
      p.grad!.set(randomArray(720, t));
      p.gradArrived = true;
      optimizer.step();
    };
    for (let t = 0; t < 5; t++) step(t, 0.05 * t);
    const before = (await p.data()) as Float32Array;
    optimizer.bake();
    expect(await p.data()).toEqual(before);
    step(9, 0);
    const after = (await p.data()) as Float32Array;
    expect(after.map((x) => Number(x === 0))).toEqual(before.map((x) => Number(x === 0)));
    expect(before.filter((x) => x === 0).length).toBeGreaterThan(20);
    optimizer.dispose();
    p.dispose();
  },
);

test("refuses the proximal step, by name", () => {
  const p = () => [parameter([8, 4], 1, 1)];
  const own = { mode: "inplace", group: "block8" } as const;
  expect(() => new Adam(p(), own)).toThrow(
    "Adam: mode: expected latent with group block8, got inplace, whose step has another divisor for each weight",
  );
  expect(() => new AdamW(p(), own)).toThrow("AdamW: mode: expected latent");
  expect(() => new RMSProp(p(), own)).toThrow("RMSProp: mode: expected latent");
  expect(() => new Adam(p(), { groupShare: 0.5, mode: "latent" })).toThrow(
    "groupShare: expected nothing without group",
  );
});
