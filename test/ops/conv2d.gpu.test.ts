import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu, OpError, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { enableNaiveConvolution } from "../../src/ops/conv/naive.ts";
import { type ConvAlgorithm, conv2d } from "../../src/ops/conv2d.ts";
import { captureStep, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type ConvCase, convolve, convolveGradients, resultShape, weightShape } from "../reference/conv2d.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

enableNaiveConvolution();

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const plain = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 } as const;
// Float32 sums of a few thousand terms, against the largest value of the tensor.
const tolerance = { rtol: 1e-5, atol: 2e-6 };

/** Forward and all gradients of one case on the GPU against float64. */
async function compare(c: ConvCase, algorithm: ConvAlgorithm, shift = 0): Promise<void> {
  using _scope = new Scope();
  const { stride, padding, dilation, groups } = c;
  const values = {
    x: randomArray(product(c.x), 1).map((v) => v + shift),
    w: randomArray(product(weightShape(c)), 2),
    b: randomArray(c.outputs, 3),
    dy: randomArray(product(resultShape(c)), 4),
  };
  const leaves = { x: tensor(values.x, c.x), w: tensor(values.w, weightShape(c)), b: tensor(values.b) };
  for (const leaf of Object.values(leaves)) leaf.requiresGrad = true;
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(conv2d(leaves.x, leaves.w, leaves.b, { stride, padding, dilation, groups, algorithm }));
    expect(y.shape).toEqual(resultShape(c));
    tape.backward(y, tensor(values.dy, y.shape));
  }
  const [got, ...grads] = await readAll(y, leaves.x.grad!, leaves.w.grad!, leaves.b.grad!);
  for (const leaf of Object.values(leaves)) leaf.grad!.dispose();
  const what = `${algorithm} ${JSON.stringify(c)}`;
  expectClose(got!, convolve(c, values.x, values.w, values.b), tolerance, `y, ${what}`);
  const want = convolveGradients(c, values.x, values.w, values.dy);
  [want.x, want.w, want.b].forEach((g, i) => {
    expectClose(grads[i]!, g, tolerance, `gradient ${"xwb"[i]}, ${what}`);
  });
}

/**
 * The algorithms that this adapter can run: "plain" and "broadcast" are for software ones, and "broadcast" is refused without
 * subgroups of a fixed size (tested below).
 */
const algorithms = (): ConvAlgorithm[] => {
  const { software, subgroupSize } = currentGpu().adapter;
  const patches: ConvAlgorithm[] = subgroupSize >= 4 ? ["plain", "broadcast"] : ["plain"];
  return ["naive", "tile", ...(software ? patches : [])];
};

