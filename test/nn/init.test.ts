import fc from "fast-check";
import { expect, test } from "vitest";
import { LeNetBN } from "../../src/models/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  constantInit,
  defaultWeightInit,
  fanIn,
  type Initializer,
  kaimingNormalInit,
  Linear,
  manualSeed,
  normalInit,
} from "../../src/nn/index.ts";

const values = (seed: number) => {
  manualSeed(seed);
  return [...new LeNetBN({ size: 8 }).namedState()].map(([, t]) => t.initialValues());
};
const draw = (init: Initializer, shape: readonly number[], seed = 3) => init(shape, { seed, parameter: 0 });

test("a seed fixes every weight; another seed changes them", () => {
  expect(values(7)).toEqual(values(7));
  const [a, b] = [values(7)[0], values(8)[0]];
  expect(a).not.toEqual(b);
});

test("two parameters of one shape differ, and two reads of one do not", () => {
  manualSeed(1);
  const [a, b] = [new Linear(4, 4).weight, new Linear(4, 4).weight];
  expect(a.initialValues()).not.toEqual(b.initialValues());
  expect(a.initialValues()).toEqual(a.initialValues());
});

test("fan in counts what feeds one output", () => {
  expect(fanIn([8, 3, 5, 5])).toBe(75);
  expect(fanIn([10, 128])).toBe(128);
});

test("default weights and biases stay within 1/sqrt(fan in)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(1e6),
      (inputs, outputs, seed) => {
        manualSeed(seed);
        for (const layer of [new Linear(inputs, outputs), new Conv2d(inputs, outputs, 3)]) {
          const bound = Math.fround(1 / Math.sqrt(fanIn(layer.weight.shape)));
          for (const t of [layer.weight, layer.bias]) {
            expect(t?.initialValues().every((v) => Math.abs(v) <= bound)).toBe(true);
          }
        }
      },
    ),
    { numRuns: 30 },
  );
});

/** Mean and standard deviation. */
function moments(v: Float32Array): [number, number] {
  const mean = v.reduce((a, b) => a + b, 0) / v.length;
  return [mean, Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / v.length)];
}

// 20,000 draws: five standard errors of the mean are 0.035 std, of the std about 0.025 std.
test("the distributions have the moments of their names", () => {
  const shape = [200, 100];
  const [mean, std] = moments(draw(defaultWeightInit, shape));
  const uniform = 0.1 / Math.sqrt(3);
  expect(Math.abs(mean)).toBeLessThan(0.035 * uniform);
  expect(Math.abs(std / uniform - 1)).toBeLessThan(0.025);
  for (const [init, want] of [
    [kaimingNormalInit("fan_in"), Math.sqrt(2 / 100)],
    [kaimingNormalInit("fan_out"), Math.sqrt(2 / 200)],
    [kaimingNormalInit("fan_out", 4), Math.sqrt(2 / 50)],
    [normalInit(0.01), 0.01],
  ] as const) {
    const [m, s] = moments(draw(init, shape));
    expect(Math.abs(m)).toBeLessThan(0.035 * want);
    expect(Math.abs(s / want - 1)).toBeLessThan(0.025);
  }
});

test("layers accept initial values for weight and bias", () => {
  const config = { init: constantInit(2), biasInit: constantInit(3) };
  for (const layer of [new Linear(2, 2, config), new Conv2d(2, 2, 1, config)]) {
    expect([...layer.weight.initialValues()]).toEqual([2, 2, 2, 2]);
    expect([...(layer.bias?.initialValues() ?? [])]).toEqual([3, 3]);
  }
});

test("batch norm starts as the identity", () => {
  const bn = new BatchNorm2d(3);
  expect([bn.weight, bn.bias, bn.running_mean, bn.running_var].map((t) => [...(t?.initialValues() ?? [])])).toEqual([
    [1, 1, 1],
    [0, 0, 0],
    [0, 0, 0],
    [1, 1, 1],
  ]);
});
