import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { OpError } from "../../src/gpu/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { type BatchNormOptions, batchNorm, batchNormRelu } from "../../src/ops/batch_norm.ts";
import { relu } from "../../src/ops/unary.ts";
import { SGD } from "../../src/optim/index.ts";
import { capture, meta, persistent, readAll, Scope, type Tensor, tensor, zeros } from "../../src/tensor/index.ts";
import { channelOf, normalise, trainingGradients } from "../reference/batch_norm.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const channel = (n: number, seed: number, base = 0) => randomArray(n, seed, 0.3).map((v) => v + base);

const shapes = [
  [5, 3],
  [3, 2, 7],
  [2, 3, 4, 5],
  [2, 2, 3, 2, 4],
  // Planes longer than the 512 elements of a workgroup.
  [2, 2, 30, 23],
];

describe("forward and gradients against float64", () => {
  const options = { eps: 1e-3, momentum: 0.2 };
  for (const shape of shapes) {
    const channels = shape[1]!;
    const x = { data: randomArray(product(shape), 3, 1.4).map((v) => v + 0.5), shape };
    const affine = {
      weight: { data: channel(channels, 4, 1), shape: [channels] },
      bias: { data: channel(channels, 5), shape: [channels] },
    };
    const running = { mean: channel(channels, 6, 0.4), variance: channel(channels, 7, 1.5) };
    test.each([true, false])(`[${shape}], training %s`, async (training) => {
      using runningMean = tensor(running.mean);
      using runningVar = tensor(running.variance);
      const values = { runningMean: running.mean, runningVar: running.variance };
      const settings = { ...options, training };
      // In training the running statistics move but do not show in y.
      for (const inputs of [{ x, ...affine }, { x }]) {
        await gradcheck({
          inputs,
          op: ({ x, weight, bias }) => batchNorm(x!, weight ?? null, bias ?? null, runningMean, runningVar, settings),
          reference: ({ x, weight, bias }) =>
            normalise({ shape, ...settings }, x!, { ...values, weight: weight ?? null, bias: bias ?? null }).y,
        });
      }
    });
  }

  test("any shape, fused ReLU", async () => {
    const size = fc.integer({ min: 1, max: 6 });
    const anyShape = fc
      .tuple(fc.integer({ min: 2, max: 5 }), fc.array(size, { minLength: 1, maxLength: 4 }))
      .map(([n, rest]) => [n, ...rest]);
    await fc.assert(
      fc.asyncProperty(anyShape, fc.integer({ min: 1, max: 999 }), async (shape, seed) => {
        const channels = shape[1]!;
        const data = randomArray(product(shape), seed);
        const weight = channel(channels, seed + 1, 1);
        const bias = channel(channels, seed + 2);
        const c = { shape, training: true, eps: 0.1, relu: true };
        // An output near the kink would make the difference wrong, not the gradient.
        const plain = normalise({ ...c, relu: false }, data, { weight, bias }).y;
        fc.pre(plain.every((v) => Math.abs(v) > 2e-3));
        await gradcheck({
          inputs: {
            x: { data, shape },
            weight: { data: weight, shape: [channels] },
            bias: { data: bias, shape: [channels] },
          },
          op: ({ x, weight, bias }) => batchNormRelu(x!, weight!, bias!, null, null, { training: true, eps: 0.1 }),
          reference: ({ x, weight, bias }) => normalise(c, x!, { weight: weight!, bias: bias! }).y,
          samples: 20,
        });
      }),
      { numRuns: 15 },
    );
  });
});

interface Run {
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dweight: Float32Array;
  readonly dbias: Float32Array;
  readonly mean: Float32Array;
  readonly invstd: Float32Array;
  readonly runningMean: Float32Array;
  readonly runningVar: Float32Array;
}

type Norm = (x: Tensor, w: Tensor, b: Tensor, m: Tensor, v: Tensor, options: BatchNormOptions) => Tensor;

/** One step with everything that comes out of it. weight, bias and dy are drawn here. */
async function run(data: Float32Array, shape: number[], norm: Norm = batchNorm, training = true): Promise<Run> {
  using _scope = new Scope();
  const channels = shape[1]!;
  const x = tensor(data, shape);
  const weight = tensor(channel(channels, 4, 1));
  const bias = tensor(channel(channels, 5));
  for (const t of [x, weight, bias]) t.requiresGrad = true;
  const runningMean = tensor(channel(channels, 6, 0.4));
  const runningVar = tensor(channel(channels, 7, 1.5));
  const stats = { mean: zeros([channels]), invstd: zeros([channels]) };
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(norm(x, weight, bias, runningMean, runningVar, { training, stats }));
    tape.backward(y, tensor(randomArray(y.numel, 8), shape));
  }
  const all = [y, x.grad!, weight.grad!, bias.grad!, stats.mean, stats.invstd, runningMean, runningVar];
  const read = (await readAll(...all)) as Float32Array[];
  for (const t of [x, weight, bias]) t.grad!.dispose();
  const [a, dx, dweight, dbias, mean, invstd, m, v] = read as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return { y: a, dx, dweight, dbias, mean, invstd, runningMean: m, runningVar: v };
}

