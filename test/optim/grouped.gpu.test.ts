// SGD with thresholds on groups of weights, against float64 and against thresholds on single weights.
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { Conv2d, ConvTranspose2d, Linear, Parameter, Sequential } from "../../src/nn/index.ts";
import { mul } from "../../src/ops/binary.ts";
import { sum } from "../../src/ops/sum.ts";
import { noteParts } from "../../src/optim/group_tables.ts";
import { enableWeightGroups, SGD, type SGDOptions } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { captureStep, type Shape, type Tensor } from "../../src/tensor/index.ts";
import { type GroupName, groupsOf, sparseGroup } from "../reference/sparse_group.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { expectScaledBits } from "./scaled_steps.ts";

beforeAll(enableWeightGroups);

const numelOf = (shape: Shape) => shape.reduce((n, d) => n * d, 1);
const names = ["block8", "block4", "filter", "neuron"] as const;

function parameter(shape: Shape, seed: number, parts = 1, scale = 0.3): Parameter {
  const p = new Parameter(shape, () => randomArray(numelOf(shape), seed, scale), { prunable: true });
  noteParts(p, parts);
  return p;
}

function arrive(p: Parameter, g: Float32Array): void {
  p.grad!.set(g);
  p.gradArrived = true;
}

/** A weight and its momentum in float64. */
interface State {
  theta: Float64Array;
  v: Float64Array;
  w: Float64Array;
}

interface Numbers {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
  readonly mode: "latent" | "inplace";
}

/** One step in float64. `d`: threshold after it, or the increment in place. */
function stepped(
  { theta, v, w }: State,
  g: Float32Array,
  groups: number[][],
  [d1, d2]: [number, number],
  n: Numbers,
): State {
  const base = n.mode === "latent" ? theta : w;
  const u = base.map((x, i) => g[i]! + n.weightDecay * x);
  const next = v.map((x, i) => n.momentum * x + u[i]!);
  const moved = base.map((x, i) => x - n.lr * (n.nesterov ? u[i]! + n.momentum * next[i]! : next[i]!));
  const shrunk = sparseGroup(moved, groups, d1, d2);
  return { theta: moved, v: next, w: shrunk };
}

const weights = fc.record({
  // [shape, groups of the convolution]: no multiples of 8, depthwise, one place, many places.
  layers: fc.array(
    fc.constantFrom<[Shape, number]>(
      ...([
        [[13, 5], 1],
        [[24, 2, 3, 3], 1],
        [[6, 1, 3, 3], 6],
        [[20, 3, 1, 1], 2],
        [[36, 4, 2, 1], 3],
        [[10, 300], 1],
        [[1, 7], 1],
        [[9, 1], 1],
      ] as [Shape, number][]),
    ),
    { minLength: 1, maxLength: 3 },
  ),
  name: fc.constantFrom<GroupName>(...names),
  share: fc.constantFrom(0, 0.3, 1),
  mode: fc.constantFrom("latent" as const, "inplace" as const),
  momentum: fc.constantFrom(0, 0.9),
  nesterov: fc.boolean(),
  seed: fc.nat(1e6),
});

