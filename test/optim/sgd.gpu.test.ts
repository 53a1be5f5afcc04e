import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { constantInit } from "../../src/nn/init.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { SGD, type SGDOptions } from "../../src/optim/sgd.ts";
import { type Hyper, inplaceStep, latentStep, soft } from "../reference/sgd.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

function parameter(values: ArrayLike<number>): Parameter {
  return new Parameter([values.length], () => Float32Array.from(values), { prunable: true });
}

/** Set a gradient as backward does. */
function arrive(p: Parameter, g: ArrayLike<number>): void {
  p.grad!.set(Float32Array.from(g));
  p.gradArrived = true;
}

// Section 1.8 of the method notes: mu 0.9, wd 0.01, lr 0.1, d 0.10 -> 0.11, not the first step.
const theta = [0.3, -0.05, 0.12, -0.4, 0, 0.105];
const velocity = [0.02, 0.5, -0.01, 0, 0, 0.3];
const gradient = [0.1, -2, 0.4, -0.2, 3, 0.2];
const weightNow = theta.map((t) => soft(t, 0.1));

async function vectorStep(mode: "latent" | "inplace", extra: Partial<SGDOptions> = {}) {
  const p = parameter(mode === "latent" ? theta : weightNow);
  const sgd = new SGD([p], { lr: 0.1, momentum: 0.9, weightDecay: 0.01, mode, ...extra });
  sgd.groups[0]!.chunks[0]!.velocity!.set(Float32Array.from({ length: 1024 }, (_, i) => velocity[i] ?? 0));
  sgd.stepsDone = 1;
  sgd.set({ threshold: 0.1, thresholdNext: 0.11 });
  arrive(p, gradient);
  sgd.step();
  const result = {
    w: await p.data(),
    latent: p.latent ? await p.latent.data() : null,
    v: await sgd.velocityOf(p)!.data(),
    counts: (await sgd.counts())[0]!,
  };
  sgd.dispose();
  p.dispose();
  return result;
}

const tight = { rtol: 1e-6, atol: 1e-7 };

test("the published step: latent mode, with its counts", async () => {
  const { w, latent, v, counts } = await vectorStep("latent");
  expectClose(w, [0.1779, 0, 0, -0.2696, -0.19, 0], tight);
  expectClose(latent!, [0.2879, 0.10505, 0.08078, -0.3796, -0.3, 0.057895], tight);
  expectClose(v, [0.121, -1.5505, 0.3922, -0.204, 3, 0.47105], tight);
  expect(counts).toMatchObject({ nonzero: 3, pruned: 2, regrown: 1 });
  expect([...w].some((x) => Object.is(x, -0))).toBe(false);
});

test("the published step: Nesterov and in place", async () => {
  const nesterov = await vectorStep("latent", { nesterov: true });
  expectClose(nesterov.w, [0.16881, 0.179595, 0, -0.25124, -0.46, 0], tight);
  const inplace = await vectorStep("inplace");
  expectClose(inplace.w, [0.178, 0.145, -0.00912, -0.2697, -0.29, -0.032005], tight);
});

test("in place with decay on the latent equals latent mode if no weight crosses zero", async () => {
  const latent = await vectorStep("latent");
  const inplace = await vectorStep("inplace", { decayTarget: "latent" });
  for (const i of [0, 3]) expect(inplace.w[i]).toBeCloseTo(latent.w[i]!, 6);
});

