import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { dropout } from "../../src/ops/dropout.ts";
import { stochasticDepth } from "../../src/ops/stochastic_depth.ts";
import { captureStep, metaTensor, Scope, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const draw = { p: 0.4, seed: 7, stream: 2 };

/** 1/(1-p) or 0 for each of n samples, by dropout's own lot. */
async function factors(n: number, options: { p: number; seed: number; stream: number; step: number }) {
  using _scope = new Scope();
  using step = scalar(options.step, "u32");
  return [...(await dropout(tensor(new Float32Array(n).fill(1)), { ...options, step }).data())];
}

test("rows of any length are kept whole or dropped whole, as dropout keeps elements", async () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 41 }),
      fc.record({ p: fc.double({ min: 0, max: 1, noNaN: true }), seed: fc.maxSafeNat(), stream: u32, step: u32 }),
      async (n, row, options) => {
        using _scope = new Scope();
        using step = scalar(options.step, "u32");
        const x = randomArray(n * row, 3);
        const y = await stochasticDepth(tensor(x, [n, row]), { ...options, step }).data();
        const kept = await factors(n, options);
        expect([...y]).toEqual([...x].map((v, i) => Math.fround(v * kept[Math.floor(i / row)]!) + 0));
      },
    ),
    { numRuns: 25, seed: 1 },
  );
});

test("the expectation stays: over many samples the mean is that of x", async () => {
  using _scope = new Scope();
  using step = scalar(1, "u32");
  const n = 20_000;
  const y = await stochasticDepth(tensor(new Float32Array(3 * n).fill(1), [n, 3]), { ...draw, step }).data();
  const mean = [...y].reduce((a, b) => a + b, 0) / (3 * n);
  // Samples are 0 or 1/(1-p), with variance p/(1-p): five standard errors.
  expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(0.4 / 0.6 / n));
});

test("gradients go through kept samples alone, also when the step has moved, and a NaN goes with its sample", async () => {
  using _scope = new Scope();
  using step = scalar(5, "u32");
  const n = 12;
  const kept = await factors(n, { ...draw, step: 5 });
  expect(new Set(kept).size).toBe(2);
  const x = tensor(new Float32Array(n * 7).fill(Number.NaN), [n, 7]);
  x.requiresGrad = true;
  let y: ArrayLike<number>;
  {
    using tape = new Tape();
    const out = tape.keep(stochasticDepth(x, { ...draw, step }));
    step.set(6);
    tape.backward(out, tensor(new Float32Array(n * 7).fill(1), [n, 7]));
    y = await out.data();
  }
  const each = Array.from({ length: n * 7 }, (_, i) => kept[Math.floor(i / 7)]!);
  expect([...(await x.grad!.data())]).toEqual(each);
  expect(Array.from(y, Number.isNaN)).toEqual(each.map((f) => f !== 0));
  x.grad!.dispose();
});

test("a replayed step draws again when the step advances, as an eager run does", async () => {
  using step = scalar(0, "u32");
  using captured = captureStep(({ x }: { x: Tensor }) => ({ y: stochasticDepth(x, { ...draw, step }) }));
  const seen = new Set<string>();
  for (let k = 0; k < 4; k++) {
    step.set(k);
    captured.run({ x: { data: new Float32Array(24).fill(1), shape: [24, 1] } });
    const y = [...(await captured.outputs.y.data())];
    expect(y).toEqual(await factors(24, { ...draw, step: k }));
    seen.add(String(y));
  }
  expect(seen.size).toBe(4);
});

test("errors", () => {
  const good = { ...draw, step: metaTensor([], "u32") };
  expect(stochasticDepth(metaTensor([2, 3]), good).shape).toEqual([2, 3]);
  expect(() => stochasticDepth(metaTensor([]), good)).toThrow("stochasticDepth: x: expected a batch axis");
  expect(() => stochasticDepth(metaTensor([2]), { ...good, p: -0.1 })).toThrow("p: expected 0 <= p <= 1, got -0.1");
  expect(() => stochasticDepth(metaTensor([2]), { ...good, p: Number.NaN })).toThrow("got NaN");
  expect(() => stochasticDepth(metaTensor([2]), { ...good, seed: 0.5 })).toThrow("seed: expected an integer");
  expect(() => stochasticDepth(metaTensor([2]), { ...good, stream: -1 })).toThrow("stream: expected a u32");
  expect(() => stochasticDepth(metaTensor([2]), { ...good, step: metaTensor([2], "u32") })).toThrow(
    "step: expected one element",
  );
  expect(() => stochasticDepth(metaTensor([2]), { ...good, step: metaTensor([]) })).toThrow(
    "step: expected u32, got f32",
  );
  expect(() => stochasticDepth(metaTensor([2], "i32"), good)).toThrow("x: expected f32");
});
