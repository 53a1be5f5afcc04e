import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activationCheckpoint, Tape } from "../../src/autograd/index.ts";
import { OpError } from "../../src/gpu/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import { batchNorm, batchNormAddRelu, batchNormRelu } from "../../src/ops/batch_norm.ts";
import { SGD } from "../../src/optim/index.ts";
import { captureStep, metaTensor, persistent, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { normalise, trainingGradients } from "../reference/batch_norm.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { channel, composed, fused, type NormName, norms, product, type Run, run } from "./batch_norm_run.ts";

interface Check {
  readonly shape: readonly number[];
  readonly name: NormName;
  readonly training: boolean;
  readonly affine: boolean;
  readonly seed: number;
  readonly eps?: number;
  readonly samples?: number;
}

/** Forward and all gradients against float64. */
async function check({ shape, name, training, affine, seed, eps = 1e-3, samples = 40 }: Check): Promise<void> {
  using _scope = new Scope();
  const channels = shape[1]!;
  const perChannel = (values: Float32Array) => ({ data: values, shape: [channels] });
  const running = { runningMean: channel(channels, seed + 3, 0.4), runningVar: channel(channels, seed + 4, 1.5) };
  const [mean, variance] = [tensor(running.runningMean), tensor(running.runningVar)];
  const settings = { training, eps, momentum: 0.2 };
  // The gate of the first call stays: a difference across the kink would be wrong where the gradient is right.
  let gate: boolean[] | null = null;
  await gradcheck({
    inputs: {
      x: { data: randomArray(product(shape), seed, 1.4).map((v) => v + 0.5), shape },
      ...(name === "add and relu" ? { residual: { data: randomArray(product(shape), seed + 5, 0.8), shape } } : {}),
      ...(affine
        ? { weight: perChannel(channel(channels, seed + 1, 1)), bias: perChannel(channel(channels, seed + 2)) }
        : {}),
    },
    op: ({ x, residual, weight, bias }) =>
      fused[name](x!, residual ?? x!, [weight ?? null, bias ?? null, mean, variance], settings),
    // In training the running statistics move but do not show in y.
    reference: ({ x, residual, weight, bias }) => {
      const values = { ...running, weight: weight ?? null, bias: bias ?? null };
      const { y } = normalise({ shape, ...settings, ...(residual ? { residual } : {}) }, x!, values);
      if (name === "plain") return y;
      gate ??= Array.from(y, (v) => v > 0);
      return y.map((v, i) => (gate?.[i] ? v : 0));
    },
    samples,
  });
}

describe("forward and gradients against float64", () => {
  const shapes = [
    [5, 3],
    [130, 2],
    [3, 2, 7],
    // Planes of whole fours: one, several, and more than the workgroup takes at once.
    [3, 2, 2, 2],
    [2, 3, 4, 5],
    [2, 2, 3, 2, 4],
    [1, 2, 20, 30],
    [2, 2, 30, 23],
  ];
  for (const shape of shapes) {
    for (const name of norms) {
      test.each([true, false])(`[${shape}], ${name}, training %s`, async (training) => {
        for (const affine of [true, false]) await check({ shape, name, training, affine, seed: 3 });
      });
    }
  }

  test("any shape", async () => {
    const size = fc.integer({ min: 1, max: 6 });
    const anyShape = fc
      .tuple(fc.integer({ min: 2, max: 5 }), fc.array(size, { minLength: 1, maxLength: 4 }))
      .map(([n, rest]) => [n, ...rest]);
    await fc.assert(
      fc.asyncProperty(
        anyShape,
        fc.constantFrom(...norms),
        fc.boolean(),
        fc.integer({ min: 1, max: 999 }),
        (shape, name, training, seed) => check({ shape, name, training, affine: true, seed, eps: 0.1, samples: 20 }),
      ),
      { numRuns: 20 },
    );
  });
});

test.each(norms)("%s equals its parts, bit for bit", async (name) => {
  // The sign of a zero is not part of the promise.
  const unsigned = (r: Run) => Object.fromEntries(Object.entries(r).map(([k, v]) => [k, v.map((e) => e + 0)]));
  for (const training of [true, false]) {
    for (const shape of [
      [3, 4, 9, 7],
      [3, 4, 8, 6],
      [40, 3],
      [3, 1, 90, 100],
    ]) {
      const data = randomArray(product(shape), 1);
      const got = await run(data, shape, fused[name], training);
      expect(unsigned(got)).toEqual(unsigned(await run(data, shape, composed[name], training)));
    }
  }
});

test("computes only the gradients that are needed", async () => {
  for (const training of [true, false]) {
    for (const wanted of [0, 1, 2, 3]) {
      using _scope = new Scope();
      const [x, residual] = [tensor(randomArray(36, 1), [3, 2, 6]), tensor(randomArray(36, 2), [3, 2, 6])];
      const inputs = [x, residual, tensor(channel(2, 4, 1)), tensor(channel(2, 5))] as const;
      inputs[wanted]!.requiresGrad = true;
      {
        using tape = new Tape();
        const y = batchNormAddRelu(...inputs, tensor([0, 0]), tensor([1, 1]), { training });
        tape.backward(y, tensor(randomArray(36, 8), y.shape));
      }
      expect(inputs.map((t) => t.grad !== null)).toEqual([0, 1, 2, 3].map((i) => i === wanted));
      inputs[wanted]!.grad!.dispose();
    }
  }
});

test("a residual that is x itself gets both gradients", async () => {
  using _scope = new Scope();
  const shape = [4, 2, 3, 3];
  const x = tensor(randomArray(72, 1), shape);
  const gradient = async (norm: (x: Tensor) => Tensor) => {
    x.requiresGrad = true;
    using tape = new Tape();
    tape.backward(norm(x), tensor(randomArray(72, 8), shape));
    const data = await x.grad!.data();
    x.grad!.dispose();
    x.grad = null;
    return data;
  };
  const apart = await gradient((t) => composed["add and relu"](t, t, [null, null, null, null], { training: true }));
  const got = await gradient((t) => fused["add and relu"](t, t, [null, null, null, null], { training: true }));
  expectClose(got, apart, { rtol: 1e-6, atol: 1e-6 });
});

test("inputs may be parameters whose gradients share one arena", async () => {
  const [data, other, shape] = [randomArray(12, 1), randomArray(12, 2), [4, 3]];
  const values = { weight: channel(3, 4, 1), bias: channel(3, 5) };
  const x = new Parameter(shape, () => data);
  const residual = new Parameter(shape, () => other);
  const weight = new Parameter([3], () => values.weight);
  const bias = new Parameter([3], () => values.bias);
  const inputs = [x, residual, weight, bias] as const;
  const optimizer = new SGD([...inputs], { lr: 1 });
  {
    using _scope = new Scope();
    using tape = new Tape();
    const y = batchNormAddRelu(...inputs, null, null, { training: true });
    tape.backward(y, tensor(randomArray(12, 8), shape));
  }
  const { y } = normalise({ shape, training: true, relu: true, residual: other }, data, values);
  const dy = randomArray(12, 8).map((g, i) => (y[i]! > 0 ? g : 0));
  const want = trainingGradients(shape, data, values.weight, dy);
  const got = await readAll(...inputs.map((t) => t.grad!));
  [want.x, dy, want.weight, want.bias].forEach((g, i) => {
    expectClose(got[i]!, g, { rtol: 1e-5, atol: 1e-6 }, `gradient ${i}`);
  });
  for (const p of inputs) p.dispose();
  optimizer.dispose();
});

test.each(norms)("%s in a checkpoint: the same bits, and running statistics that move once", async (name) => {
  const norm = fused[name];
  const inCheckpoint: typeof norm = (x, residual, channels, options) =>
    activationCheckpoint((a: Tensor, b: Tensor) => norm(a, b, channels, options))(x, residual);
  const shape = [3, 4, 8, 6];
  const data = randomArray(product(shape), 1);
  expect(await run(data, shape, inCheckpoint)).toEqual(await run(data, shape, norm));
});

test.each(norms)("%s: weights after replayed training steps are those of eager ones", async (name) => {
  using _scope = new Scope();
  const shape = [4, 3, 6, 6];
  const results: Float32Array[][] = [];
  for (const replay of [true, false]) {
    const [weight, bias] = [new Parameter([3], () => channel(3, 4, 1)), new Parameter([3], () => channel(3, 5))];
    const optimizer = new SGD([weight, bias], { lr: 0.1, momentum: 0.9 });
    using mean = persistent(new Float32Array(3), [3]);
    using variance = persistent(new Float32Array(3).fill(1), [3]);
    using step = captureStep(
      ({ x, residual, dy }: { x: Tensor; residual: Tensor; dy: Tensor }) => {
        using tape = new Tape();
        const y = tape.keep(fused[name](x, residual, [weight, bias, mean, variance], { training: true }));
        tape.backward(y, dy);
        optimizer.step();
        return { y };
      },
      { replay },
    );
    const seen: Float32Array[] = [];
    for (const seed of [1, 2, 3, 1]) {
      const input = (offset: number) => ({ data: randomArray(product(shape), seed + offset), shape });
      step.run({ x: input(0), residual: input(10), dy: input(20) });
      seen.push(...((await readAll(step.outputs.y, weight, bias, mean, variance)) as Float32Array[]));
    }
    results.push(seen);
    for (const p of [weight, bias]) p.dispose();
    optimizer.dispose();
  }
  expect(results[0]).toEqual(results[1]);
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
    using step = captureStep(forward, { replay });
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
  const [x, c, other] = [metaTensor([4, 3, 2, 2]), metaTensor([3]), metaTensor([4])];
  type Args = Parameters<typeof batchNorm>;
  const bad = (pattern: RegExp, ...args: Args) => {
    expect(() => batchNorm(...args)).toThrow(OpError);
    expect(() => batchNorm(...args)).toThrow(pattern);
  };
  const training = { training: true };
  bad(/batchNorm.*x: expected 2 to 5 axes/, metaTensor([3]), null, null, c, c, {});
  bad(/x: expected f32 or f16, got i32/, metaTensor([4, 3], "i32"), null, null, c, c, {});
  bad(/runningVar: expected f32, got u32/, x, c, c, c, metaTensor([3], "u32"), training);
  bad(/weight: expected \[3\], one value per channel/, x, other, other, c, c, training);
  bad(/runningMean: expected \[3\]/, x, c, c, other, other, training);
  bad(/invstd: expected \[3\]/, x, c, c, c, c, { stats: { mean: c, invstd: other } });
  bad(/expected weight and bias, or neither/, x, c, null, c, c, training);
  bad(/expected both running statistics, or neither/, x, c, c, c, null, training);
  bad(/evaluation: expected running statistics/, x, c, c, null, null, {});
  bad(/training: expected more than one value per channel/, metaTensor([1, 3, 1, 1]), c, c, c, c, training);
  bad(/eps: expected a number > 0, got 0/, x, c, c, c, c, { eps: 0 });
  bad(/momentum: expected 0 to 1, got 2/, x, c, c, c, c, { momentum: 2 });
  expect(() => batchNormRelu(x, c, c, null, null, {})).toThrow(/batchNormRelu.*evaluation: expected/);
  const withResidual = (residual: Tensor) => () => batchNormAddRelu(x, residual, c, c, null, null, training);
  expect(withResidual(metaTensor([4, 3, 1, 1]))).toThrow(/batchNormAddRelu.*residual: expected x's shape/);
  expect(withResidual(metaTensor([4, 3, 2, 2], "i32"))).toThrow(/residual: expected f32 like x, got i32/);
  expect(withResidual(x)().shape).toEqual(x.shape);
});