/** Compares a training step with float64; `limit` is relative to the largest value. */
function expectRun(got: Run, data: Float32Array, shape: number[], limit = 3e-6): void {
  const channels = shape[1]!;
  const values = {
    weight: channel(channels, 4, 1),
    bias: channel(channels, 5),
    runningMean: channel(channels, 6, 0.4),
    runningVar: channel(channels, 7, 1.5),
  };
  const want = normalise({ shape, training: true }, data, values);
  const grads = trainingGradients(shape, data, values.weight, randomArray(data.length, 8));
  const close = { rtol: limit, atol: 1e-6 };
  expectClose(got.y, want.y, close, "y");
  expectClose(got.dx, grads.x, close, "dx");
  // Sums over all of N, H, W: their terms are of size 1 and of both signs.
  const sums = { rtol: limit, atol: 1e-7 * (data.length / channels) + 1e-6 };
  expectClose(got.dweight, grads.weight, sums, "dweight");
  expectClose(got.dbias, grads.bias, sums, "dbias");
  const exact = { rtol: limit, atol: 1e-7 };
  for (const part of ["mean", "invstd", "runningMean", "runningVar"] as const) {
    expectClose(got[part], want[part], exact, part);
  }
}

describe("statistics", () => {
  const long = [3, 2, 90, 100];

  test("the statistics used, and running ones with the unbiased variance", async () => {
    for (const shape of [
      [4, 3, 5, 5],
      [2, 3],
      [64, 5, 9, 7],
    ]) {
      const data = randomArray(product(shape), 1, 2).map((v) => v + 1);
      expectRun(await run(data, shape), data, shape);
    }
  });

  test("evaluation: the running statistics are used, reported, and stay", async () => {
    const shape = [2, 3, 4];
    const data = randomArray(24, 1);
    const got = await run(data, shape, batchNorm, false);
    const runningVar = channel(3, 7, 1.5);
    expect([...got.runningMean, ...got.runningVar, ...got.mean]).toEqual([
      ...channel(3, 6, 0.4),
      ...runningVar,
      ...channel(3, 6, 0.4),
    ]);
    expectClose(
      got.invstd,
      runningVar.map((v) => 1 / Math.sqrt(v + 1e-5)),
      { rtol: 1e-6, atol: 0 },
    );
  });

  test("long channels, in slices", async () => {
    // 27,000 values a channel; 20,001 in planes shorter than one step; one channel of 70,000.
    for (const shape of [long, [6667, 2, 3], [7, 1, 100, 100]]) {
      const data = randomArray(product(shape), 2, 2).map((v) => v + 1);
      expectRun(await run(data, shape), data, shape);
    }
  });

  test("a mean of a thousand deviations", async () => {
    for (const shape of [[16, 3, 12, 12], long]) {
      const data = randomArray(product(shape), 3).map((v) => v + 1000);
      expectRun(await run(data, shape), data, shape);
    }
  });

  test("a first value far from all others", async () => {
    for (const shape of [[16, 3, 12, 12], long]) {
      const data = randomArray(product(shape), 3).map((v) => v + 1000);
      data[0] = 0;
      expectRun(await run(data, shape), data, shape, 1e-5);
    }
  });

  test("channels of one value each: variance exactly 0", async () => {
    for (const shape of [[4, 2, 6, 6], long]) {
      const value = (i: number) => [0.1, 12345.678][channelOf(shape, i)]!;
      const data = Float32Array.from({ length: product(shape) }, (_, i) => value(i));
      const got = await run(data, shape);
      const bias = channel(2, 5);
      expect([...got.mean]).toEqual([...Float32Array.of(0.1, 12345.678)]);
      expectClose(got.invstd, [316.22777, 316.22777], { rtol: 1e-6, atol: 0 });
      expect(got.y.every((v, i) => v === bias[channelOf(shape, i)])).toBe(true);
      expect([...got.dweight]).toEqual([0, 0]);
    }
  });

  test("without running statistics none are needed, and the result is the same", async () => {
    using _scope = new Scope();
    const shape = [4, 2, 3, 3];
    const data = randomArray(72, 1);
    const y = batchNorm(tensor(data, shape), null, null, null, null, { training: true });
    expectClose(await y.data(), normalise({ shape, training: true }, data).y, { rtol: 1e-5, atol: 1e-6 });
  });
});

test("fused ReLU equals relu(batchNorm), bit for bit", async () => {
  // The sign of a zero is not part of the promise.
  const unsigned = (r: Run) =>
    Object.fromEntries(Object.entries(r).map(([k, v]) => [k, (v as Float32Array).map((e) => e + 0)]));
  const after: Norm = (...args) => relu(batchNorm(...args));
  for (const training of [true, false]) {
    for (const shape of [
      [3, 4, 9, 7],
      [3, 1, 90, 100],
    ]) {
      const data = randomArray(product(shape), 1);
      const fused = await run(data, shape, batchNormRelu, training);
      expect(unsigned(fused)).toEqual(unsigned(await run(data, shape, after, training)));
    }
  }
});

