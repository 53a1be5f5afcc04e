// STR with thresholds on groups, and mode latent with the true gradient: against finite differences in float64 and against a tape.
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { div, mul, sub } from "../../src/ops/binary.ts";
import { sparseGroupSoftThreshold } from "../../src/ops/sparse_group_soft_threshold.ts";
import { sum } from "../../src/ops/sum.ts";
import { relu, sigmoid, sqrt, square } from "../../src/ops/unary.ts";
import { noteParts } from "../../src/optim/group_tables.ts";
import { enableLearnedThresholds, enableWeightGroups, SGD } from "../../src/optim/index.ts";
import { readOptimizerState, replaceParameters } from "../../src/optim/replace_parameters.ts";
import { captureStep, Scope, type Shape, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type GroupName, groupsOf, sparseGroup } from "../reference/sparse_group.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { layerNumbers } from "./layer_numbers.ts";
import { expectScaledBits } from "./scaled_steps.ts";

beforeAll(() => {
  enableWeightGroups();
  enableLearnedThresholds();
});

const names = ["block8", "block4", "filter", "neuron"] as const;

function parameter(shape: Shape, seed: number, parts = 1): Parameter {
  const numel = shape.reduce((n, d) => n * d, 1);
  const p = new Parameter(shape, () => randomArray(numel, seed, 0.3), { prunable: true });
  noteParts(p, parts);
  return p;
}

function arrive(p: Parameter, g: Float32Array): void {
  p.grad!.set(g);
  p.gradArrived = true;
}

type Groups = readonly (readonly number[])[];
const sigmoidOf = (s: number) => 1 / (1 + Math.exp(-s));
const prox = (x: ArrayLike<number>, groups: Groups, d: number, share: number) =>
  sparseGroup(x, groups, (1 - share) * d, share * d);

/** Half the step of the central differences. */
const H = 1e-6;

/** Derivatives of the sum of g W by the threshold and by each weight, as central differences in float64. */
function differences(x: Float64Array, g: Float32Array, groups: Groups, d: number, share: number) {
  const loss = (w: Float64Array) => w.reduce((total, v, i) => total + v * g[i]!, 0);
  const byThreshold = (loss(prox(x, groups, d + H, share)) - loss(prox(x, groups, d - H, share))) / (2 * H);
  const byWeight = new Float64Array(x.length);
  for (const group of groups) {
    const own = Float64Array.from(group, (i) => x[i]!);
    const all = [own.map((_, k) => k)].map((k) => [...k]);
    const part = (values: Float64Array) =>
      prox(values, all, d, share).reduce((total, v, k) => total + v * g[group[k]!]!, 0);
    group.forEach((i, k) => {
      const [up, down] = [own.slice(), own.slice()];
      up[k]! += H;
      down[k]! -= H;
      byWeight[i] = (part(up) - part(down)) / (2 * H);
    });
  }
  return { byThreshold, byWeight };
}

const layers: readonly [Shape, number][] = [
  [[13, 5], 1],
  [[20, 3, 1, 1], 2],
  [[6, 1, 3, 3], 6],
  [[9, 150], 1],
];

test.each(names)("%s: eight steps of weights and thresholds follow finite differences in float64", async (name) => {
  let zeros = 0;
  for (const share of [1, 0.4, 0]) {
    const params = layers.map(([shape, parts], k) => parameter(shape, 7 * k + 1, parts));
    const groups = layers.map(([shape, parts]) => groupsOf(name, shape, parts));
    const own = { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 };
    const str = { start: -2, decay: 0.3 };
    const sgd = new SGD(params, { ...own, mode: "str", str, group: name, groupShare: share });
    const states = params.map((p) => {
      const theta = Float64Array.from(p.initialValues());
      return { theta, v: new Float64Array(theta.length), s: str.start, velocity: 0 };
    });
    for (let t = 0; t <= 8; t++) {
      for (const [k, p] of params.entries()) {
        const { theta, s } = states[k]!;
        // Before the first step: the weights that the first forward pass reads.
        const w = (await p.data()) as Float32Array;
        expectClose(w, prox(theta, groups[k]!, sigmoidOf(s), share), { rtol: 1e-4, atol: 1e-5 });
        if (t === 8) zeros += w.filter((x) => x === 0).length;
      }
      if (t === 8) break;
      const gradients = params.map((p, k) => randomArray(p.numel, 100 * t + k));
      params.forEach((p, k) => {
        arrive(p, gradients[k]!);
      });
      sgd.step();
      states.forEach((state, k) => {
        const d = sigmoidOf(state.s);
        const { byThreshold, byWeight } = differences(state.theta, gradients[k]!, groups[k]!, d, share);
        state.velocity = 0.9 * state.velocity + byThreshold * d * (1 - d) + str.decay * state.s;
        state.s -= own.lr * state.velocity;
        state.v = state.v.map((v, i) => 0.9 * v + byWeight[i]! + own.weightDecay * state.theta[i]!);
        state.theta = state.theta.map((x, i) => x - own.lr * state.v[i]!);
      });
    }
    const found = await layerNumbers(sgd);
    expectClose(
      found.map((l) => l.raw),
      states.map(({ s }) => s),
      { rtol: 1e-4, atol: 1e-5 },
    );
    const counts = await sgd.counts();
    for (const [k, p] of params.entries()) {
      const w = (await p.data()) as Float32Array;
      expect(counts[k]!.nonzero).toBe(w.filter((x) => x !== 0).length);
      const grouped = counts[k]!.groups !== undefined;
      expect(grouped).toBe(!(name === "neuron" && p.shape.length !== 2));
      const dead = groups[k]!.filter((g) => g.every((i) => w[i] === 0)).length;
      if (grouped) expect([counts[k]!.groups, counts[k]!.zeroGroups]).toEqual([groups[k]!.length, dead]);
    }
    sgd.dispose();
    for (const p of params) p.dispose();
  }
  expect(zeros).toBeGreaterThan(100);
});