test("twelve steps match float64 for any weights, groups, shares and modes, and the counts add up", async () => {
  let zeros = 0;
  await fc.assert(
    fc.asyncProperty(weights, async ({ layers, name, share, mode, momentum, nesterov, seed }) => {
      const live = currentGpu().memory().live;
      const params = layers.map(([shape, parts], k) => parameter(shape, seed + k, parts));
      const own = { lr: 0.05, momentum, weightDecay: 1e-3, nesterov: nesterov && momentum > 0, mode };
      const sgd = new SGD(params, { ...own, group: name, groupShare: share });
      let states = params.map((p): State => {
        const x = Float64Array.from(p.initialValues());
        return { theta: x, v: new Float64Array(x.length), w: x };
      });
      const groups = layers.map(([shape, parts]) => groupsOf(name, shape, parts));
      for (let t = 0; t < 12; t++) {
        const [now, next] = [0.015 * t, 0.015 * (t + 1)];
        sgd.set({ threshold: now, thresholdNext: next });
        const d = mode === "latent" ? next : next - now;
        const gradients = params.map((p, k) => randomArray(p.numel, seed + 100 * t + k));
        params.forEach((p, k) => {
          arrive(p, gradients[k]!);
        });
        sgd.step();
        states = states.map((s, k) => stepped(s, gradients[k]!, groups[k]!, [(1 - share) * d, share * d], own));
      }
      const counts = await sgd.counts();
      for (const [k, p] of params.entries()) {
        const w = (await p.data()) as Float32Array;
        expectClose(w, states[k]!.w, { rtol: 3e-5, atol: 3e-6 });
        if (p.latent) expectClose(await p.latent.data(), states[k]!.theta, { rtol: 3e-5, atol: 3e-6 });
        const found = w.filter((x) => x !== 0).length;
        expect(counts[k]!.nonzero).toBe(found);
        expect(found).toBe(w.length - counts[k]!.pruned + counts[k]!.regrown);
        expect([...w].some((x) => Object.is(x, -0))).toBe(false);
        if (counts[k]!.groups !== undefined) {
          const dead = groups[k]!.filter((g) => g.every((i) => w[i] === 0)).length;
          expect([counts[k]!.groups, counts[k]!.zeroGroups]).toEqual([groups[k]!.length, dead]);
        }
        zeros += w.length - found;
      }
      sgd.dispose();
      for (const p of params) p.dispose();
      expect(currentGpu().memory().live).toBe(live);
    }),
    { numRuns: 30 },
  );
  expect(zeros).toBeGreaterThan(100);
});

/** Run some steps of one weight and return W. */
async function trained(options: Partial<SGDOptions>, shape: Shape = [24, 3, 3, 3]) {
  const p = parameter(shape, 4);
  const sgd = new SGD([p], { lr: 0.05, momentum: 0.9, weightDecay: 1e-3, ...options });
  // In place the rise alone shrinks.
  const rise = options.mode === "inplace" ? 0.06 : 0.02;
  for (let t = 0; t < 8; t++) {
    sgd.set(options.mode ? { threshold: rise * t, thresholdNext: rise * (t + 1) } : {});
    arrive(p, randomArray(p.numel, 50 + t, 0.3));
    sgd.step();
  }
  return { p, sgd, w: (await p.data()) as Float32Array };
}

const dispose = (...runs: Awaited<ReturnType<typeof trained>>[]) => {
  for (const { sgd, p } of runs) {
    sgd.dispose();
    p.dispose();
  }
};

describe.each(["latent", "inplace"] as const)("mode %s", (mode) => {
  test("with share 0, and with groups of one weight, is the threshold on single weights", async () => {
    const plain = await trained({ mode });
    const none = await trained({ mode, group: "block8", groupShare: 0 });
    expectClose(none.w, plain.w, { rtol: 1e-6, atol: 1e-7 });
    const single = await trained({ mode, group: "neuron" });
    expectClose(single.w, plain.w, { rtol: 1e-6, atol: 1e-7 });
    expect(plain.w.filter((x) => x === 0).length).toBeGreaterThan(50);
    dispose(plain, none, single);
  });

  test.each(names)("with group %s keeps zeros after the bake, and the weights of the forward pass", async (group) => {
    const shape: Shape = group === "neuron" ? [30, 17] : [24, 3, 3, 3];
    const run = await trained({ mode, group, groupShare: 0.8 }, shape);
    const before = run.w;
    run.sgd.bake();
    expect(await run.p.data()).toEqual(before);
    run.sgd.set({ threshold: 0, thresholdNext: 0, tau: 0 });
    arrive(run.p, randomArray(run.p.numel, 99));
    run.sgd.step();
    const after = (await run.p.data()) as Float32Array;
    expect(before.filter((x) => x === 0).length).toBeGreaterThan(20);
    after.forEach((x, i) => {
      expect(x === 0).toBe(before[i] === 0);
    });
    expect((await run.sgd.counts())[0]!.nonzero).toBe(after.filter((x) => x !== 0).length);
    dispose(run);
  });

  test.each(["block8", "filter"] as const)("with group %s replays with the bits of an eager run", async (group) => {
    const run = async (replay: boolean) => {
      const p = parameter([19, 40], 6);
      const sgd = new SGD([p], { lr: 0.1, momentum: 0.9, mode, group, groupShare: 0.6, threshold: (n) => 0.01 * n });
      const step = ({ x }: { x: Tensor }) => {
        using tape = new Tape();
        const loss = tape.keep(sum(mul(p, x)));
        tape.backward(loss);
        sgd.step();
        return { loss };
      };
      const inputs = Array.from({ length: 8 }, (_, t) => ({ x: { data: randomArray(760, t, 0.3), shape: [19, 40] } }));
      using captured = captureStep(step, { replay });
      for (const input of inputs) captured.run(input);
      const w = await p.data();
      sgd.dispose();
      p.dispose();
      return w;
    };
    const eager = await run(false);
    expect(await run(true)).toEqual(eager);
    expect([...eager].some((x) => x === 0)).toBe(true);
  });
});