test("twenty steps match float64 for any sizes, and the counts add up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom("latent" as const, "inplace" as const),
      fc.boolean(),
      async (sizes, mode, nesterov) => {
        const live = currentGpu().memory().live;
        const params = sizes.map((n, k) => parameter(randomArray(n, k + 1, 0.3)));
        const h: Hyper = { lr: 0.05, momentum: 0.9, weightDecay: 1e-3, nesterov, dNow: 0, dNext: 0 };
        const { dNow: _now, dNext: _next, ...options } = h;
        const sgd = new SGD(params, { ...options, mode });
        const states = params.map((p) => [...p.initialValues()].map((x) => ({ theta: x, v: 0, w: x })));
        let previous = sizes.map((n) => n);
        let churn = sizes.map(() => [0, 0]);
        for (let t = 0; t < 20; t++) {
          h.dNow = h.dNext;
          h.dNext = 0.01 * (t + 1);
          sgd.set({ threshold: h.dNow, thresholdNext: h.dNext });
          params.forEach((p, k) => {
            const g = randomArray(p.numel, 100 * t + k);
            arrive(p, g);
            states[k] = states[k]!.map((s, i) =>
              mode === "latent" ? latentStep(s.theta, s.v, g[i]!, h) : { theta: 0, ...inplaceStep(s.w, s.v, g[i]!, h) },
            );
          });
          sgd.step();
          if (t % 5 !== 4) continue;
          const counts = await sgd.counts();
          for (const [k, c] of counts.entries()) {
            const w = await params[k]!.data();
            expect(c.nonzero).toBe(w.filter((x) => x !== 0).length);
            const [pruned, regrown] = churn[k] as [number, number];
            expect(c.nonzero).toBe(previous[k]! - (c.pruned - pruned) + (c.regrown - regrown));
          }
          previous = counts.map((c) => c.nonzero);
          churn = counts.map((c) => [c.pruned, c.regrown]);
        }
        // f32 against float64 over twenty steps of size 0.05.
        for (const [k, p] of params.entries()) {
          expectClose(
            await p.data(),
            states[k]!.map((s) => s.w),
            { rtol: 2e-5, atol: 2e-6 },
          );
        }
        sgd.dispose();
        for (const p of params) p.dispose();
        expect(currentGpu().memory().live).toBe(live);
      },
    ),
    { numRuns: 8 },
  );
});

test("a threshold of zero is dense training, bit for bit", async () => {
  const runs = [];
  for (const mode of ["latent", "inplace", "none"] as const) {
    const p = parameter(randomArray(3000, 5));
    const sgd = new SGD([p], { lr: 0.1, momentum: 0.9, weightDecay: 1e-3, mode, decayTarget: "latent" });
    for (let t = 0; t < 5; t++) {
      arrive(p, randomArray(3000, 50 + t));
      sgd.step();
    }
    runs.push(await p.data());
    sgd.dispose();
    p.dispose();
  }
  expect(runs[1]).toEqual(runs[0]);
  expect(runs[2]).toEqual(runs[0]);
});

test("a set guard freezes the weights", async () => {
  const p = new Parameter([4], constantInit(1), { prunable: true });
  const sgd = new SGD([p], { lr: 0.1, momentum: 0.9, mode: "latent" });
  sgd.guard.set(Uint32Array.of(7, 0, 0, 0));
  sgd.set({ thresholdNext: 0.5 });
  arrive(p, [1, 2, 3, Number.NaN]);
  sgd.step();
  expect([...(await p.data())]).toEqual([1, 1, 1, 1]);
  sgd.dispose();
  p.dispose();
});

test("refuses bad options", () => {
  const p = new Parameter([4], constantInit(1));
  expect(() => new SGD([p], { lr: -1 })).toThrow("lr: expected a number >= 0, got -1");
  expect(() => new SGD([p], { lr: 1, momentum: 1 })).toThrow("momentum");
  expect(() => new SGD([p, p], { lr: 1 })).toThrow("expected each parameter in one group, got one of them twice");
  expect(() => new SGD([], { lr: 1 })).toThrow("expected at least one parameter, got an empty list");
  expect(() => new SGD([p], { lr: 1, momentum: 0.9, dampening: 0.5, nesterov: true })).toThrow(
    "SGD: nesterov: expected momentum > 0 and dampening 0, got momentum 0.9 and dampening 0.5",
  );
});