test("a step takes the gradients that a tape computes, of weights and of s", async () => {
  const [shape, start] = [[12, 30] as const, -0.9];
  const g = randomArray(360, 3);
  const p = parameter(shape, 2);
  const x = p.initialValues();
  const sgd = new SGD([p], { lr: 1, mode: "str", str: { start, decay: 0 }, group: "filter" });
  arrive(p, g);
  sgd.step();
  const [theta, { raw }] = [(await p.latent!.data()) as Float32Array, (await layerNumbers(sgd))[0]!];
  using _scope = new Scope();
  const [w, s] = [tensor(x, shape), scalar(start)];
  w.requiresGrad = true;
  s.requiresGrad = true;
  using tape = new Tape();
  const norm = sqrt(sum(square(w), { axes: [1], keepdims: true }));
  const factor = relu(sub(scalar(1), div(mul(sigmoid(s), scalar(Math.sqrt(30))), norm)));
  tape.backward(sum(mul(mul(w, factor), tensor(g, shape))));
  const [byWeight, byS] = await Promise.all([w, s].map((t) => t.grad!.data() as Promise<Float32Array>));
  const taken = x.map((v, i) => v - theta[i]!);
  expectClose(taken, byWeight!, { rtol: 1e-4, atol: 1e-6 });
  expectClose([start - raw], byS!, { rtol: 1e-4, atol: 1e-6 });
  expect(byWeight!.filter((v) => v === 0).length).toBeGreaterThan(0);
  sgd.dispose();
});

test.each(["block8", "filter"] as const)(
  "%s: mode latent with the true gradient takes that of the op",
  async (group) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), fc.constantFrom(1, 0.5), async (seed, groupShare) => {
        const shape = [19, 40];
        const [x, g] = [randomArray(760, seed, 0.3), randomArray(760, seed + 1)];
        const p = new Parameter(shape, () => x, { prunable: true });
        const sgd = new SGD([p], { lr: 1, mode: "latent", gradient: "true", group, groupShare });
        sgd.set({ threshold: 0.15, thresholdNext: 0.2 });
        arrive(p, g);
        sgd.step();
        const theta = (await p.latent!.data()) as Float32Array;
        using _scope = new Scope();
        const w = tensor(x, shape);
        w.requiresGrad = true;
        using tape = new Tape();
        const groups = group === "filter" ? "filter" : "block";
        const [d1, d2] = [scalar(0.15 - groupShare * 0.15), scalar(groupShare * 0.15)];
        const y = sparseGroupSoftThreshold(w, d1, d2, { groups });
        tape.backward(sum(mul(y, tensor(g, shape))));
        expectClose(
          x.map((v, i) => v - theta[i]!),
          await w.grad!.data(),
          { rtol: 1e-3, atol: 1e-5 },
        );
        sgd.dispose();
        p.dispose();
      }),
      { numRuns: 4 },
    );
  },
);