test("a scaled loss gives the bits of the same gradients without a scale, and skips an overflow", async () => {
  await expectScaledBits(
    () => {
      const p = parameter([16, 40], 3);
      return { p, sgd: new SGD([p], { lr: 0.1, momentum: 0.9, mode: "latent", group: "block8" }) };
    },
    (sgd, t) => sgd.set({ threshold: 0.01 * t, thresholdNext: 0.01 * (t + 1) }),
  );
});

test("names the first step that wrote a number that is not finite", async () => {
  for (const group of names) {
    const p = parameter([20, 30], 3);
    const sgd = new SGD([p], { lr: 0.1, mode: "latent", group });
    for (let t = 0; t < 3; t++) {
      const g = randomArray(600, t);
      if (t >= 1) g[300] = Number.NaN;
      sgd.set({ threshold: 0.01, thresholdNext: 0.01 });
      arrive(p, g);
      sgd.step();
    }
    expect((await sgd.counts())[0]!.badStep).toBe(1);
    sgd.dispose();
    p.dispose();
  }
});

test("pruningGroups notes where the blocks of a convolution with groups end", async () => {
  const model = new Sequential([new Conv2d(4, 20, 3, { groups: 2, bias: false })]);
  const weight = model.parameters()[0]!;
  const x = (await weight.data()) as Float32Array;
  const sgd = new SGD(pruningGroups(model, { mode: "inplace", group: "block8" }), { lr: 0 });
  sgd.set({ tau: 0.05 });
  arrive(weight, new Float32Array(weight.numel));
  sgd.step();
  expectClose(await weight.data(), sparseGroup(x, groupsOf("block8", weight.shape, 2), 0, 0.05), {
    rtol: 1e-6,
    atol: 1e-7,
  });
  sgd.dispose();
});

test("refuses what groups do not have, by name", () => {
  const p = () => [parameter([8, 4], 1)];
  const sgd = (options: Partial<SGDOptions>) => () => new SGD(p(), { lr: 0.1, ...options });
  expect(sgd({ group: "block8" })).toThrow("mode: expected latent, inplace or str with group block8, got none");
  expect(sgd({ group: "block8", mode: "fista" })).toThrow(
    "mode: expected latent, inplace or str with group block8, got fista",
  );
  expect(sgd({ group: "rows" as never, mode: "latent" })).toThrow(
    "group: expected one of block8, block4, filter, neuron, got rows",
  );
  expect(sgd({ group: "filter", groupShare: 2, mode: "latent" })).toThrow(
    "groupShare: expected a number from 0 to 1, got 2",
  );
  expect(sgd({ groupShare: 0.5, mode: "latent" })).toThrow("groupShare: expected nothing without group");
  expect(sgd({ group: "filter", mode: "latent", shrink: 0.1 })).toThrow("shrink: expected 0 with group filter");
  expect(sgd({ group: "filter", mode: "inplace", decayTarget: "latent" })).toThrow("decayTarget: expected effective");
  expect(sgd({ group: "filter", mode: "ltp" })).toThrow("mode");
  const up = new Sequential([new Linear(3, 8), new ConvTranspose2d(2, 4, 2)] as never);
  expect(() => pruningGroups(up, { mode: "latent", group: "block8" })).toThrow("got ConvTranspose2d 1: leave it dense");
});