describe("against float64", () => {
  // Few kernel widths and strides: each pair compiles kernels.
  const cases: Record<string, ConvCase> = {
    "5x5 stride 2, odd sizes": {
      ...plain,
      x: [2, 3, 11, 13],
      outputs: 7,
      kernel: [5, 5],
      stride: [2, 2],
      padding: [2, 2],
    },
    "3x3, channels over one tile": { ...plain, x: [2, 9, 7, 17], outputs: 35, kernel: [3, 3], padding: [1, 1] },
    "3x3 in three groups": { ...plain, x: [2, 6, 5, 8], outputs: 9, kernel: [3, 3], padding: [1, 1], groups: 3 },
    "1x1": { ...plain, x: [3, 11, 5, 6], outputs: 20, kernel: [1, 1] },
    "1x1 stride 2: pixels that are not read": { ...plain, x: [2, 5, 6, 7], outputs: 4, kernel: [1, 1], stride: [2, 2] },
    "stride 3 over kernel 2, dilation 2": {
      ...plain,
      x: [1, 2, 9, 14],
      outputs: 3,
      kernel: [2, 2],
      stride: [3, 3],
      padding: [1, 2],
      dilation: [2, 2],
    },
    "stride 4, dilation 6: some phases without taps": {
      ...plain,
      x: [1, 2, 15, 18],
      outputs: 2,
      kernel: [3, 2],
      stride: [4, 4],
      padding: [3, 0],
      dilation: [2, 6],
    },
    "padding larger than the kernel": { ...plain, x: [1, 2, 4, 3], outputs: 3, kernel: [3, 3], padding: [5, 4] },
    "3x1 and mixed options": {
      ...plain,
      x: [2, 4, 9, 6],
      outputs: 6,
      kernel: [3, 1],
      stride: [1, 2],
      padding: [2, 0],
      dilation: [2, 1],
      groups: 2,
    },
    "rows of 40 taps, too long for broadcast": {
      ...plain,
      x: [1, 2, 3, 50],
      outputs: 3,
      kernel: [2, 40],
      padding: [1, 3],
    },
    "slices of the weight gradient longer than one block": {
      ...plain,
      x: [4, 128, 17, 17],
      outputs: 64,
      kernel: [1, 1],
      groups: 64,
    },
    "output of one pixel": { ...plain, x: [3, 4, 3, 3], outputs: 5, kernel: [3, 3] },
  };
  for (const [name, c] of Object.entries(cases)) {
    test(name, async () => {
      for (const algorithm of algorithms()) await compare(c, algorithm);
    });
  }

  test("a long sum of one sign stays exact to 1e-5", async () => {
    const c: ConvCase = { ...plain, x: [1, 512, 4, 4], outputs: 8, kernel: [3, 3], padding: [1, 1] };
    for (const algorithm of algorithms()) await compare(c, algorithm, 1);
    const wide: ConvCase = { ...plain, x: [4, 2, 66, 66], outputs: 3, kernel: [3, 3] };
    for (const algorithm of algorithms()) if (algorithm !== "naive") await compare(wide, algorithm, 1);
  });

  test("any legal shape, tile", async () => {
    await fc.assert(
      fc.asyncProperty(anyCase(), (c) => compare(c, "tile")),
      { numRuns: 25 },
    );
  });

  test("any legal shape of a 3-wide kernel, as the adapter prefers", async () => {
    const fixed = anyCase().map((c): ConvCase => {
      const x = [c.x[0], c.x[1], Math.max(c.x[2], 3), 8 * Math.ceil(c.x[3] / 8) + 2] as const;
      return {
        ...c,
        x,
        kernel: [Math.min(3, c.kernel[0]), 3],
        stride: [c.stride[0], 1],
        padding: [1, 0],
        dilation: [1, 1],
      };
    });
    await fc.assert(
      fc.asyncProperty(fixed, (c) => compare(c, "auto")),
      { numRuns: 15 },
    );
  });
});

/** Sizes are grown where the kernel would not fit. */
function anyCase(): fc.Arbitrary<ConvCase> {
  const two = (low: number, high: number) =>
    fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));
  return fc
    .record({
      batch: fc.integer({ min: 1, max: 3 }),
      perGroup: two(1, 5),
      groups: fc.integer({ min: 1, max: 3 }),
      size: two(1, 12),
      kernel: two(1, 4),
      stride: two(1, 4),
      padding: two(0, 3),
      dilation: two(1, 3),
    })
    .map(({ batch, perGroup, groups, size, kernel, stride, padding, dilation }) => {
      const grown = [0, 1].map((i) => Math.max(size[i]!, dilation[i]! * (kernel[i]! - 1) + 1 - 2 * padding[i]!));
      const x = [batch, perGroup[0] * groups, grown[0]!, grown[1]!] as const;
      return { x, outputs: perGroup[1] * groups, kernel, stride, padding, dilation, groups };
    });
}

test("gradients are the central differences of the reference", async () => {
  const c: ConvCase = {
    ...plain,
    x: [2, 4, 7, 6],
    outputs: 4,
    kernel: [3, 2],
    stride: [2, 1],
    padding: [1, 1],
    groups: 2,
  };
  await gradcheck({
    inputs: {
      x: { data: randomArray(product(c.x), 1), shape: c.x },
      w: { data: randomArray(product(weightShape(c)), 2), shape: weightShape(c) },
      b: { data: randomArray(4, 3), shape: [4] },
    },
    op: ({ x, w, b }) => conv2d(x!, w!, b!, { stride: [2, 1], padding: 1, groups: 2 }),
    reference: ({ x, w, b }) => convolve(c, x!, w!, b!),
  });
});

test("computes only the gradients that are needed", async () => {
  using _scope = new Scope();
  const x = tensor(randomArray(18, 1), [1, 2, 3, 3]);
  const w = tensor(randomArray(18, 2), [1, 2, 3, 3]);
  w.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(conv2d(x, w, null));
  }
  expect(x.grad).toBeNull();
  expectClose(await w.grad!.data(), await x.data(), { rtol: 0, atol: 1e-7 });
  w.grad!.dispose();
});