test("only the gradients that are wanted arrive", async () => {
  for (const training of [true, false]) {
    for (const wanted of [0, 1, 2]) {
      using _scope = new Scope();
      const inputs = [tensor(randomArray(36, 1), [3, 2, 6]), tensor(channel(2, 4, 1)), tensor(channel(2, 5))] as const;
      inputs[wanted]!.requiresGrad = true;
      {
        using tape = new Tape();
        const y = batchNorm(...inputs, tensor([0, 0]), tensor([1, 1]), { training });
        tape.backward(y, tensor(randomArray(36, 8), y.shape));
      }
      expect(inputs.map((t) => t.grad !== null)).toEqual([0, 1, 2].map((i) => i === wanted));
      inputs[wanted]!.grad!.dispose();
    }
  }
});

test("x, weight and bias may be parameters whose gradients share one arena", async () => {
  const [data, shape] = [randomArray(12, 1), [4, 3]];
  const values = { weight: channel(3, 4, 1), bias: channel(3, 5) };
  const x = new Parameter(shape, () => data);
  const weight = new Parameter([3], () => values.weight);
  const bias = new Parameter([3], () => values.bias);
  const optimizer = new SGD([x, weight, bias], { lr: 1 });
  {
    using _scope = new Scope();
    using tape = new Tape();
    const y = batchNorm(x, weight, bias, null, null, { training: true });
    tape.backward(y, tensor(randomArray(12, 8), shape));
  }
  const want = trainingGradients(shape, data, values.weight, randomArray(12, 8));
  const got = await readAll(x.grad!, weight.grad!, bias.grad!);
  [want.x, want.weight, want.bias].forEach((g, i) => {
    expectClose(got[i]!, g, { rtol: 1e-5, atol: 1e-6 }, `gradient ${i}`);
  });
  for (const p of [x, weight, bias]) p.dispose();
  optimizer.dispose();
});

test("a replayed step moves the running statistics each time, as the eager one does", async () => {
  using _scope = new Scope();
  const shape = [4, 3, 5, 5];
  const batches = [1, 2, 3, 1].map((seed) => randomArray(product(shape), seed));
  const results: Float32Array[][] = [];
  for (const replay of [true, false]) {
    using mean = persistent(new Float32Array(3), [3]);
    using variance = persistent(new Float32Array(3).fill(1), [3]);
    const forward = ({ x }: { x: Tensor }) => ({ y: batchNorm(x, null, null, mean, variance, { training: true }) });
    using step = capture(forward, { replay });
    const seen: Float32Array[] = [];
    for (const data of batches) {
      step.run({ x: { data, shape } });
      seen.push(...((await readAll(step.outputs.y, mean, variance)) as Float32Array[]));
    }
    results.push(seen);
    let want = { runningMean: new Float64Array(3), runningVar: new Float64Array(3).fill(1) };
    for (const data of batches) want = normalise({ shape, training: true }, data, want);
    expectClose(seen.at(-2)!, want.runningMean, { rtol: 1e-5, atol: 1e-7 }, "running mean");
    expectClose(seen.at(-1)!, want.runningVar, { rtol: 1e-5, atol: 1e-7 }, "running variance");
  }
  expect(results[0]).toEqual(results[1]);
});

test("errors", () => {
  const [x, c, other] = [meta([4, 3, 2, 2]), meta([3]), meta([4])];
  type Args = Parameters<typeof batchNorm>;
  const bad = (pattern: RegExp, ...args: Args) => {
    expect(() => batchNorm(...args)).toThrow(OpError);
    expect(() => batchNorm(...args)).toThrow(pattern);
  };
  const training = { training: true };
  bad(/batchNorm.*x wants 2 to 5 axes/, meta([3]), null, null, c, c, {});
  bad(/x wants f32, has i32/, meta([4, 3], "i32"), null, null, c, c, {});
  bad(/runningVar wants f32, has u32/, x, c, c, c, meta([3], "u32"), training);
  bad(/weight wants \[3\], one value per channel/, x, other, other, c, c, training);
  bad(/runningMean wants \[3\]/, x, c, c, other, other, training);
  bad(/invstd wants \[3\]/, x, c, c, c, c, { stats: { mean: c, invstd: other } });
  bad(/wants weight and bias, or neither/, x, c, null, c, c, training);
  bad(/wants both running statistics, or neither/, x, c, c, c, null, training);
  bad(/evaluation wants running statistics/, x, c, c, null, null, {});
  bad(/training wants more than one value per channel/, meta([1, 3, 1, 1]), c, c, c, c, training);
  bad(/eps wants a number > 0, was given 0/, x, c, c, c, c, { eps: 0 });
  bad(/momentum wants 0 to 1, was given 2/, x, c, c, c, c, { momentum: 2 });
  expect(() => batchNormRelu(x, c, c, null, null, {})).toThrow(/batchNormRelu.*evaluation wants/);
});
