import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { dropout, dropoutWithMask } from "../../src/ops/dropout.ts";
import { captureStep, metaTensor, Scope, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { philox4x32, streams, uniform01 } from "../../src/tensor/philox.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

interface Draw {
  readonly p: number;
  readonly seed: number;
  readonly stream: number;
  readonly step: number;
}

/** The mask of n elements by the CPU's Philox: 1 where kept. */
function keptOnCpu(n: number, { p, seed, stream, step }: Draw): number[] {
  const key = [seed % 2 ** 32, streams.dropout] as const;
  return Array.from({ length: n }, (_, i) => {
    const words = philox4x32([Math.floor(i / 4), step, stream, Math.floor(seed / 2 ** 32)], key);
    return uniform01(words[i % 4]!) >= Math.fround(p) ? 1 : 0;
  });
}

async function onGpu(x: ArrayLike<number>, draw: Draw): Promise<number[]> {
  using _scope = new Scope();
  using step = scalar(draw.step, "u32");
  return [...(await dropout(tensor(Float32Array.from(x)), { ...draw, step }).data())];
}

test("the mask is the CPU twin's, bit for bit", async () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 2000 }),
      fc.record({ p: fc.double({ min: 0, max: 0.95, noNaN: true }), seed: fc.maxSafeNat(), stream: u32, step: u32 }),
      async (n, draw) => {
        const scale = Math.fround(1 / (1 - draw.p));
        expect(await onGpu(new Float32Array(n).fill(1), draw)).toEqual(keptOnCpu(n, draw).map((m) => m * scale));
      },
    ),
    { numRuns: 25, seed: 1 },
  );
});

test("p = 0 is the identity, p = 1 gives zeros, and the share dropped is p", async () => {
  const x = [...randomArray(1001, 2)];
  const draw = { seed: 7, stream: 0, step: 3 };
  expect(await onGpu(x, { ...draw, p: 0 })).toEqual(x);
  expect(await onGpu(x, { ...draw, p: 1 })).toEqual(x.map(() => 0));
  const n = 40_000;
  const kept = (await onGpu(new Float32Array(n).fill(1), { ...draw, p: 0.3 })).filter((v) => v !== 0).length;
  // Five standard deviations of a binomial count.
  expect(Math.abs(kept - 0.7 * n)).toBeLessThan(5 * Math.sqrt(n * 0.21));
});

test("seed, layer and step each change the mask", async () => {
  const ones = new Float32Array(64).fill(1);
  const base = { p: 0.5, seed: 1, stream: 2, step: 3 };
  const masks = await Promise.all(
    [base, { ...base, seed: 2 }, { ...base, seed: 1 + 2 ** 32 }, { ...base, stream: 3 }, { ...base, step: 4 }].map(
      (draw) => onGpu(ones, draw),
    ),
  );
  expect(new Set(masks.map(String)).size).toBe(masks.length);
});

test("backward draws the mask of its forward, though the step has moved since", async () => {
  using _scope = new Scope();
  using step = scalar(5, "u32");
  const draw = { p: 0.4, seed: 11, stream: 1 };
  const x = tensor(randomArray(203, 3));
  x.requiresGrad = true;
  {
    using tape = new Tape();
    const y = dropout(x, { ...draw, step });
    step.set(6);
    tape.backward(y, tensor(new Float32Array(203).fill(1)));
  }
  const scale = Math.fround(1 / (1 - 0.4));
  expect([...(await x.grad!.data())]).toEqual(keptOnCpu(203, { ...draw, step: 5 }).map((m) => m * scale));
  x.grad!.dispose();
});

test("a replayed step draws a new mask when the step moves, the one an eager run draws", async () => {
  using step = scalar(0, "u32");
  const draw = { p: 0.5, seed: 3, stream: 0 };
  using captured = captureStep(({ x }: { x: Tensor }) => ({ y: dropout(x, { ...draw, step }) }));
  const x = new Float32Array(50).fill(1);
  const seen = new Set<string>();
  for (let k = 0; k < 4; k++) {
    step.set(k);
    captured.run({ x: { data: x, shape: [50] } });
    const y = [...(await captured.outputs.y.data())];
    expect(y).toEqual(await onGpu(x, { ...draw, step: k }));
    seen.add(String(y));
  }
  expect(seen.size).toBe(4);
});

test("with a given mask: values and gradients", async () => {
  const mask = randomArray(45, 4).map((v) => (v > 0 ? 1 : 0));
  await gradcheck({
    inputs: { x: { data: randomArray(45, 5), shape: [5, 9] }, mask: { data: mask, shape: [5, 9] } },
    frozen: ["mask"],
    op: ({ x, mask }) => dropoutWithMask(x!, mask!, { p: 0.2 }),
    reference: ({ x, mask }) => x!.map((v, i) => (v * mask![i]!) / 0.8),
  });
  using _scope = new Scope();
  const none = dropoutWithMask(tensor([1, 2]), tensor([0, 0]), { p: 1 });
  expect([...(await none.data())]).toEqual([0, 0]);
});

test("errors", () => {
  const step = metaTensor([], "u32");
  const good = { p: 0.5, seed: 1, stream: 0, step };
  expect(dropout(metaTensor([2, 3]), good).shape).toEqual([2, 3]);
  expect(() => dropout(metaTensor([2]), { ...good, p: 1.1 })).toThrow("dropout: p: expected 0 <= p <= 1, got 1.1");
  expect(() => dropout(metaTensor([2]), { ...good, p: Number.NaN })).toThrow("got NaN");
  expect(() => dropout(metaTensor([2]), { ...good, seed: -1 })).toThrow("seed: expected an integer");
  expect(() => dropout(metaTensor([2]), { ...good, stream: 2 ** 32 })).toThrow("stream: expected a u32");
  expect(() => dropout(metaTensor([2]), { ...good, step: metaTensor([2], "u32") })).toThrow(
    "step: expected one element",
  );
  expect(() => dropout(metaTensor([2]), { ...good, step: metaTensor([]) })).toThrow("step: expected u32, got f32");
  expect(() => dropout(metaTensor([2], "i32"), good)).toThrow("x: expected f32");
  expect(() => dropoutWithMask(metaTensor([2]), metaTensor([3]), { p: 0.5 })).toThrow("mask: expected x's shape");
});