test("a replayed step equals the eager one, bit for bit", async () => {
  using _scope = new Scope();
  const shape = [2, 3, 9, 9];
  const batches = [randomArray(486, 1), randomArray(486, 5)];
  const w = tensor(randomArray(216, 2), [8, 3, 3, 3]);
  w.requiresGrad = true;
  const forward = ({ x }: { x: Tensor }) => {
    using tape = new Tape();
    const y = tape.keep(conv2d(x, w, null, { padding: 1, stride: 2 }));
    tape.backward(y, y);
    return { y };
  };
  const eager: (readonly [ArrayLike<number>, ArrayLike<number>])[] = [];
  for (const batch of batches) {
    using _inner = new Scope();
    const { y } = forward({ x: tensor(batch, shape) });
    eager.push([await y.data(), await w.grad!.data()]);
    w.gradArrived = false;
  }
  using step = captureStep(forward);
  for (const at of [0, 1, 0]) {
    step.run({ x: { data: batches[at]!, shape } });
    expect([await step.outputs.y.data(), await w.grad!.data()]).toEqual(eager[at]);
    w.gradArrived = false;
  }
  w.grad!.dispose();
});

test("runs on an adapter with default limits and no features, and refuses broadcast there", async () => {
  const usual = currentGpu();
  const weak = await requestGpu({ defaultLimits: true });
  try {
    const c: ConvCase = { ...plain, x: [2, 6, 10, 9], outputs: 12, kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
    await compare(c, "auto");
    await compare({ ...c, groups: 6 }, "auto");
    await expect(compare(c, "broadcast")).rejects.toThrow(/broadcast: expected subgroups .*, got 0/);
    await weak.wait();
  } finally {
    weak.destroy();
    setCurrentGpu(usual);
  }
});

describe("errors name the numbers", () => {
  const at =
    (x: number[], w: number[], b: number[] | null, options: object = {}) =>
    () =>
      conv2d(tensor(randomArray(product(x)), x), tensor(randomArray(product(w)), w), b && tensor(b), options);
  const bad: [string, () => Tensor, RegExp][] = [
    ["rank of x", at([3, 8, 8], [4, 3, 3, 3], null), /x: expected 4 axes, got 3 \(x \[3,8,8\]/],
    ["rank of weight", at([1, 3, 8, 8], [4, 27], null), /weight: expected 4 axes, got 2/],
    [
      "channels",
      at([1, 3, 8, 8], [4, 2, 3, 3], null),
      /weight: expected 3 input channels as in x, got 2 \(x \[1,3,8,8\], weight \[4,2,3,3\]\)/,
    ],
    [
      "grouped channels",
      at([1, 6, 8, 8], [4, 2, 3, 3], null, { groups: 2 }),
      /expected 6 input channels as in x, got 4 \(2 in each of 2 groups\)/,
    ],
    [
      "groups of x",
      at([1, 5, 8, 8], [4, 2, 3, 3], null, { groups: 2 }),
      /groups: expected a divisor of the 5 channels of x, got 2/,
    ],
    [
      "groups of weight",
      at([1, 4, 8, 8], [3, 2, 3, 3], null, { groups: 2 }),
      /groups: expected a divisor of the 3 output channels of weight, got 2/,
    ],
    ["bias", at([1, 3, 8, 8], [4, 3, 3, 3], [1, 2, 3]), /bias: expected shape \[4\].*bias \[3\]/],
    [
      "kernel too large",
      at([1, 3, 4, 8], [4, 3, 3, 3], null, { dilation: 3, padding: 1 }),
      /kernel: expected at most the 6 rows of x with padding, got 7/,
    ],
    ["stride", at([1, 1, 4, 4], [1, 1, 1, 1], null, { stride: 0 }), /stride: expected an integer >= 1.*got 0/],
    ["padding", at([1, 1, 4, 4], [1, 1, 1, 1], null, { padding: [1, -1] }), /padding: expected .* got \[1, -1\]/],
    ["dilation", at([1, 1, 4, 4], [1, 1, 1, 1], null, { dilation: 1.5 }), /dilation: expected .* got 1.5/],
    ["groups", at([1, 1, 4, 4], [1, 1, 1, 1], null, { groups: 0 }), /groups: expected an integer >= 1, got 0/],
    [
      "algorithm",
      at([1, 1, 4, 4], [1, 1, 1, 1], null, { algorithm: "winograd" }),
      /algorithm: expected one of .* got winograd/,
    ],
  ];
  for (const [name, call, message] of bad) {
    test(name, () => {
      using _scope = new Scope();
      expect(call).toThrow(OpError);
      expect(call).toThrow(message);
    });
  }
  test("dtype", () => {
    using _scope = new Scope();
    const x = tensor(new Int32Array(16), [1, 1, 4, 4]);
    const w = tensor([1], [1, 1, 1, 1]);
    expect(() => conv2d(x, w, null)).toThrow(/x: expected f32 or f16, got i32/);
  });
});