describe.each(["block8", "filter"] as const)("STR on groups %s", (group) => {
  const own = { lr: 0.1, momentum: 0.9, mode: "str", str: { start: -3, decay: 0.5 }, group, groupShare: 0.7 } as const;

  test("replays with the bits of an eager run", async () => {
    const run = async (replay: boolean) => {
      const p = parameter([19, 40], 6);
      const sgd = new SGD([p], own);
      const step = ({ x }: { x: Tensor }) => {
        using tape = new Tape();
        const loss = tape.keep(sum(mul(p, x)));
        tape.backward(loss);
        sgd.step();
        return { loss };
      };
      using captured = captureStep(step, { replay });
      for (let t = 0; t < 8; t++) captured.run({ x: { data: randomArray(760, t, 0.3), shape: [19, 40] } });
      const w = await p.data();
      const [numbers] = await layerNumbers(sgd);
      sgd.dispose();
      p.dispose();
      return { w, numbers };
    };
    const eager = await run(false);
    expect(await run(true)).toEqual(eager);
    expect([...eager.w].some((x) => x === 0)).toBe(true);
  });

  test("a refresh and a bake keep the bits of the weights, and zeros stay", async () => {
    const p = parameter([19, 40], 6);
    const sgd = new SGD([p], own);
    for (let t = 0; t < 6; t++) {
      arrive(p, randomArray(760, t, 0.3));
      sgd.step();
    }
    const before = (await p.data()) as Float32Array;
    sgd.refresh();
    expect(await p.data()).toEqual(before);
    sgd.bake();
    expect(await p.data()).toEqual(before);
    arrive(p, randomArray(760, 99));
    sgd.step();
    const after = (await p.data()) as Float32Array;
    expect(after.map((x) => Number(x === 0))).toEqual(before.map((x) => Number(x === 0)));
    expect(before.filter((x) => x === 0).length).toBeGreaterThan(20);
    sgd.dispose();
    p.dispose();
  });

  test("a scaled loss gives the bits of the same gradients without a scale, and skips an overflow", async () => {
    await expectScaledBits(() => {
      const p = parameter([16, 40], 3);
      return { p, sgd: new SGD([p], own) };
    });
  });
});

test("learned thresholds of groups follow a parameter that loses outputs", async () => {
  const [p, other] = [parameter([12, 30], 2), parameter([6, 20], 3)];
  const sgd = new SGD([{ params: [p, other], mode: "str", str: { start: -2, decay: 0.1 }, group: "filter" }], {
    lr: 0.1,
  });
  const step = (params: readonly Parameter[], t: number) => {
    for (const q of params) arrive(q, randomArray(360, t, 0.3).subarray(0, q.numel));
    sgd.step();
  };
  step([p, other], 1);
  const before = (await p.latent!.data()) as Float32Array;
  const learned = await layerNumbers(sgd);
  const state = await readOptimizerState(sgd, new Set([p]));
  const smaller = parameter([7, 30], 4);
  const positions = Int32Array.from({ length: 210 }, (_, i) => i);
  replaceParameters(sgd, new Map([[p, { param: smaller, positions }]]), state);
  expect(await smaller.latent!.data()).toEqual(before.subarray(0, 210));
  expect((await layerNumbers(sgd)).map((l) => l.raw)).toEqual(learned.map((l) => l.raw));
  step([smaller, other], 2);
  const [counts, numbers] = [await sgd.counts(), await layerNumbers(sgd)];
  expect(counts.map((c) => c.groups)).toEqual([7, 6]);
  numbers.forEach((l, k) => {
    expect(l.raw).not.toBe(learned[k]!.raw);
  });
  const d = 1 / (1 + Math.exp(-numbers[0]!.raw));
  const theta = (await smaller.latent!.data()) as Float32Array;
  expectClose(await smaller.data(), prox(theta, groupsOf("filter", [7, 30]), d, 1), { rtol: 1e-4, atol: 1e-5 });
  sgd.dispose();
  for (const q of [p, other, smaller]) q.dispose();
});

test("groups of one weight are STR on single weights", async () => {
  const run = async (group?: GroupName) => {
    const p = parameter([24, 3, 3, 3], 4);
    const sgd = new SGD([p], {
      ...{ lr: 0.05, momentum: 0.9, weightDecay: 1e-3, mode: "str", str: { start: -3, decay: 0.5 } },
      ...(group ? { group } : {}),
    });
    for (let t = 0; t < 8; t++) {
      arrive(p, randomArray(p.numel, 50 + t, 0.3));
      sgd.step();
    }
    const w = (await p.data()) as Float32Array;
    sgd.dispose();
    p.dispose();
    return w;
  };
  const plain = await run();
  expectClose(await run("neuron"), plain, { rtol: 1e-4, atol: 1e-6 });
  expect(plain.filter((x) => x === 0).length).toBeGreaterThan(20);
});
