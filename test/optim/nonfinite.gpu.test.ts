import { describe, expect, test } from "vitest";
import { Parameter } from "../../src/nn/parameter.ts";
import { LAYER, layerWord } from "../../src/optim/hyper.ts";
import { enableLearnedThresholds } from "../../src/optim/index.ts";
import { SGD, type ThresholdMode } from "../../src/optim/sgd.ts";

enableLearnedThresholds();

const MODES: readonly ThresholdMode[] = ["none", "latent", "inplace", "fista", "str", "ltp"];
const values = (n: number) => Float32Array.from({ length: n }, (_, i) => 0.5 + i / n);

function arrive(p: Parameter, at: number, g: number): void {
  p.grad!.set(new Float32Array(p.numel).fill(0.01).fill(g, at, at + 1));
  p.gradArrived = true;
}

describe.each(MODES)("an update of mode %s", (mode) => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "notes the first step that a gradient of %d reaches a weight",
    async (g) => {
      const [a, b] = [1500, 7].map((n) => new Parameter([n], () => values(n), { prunable: true })) as [
        Parameter,
        Parameter,
      ];
      const sgd = new SGD([a, b], { lr: 0.1, momentum: 0.5, mode });
      for (let step = 0; step < 4; step++) {
        sgd.set({ threshold: 0.01, thresholdNext: 0.01 });
        arrive(a, 1400, step >= 2 ? g : 0.01);
        arrive(b, 0, 0.01);
        sgd.step();
        const counts = await sgd.counts();
        expect(counts.map((c) => c.badStep)).toEqual([step >= 2 ? 2 : null, null]);
      }
      // It stays where it is: no step after it makes 0 of it.
      expect(Number.isFinite((await a.data())[1400])).toBe(false);
      expect((await b.data()).every(Number.isFinite)).toBe(true);
      sgd.harden();
      expect(Number.isFinite((await a.data())[1400])).toBe(false);
      sgd.bake();
      expect(Number.isFinite((await a.data())[1400])).toBe(false);
      for (const t of [sgd, a, b]) t.dispose();
    },
  );
});

test("a learned threshold of NaN makes every weight of its layer NaN", async () => {
  for (const mode of ["str", "ltp"] as const) {
    const p = new Parameter([9], () => values(9), { prunable: true });
    const sgd = new SGD([p], { lr: 0.1, mode });
    sgd.set({});
    const hyper = sgd.groups[0]!.chunks[0]!.hyper;
    const numbers = (await hyper.data()) as Float32Array;
    for (const field of ["now", "next", "raw"]) numbers[layerWord(0) + LAYER.wordOf(field)] = Number.NaN;
    hyper.set(numbers);
    arrive(p, 0, 0.01);
    sgd.step();
    expect((await p.data()).every(Number.isNaN)).toBe(true);
    expect((await sgd.counts())[0]).toMatchObject({ badStep: 0 });
    for (const t of [sgd, p]) t.dispose();
  }
});

test("a frozen update writes and records nothing", async () => {
  const p = new Parameter([5], () => values(5));
  const sgd = new SGD([p], { lr: 0.1 });
  sgd.guard.set(Uint32Array.of(3, 0, 0, 0));
  arrive(p, 0, Number.NaN);
  sgd.step();
  expect([...(await p.data())]).toEqual([...values(5)]);
  expect((await sgd.counts())[0]).toMatchObject({ badStep: null });
  sgd.clearFaults();
  arrive(p, 0, Number.NaN);
  sgd.step();
  expect((await sgd.counts())[0]).toMatchObject({ badStep: 1 });
  sgd.clearFaults();
  expect((await sgd.counts())[0]).toMatchObject({ badStep: null });
  for (const t of [sgd, p]) t.dispose();
});
