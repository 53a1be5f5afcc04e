import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activationCheckpoint, Tape } from "../../src/autograd/index.ts";
import { mul } from "../../src/ops/binary.ts";
import {
  encodeDirect,
  encodeLatency,
  encodePoisson,
  encodePoissonWith,
  encodeWeightedPhase,
  type LatencyFunction,
} from "../../src/ops/encode.ts";
import { captureStep, metaTensor, numel, Scope, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { philox4x32, streams, uniform01 } from "../../src/tensor/philox.ts";
import { binaryDigits, latencyLinear, latencyLog, repeated } from "../reference/encode.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const steps = fc.integer({ min: 1, max: 20 });
const unit = fc.float({ min: 0, max: 1, noNaN: true });
const units = fc.array(unit, { minLength: 1, maxLength: 50 });

async function valuesOf(encode: (x: Tensor) => Tensor, x: ArrayLike<number>): Promise<number[]> {
  using _scope = new Scope();
  return [...(await encode(tensor(Float32Array.from(x))).data())];
}

test("direct: x at every step, and gradients summed over time", async () => {
  for (const shape of [[2, 3, 4, 5], [3, 7], [5]]) {
    await gradcheck({
      inputs: { x: { data: randomArray(numel(shape), 1), shape } },
      op: ({ x }) => encodeDirect(x!, { timeSteps: 6 }),
      reference: ({ x }) => repeated(x!, 6),
      forward: { rtol: 0, atol: 0 },
    });
  }
});

describe.each(["linear", "log"] as const)("latency, %s", (rule: LatencyFunction) => {
  const reference = rule === "linear" ? latencyLinear : latencyLog;

  test("every x fires where the definition says in float64", async () => {
    await fc.assert(
      fc.asyncProperty(units, steps, async (x, timeSteps) => {
        const got = await valuesOf((t) => encodeLatency(t, { timeSteps, function: rule }), x);
        expect(got).toEqual(reference(x, timeSteps));
        // One spike each, no more and no less.
        expect(got.reduce((a, b) => a + b, 0)).toBe(x.length);
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  test("both sides of every place where the step changes, to the last bit of an f32", async () => {
    for (const timeSteps of [2, 3, 5, 6, 10, 16, 33]) {
      const a = Math.exp(timeSteps - 1) - 1;
      const x = Array.from({ length: timeSteps - 1 }, (_, k) => {
        const edge = rule === "linear" ? 1 - (k + 0.5) / (timeSteps - 1) : (Math.exp(timeSteps - 1.5 - k) - 1) / a;
        const bits = new Uint32Array(Float32Array.of(edge).buffer);
        return [-2, -1, 0, 1, 2].map((off) => new Float32Array(Uint32Array.of(bits[0]! + off).buffer)[0]!);
      }).flat();
      const got = await valuesOf((t) => encodeLatency(t, { timeSteps, function: rule }), [0, 1, ...x]);
      expect(got, `${timeSteps} steps`).toEqual(reference([0, 1, ...x], timeSteps));
    }
  });
});

test("latency: ties go to the even step, and what would fire outside does not", async () => {
  const of = (x: number[], timeSteps: number) => valuesOf((t) => encodeLatency(t, { timeSteps }), x);
  // 2(1 - x) = 1.5 and 0.5, then 4(1 - x) = 3.5, 2.5, 1.5, 0.5.
  expect(await of([0.25, 0.75], 3)).toEqual([0, 1, 0, 0, 1, 0]);
  const four = await of([0.125, 0.375, 0.625, 0.875], 5);
  expect(four).toEqual(
    [
      [0, 0, 0, 1],
      [0, 0, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 0, 0],
      [1, 0, 0, 0],
    ].flat(),
  );
  // -0.5 and 2.5 round to the steps 0 and 2; beyond, and for no number at all, there is nothing.
  expect(await of([1.25, 1.26, -0.25, -0.26, Number.NaN, 9], 3)).toEqual(
    [
      [1, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
      [0, 0, 1, 0, 0, 0],
    ].flat(),
  );
  expect(await of([0, 0.3, 1], 1)).toEqual([1, 1, 1]);
});

test("weighted phase: binary digits, which add up to x", async () => {
  await fc.assert(
    fc.asyncProperty(units, fc.integer({ min: 1, max: 30 }), async (all, timeSteps) => {
      const x = all.map((v) => Math.min(v, 1 - 2 ** -Math.min(timeSteps, 24)));
      const got = await valuesOf((t) => encodeWeightedPhase(t, { timeSteps }), x);
      expect(got).toEqual(binaryDigits(x, timeSteps));
      x.forEach((v, i) => {
        let sum = 0;
        for (let t = 0; t < timeSteps; t++) sum += got[t * x.length + i]! * 2 ** -(t + 1);
        expect(v - sum).toBeGreaterThanOrEqual(0);
        expect(v - sum).toBeLessThan(2 ** -timeSteps);
      });
    }),
    { numRuns: 25, seed: 1 },
  );
  expect(await valuesOf((t) => encodeWeightedPhase(t, { timeSteps: 3 }), [1, -0.5])).toEqual([1, 0, 1, 0, 1, 0]);
});

interface Draw {
  readonly timeSteps: number;
  readonly seed: number;
  readonly stream: number;
  readonly step: number;
}

/** Spikes by the CPU's Philox. */
function onCpu(x: ArrayLike<number>, { timeSteps, seed, stream, step }: Draw): number[] {
  const key = [seed % 2 ** 32, streams.poisson] as const;
  return Array.from({ length: timeSteps * x.length }, (_, e) => {
    const words = philox4x32([Math.floor(e / 4), step, stream, Math.floor(seed / 2 ** 32)], key);
    return uniform01(words[e % 4]!) <= Math.fround(x[e % x.length]!) ? 1 : 0;
  });
}

async function onGpu(x: ArrayLike<number>, draw: Draw): Promise<number[]> {
  using step = scalar(draw.step, "u32");
  return await valuesOf((t) => encodePoisson(t, { ...draw, step }), x);
}

describe("Poisson", () => {
  test("the spikes are the CPU twin's, bit for bit", async () => {
    const u32 = fc.integer({ min: 0, max: 0xffffffff });
    await fc.assert(
      fc.asyncProperty(
        fc.array(unit, { minLength: 1, maxLength: 200 }),
        fc.record({ timeSteps: steps, seed: fc.maxSafeNat(), stream: u32, step: u32 }),
        async (x, draw) => {
          expect(await onGpu(x, draw)).toEqual(onCpu(x, draw));
        },
      ),
      { numRuns: 25, seed: 1 },
    );
  });

  test("the rate is x: 1 always fires, less than 0 never, 0 only with a number that is exactly 0", async () => {
    const n = 40_000;
    const draw = { timeSteps: 1, seed: 7, stream: 0, step: 3 };
    for (const rate of [0.1, 0.5, 0.9]) {
      const spikes = (await onGpu(new Float32Array(n).fill(rate), draw)).reduce((a, b) => a + b, 0);
      // Five standard deviations of a binomial count.
      expect(Math.abs(spikes - rate * n)).toBeLessThan(5 * Math.sqrt(n * rate * (1 - rate)));
    }
    const per = await onGpu([1, -1e-6, 0, 0.25], { ...draw, timeSteps: 4000 });
    const counts = [0, 1, 2, 3].map((i) => per.filter((v, e) => e % 4 === i && v === 1).length);
    expect(counts.slice(0, 3)).toEqual([4000, 0, 0]);
    expect(Math.abs(counts[3]! - 1000)).toBeLessThan(5 * Math.sqrt(4000 * 0.25 * 0.75));
    const given = await valuesOf((t) => encodePoissonWith(t, tensor([0, 0.5], [2, 1])), [0]);
    expect(given).toEqual([1, 0]);
  });

  test("seed, layer, step and time each change the spikes", async () => {
    const x = new Float32Array(64).fill(0.5);
    const base = { timeSteps: 2, seed: 1, stream: 2, step: 3 };
    const runs = await Promise.all(
      [base, { ...base, seed: 2 }, { ...base, seed: 1 + 2 ** 32 }, { ...base, stream: 3 }, { ...base, step: 4 }].map(
        (draw) => onGpu(x, draw),
      ),
    );
    const parts = runs.flatMap((r) => [String(r.slice(0, 64)), String(r.slice(64))]);
    expect(new Set(parts).size).toBe(parts.length);
    expect(await onGpu(x, base)).toEqual(runs[0]);
  });

  test("a replayed step draws new spikes when the step moves, those an eager run draws", async () => {
    using step = scalar(0, "u32");
    const draw = { timeSteps: 3, seed: 3, stream: 0 };
    using captured = captureStep(({ x }: { x: Tensor }) => ({ y: encodePoisson(x, { ...draw, step }) }));
    const x = randomArray(50, 2).map(Math.abs);
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

  test("under activationCheckpoint, backward sees the spikes that forward saw, though the step has moved since", async () => {
    using _scope = new Scope();
    using step = scalar(5, "u32");
    const draw = { timeSteps: 4, seed: 11, stream: 1 };
    const x = new Float32Array(30).fill(0.5);
    const weight = tensor(randomArray(30, 3));
    weight.requiresGrad = true;
    {
      using tape = new Tape();
      const y = activationCheckpoint((t: Tensor) => mul(encodePoisson(t, { ...draw, step }), weight))(tensor(x));
      step.set(6);
      tape.backward(y, tensor(new Float32Array(120).fill(1), [4, 30]));
    }
    const spikes = onCpu(x, { ...draw, step: 5 });
    const want = x.map((_, i) => [0, 1, 2, 3].reduce((sum, t) => sum + spikes[t * 30 + i]!, 0));
    expect(await weight.grad!.data()).toEqual(want);
    weight.grad!.dispose();
  });

  test("given numbers: 1 where u <= x, for any shape", async () => {
    await fc.assert(
      fc.asyncProperty(anyShape(4), fc.integer({ min: 1, max: 5 }), async (shape, timeSteps) => {
        using _scope = new Scope();
        const n = numel(shape);
        const x = randomArray(n, 1).map(Math.abs);
        // A third of the numbers lie exactly on x, where the rule fires.
        const u = randomArray(n * timeSteps, 2).map((v, e) => (e % 3 === 0 ? x[e % n]! : Math.abs(v)));
        const y = encodePoissonWith(tensor(x, shape), tensor(u, [timeSteps, ...shape]));
        expect(y.shape).toEqual([timeSteps, ...shape]);
        expect([...(await y.data())]).toEqual([...u].map((v, e) => (v <= x[e % n]! ? 1 : 0)));
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});

test("shapes, gradients that are none, and errors", () => {
  const x = metaTensor([2, 3]);
  const step = metaTensor([], "u32");
  const draw = { timeSteps: 4, seed: 1, stream: 0, step };
  for (const y of [
    encodeDirect(x, { timeSteps: 4 }),
    encodeLatency(x, { timeSteps: 4 }),
    encodeWeightedPhase(x, { timeSteps: 4 }),
    encodePoisson(x, draw),
    encodePoissonWith(x, metaTensor([4, 2, 3])),
  ]) {
    expect(y.shape).toEqual([4, 2, 3]);
  }
  for (const timeSteps of [0, -1, 1.5, Number.NaN]) {
    for (const encode of [encodeDirect, encodeLatency, encodeWeightedPhase]) {
      expect(() => encode(x, { timeSteps })).toThrow(`timeSteps: expected an integer >= 1, got ${timeSteps}`);
    }
    expect(() => encodePoisson(x, { ...draw, timeSteps })).toThrow("encodePoisson: timeSteps: expected an integer");
  }
  expect(() => encodeWeightedPhase(x, { timeSteps: 127 })).toThrow("timeSteps: expected at most 126, got 127");
  expect(() => encodeLatency(x, { timeSteps: 88, function: "log" })).toThrow("timeSteps: expected at most 87");
  expect(encodeLatency(x, { timeSteps: 88 }).shape).toEqual([88, 2, 3]);
  expect(() => encodeLatency(x, { timeSteps: 2, function: "sqrt" as LatencyFunction })).toThrow(
    "encodeLatency: function: expected linear or log, got sqrt",
  );
  expect(() => encodePoisson(x, { ...draw, seed: -1 })).toThrow("seed: expected an integer");
  expect(() => encodePoisson(x, { ...draw, stream: 2 ** 32 })).toThrow("stream: expected a u32");
  expect(() => encodePoisson(x, { ...draw, step: metaTensor([2], "u32") })).toThrow("step: expected one element");
  expect(() => encodePoisson(x, { ...draw, step: metaTensor([]) })).toThrow("step: expected u32, got f32");
  expect(() => encodePoissonWith(x, metaTensor([4, 3, 2]))).toThrow("u: expected x's shape behind an axis of time");
  expect(() => encodePoissonWith(metaTensor([]), metaTensor([]))).toThrow(
    "u: expected x's shape behind an axis of time",
  );
  expect(() => encodeDirect(metaTensor([2], "i32"), { timeSteps: 2 })).toThrow(
    "encodeDirect: x: expected f32 or f16, got i32",
  );
});
