import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { ConvTranspose2d, summarize } from "../../src/nn/index.ts";
import { enableNaiveConvolution } from "../../src/ops/conv/naive.ts";
import { convTranspose2d } from "../../src/ops/conv_transpose2d.ts";
import { type ConvAlgorithm, conv2d } from "../../src/ops/conv2d.ts";
import { captureStep, metaTensor, numel, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import {
  convolveTransposed,
  type TransposedCase,
  transposedResult,
  transposedWeight,
} from "../reference/conv_transpose2d.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

enableNaiveConvolution();

const plain = {
  stride: [1, 1],
  padding: [0, 0],
  outputPadding: [0, 0],
  dilation: [1, 1],
  groups: 1,
} as const;

const cases: Record<string, TransposedCase> = {
  "4x4 stride 2, as in generators": {
    ...plain,
    x: [2, 5, 4, 3],
    outputs: 6,
    kernel: [4, 4],
    stride: [2, 2],
    padding: [1, 1],
  },
  "3x3 stride 2 with output padding": {
    ...plain,
    x: [1, 3, 4, 5],
    outputs: 4,
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
    outputPadding: [1, 1],
  },
  "stride 3 over kernel 2: pixels with the bias alone": {
    ...plain,
    x: [2, 2, 3, 4],
    outputs: 3,
    kernel: [2, 2],
    stride: [3, 3],
    outputPadding: [2, 1],
  },
  "dilation 3 with output padding beyond the stride": {
    ...plain,
    x: [1, 2, 5, 4],
    outputs: 2,
    kernel: [3, 2],
    dilation: [3, 3],
    padding: [2, 1],
    outputPadding: [2, 1],
  },
  "1x1": { ...plain, x: [3, 7, 4, 5], outputs: 5, kernel: [1, 1] },
  "1x1 with dilation and output padding": {
    ...plain,
    x: [2, 3, 4, 5],
    outputs: 2,
    kernel: [1, 1],
    dilation: [2, 2],
    outputPadding: [1, 0],
  },
  "three groups": { ...plain, x: [2, 6, 4, 4], outputs: 9, kernel: [3, 3], stride: [2, 1], padding: [1, 0], groups: 3 },
  depthwise: { ...plain, x: [2, 4, 5, 6], outputs: 4, kernel: [3, 3], stride: [2, 2], padding: [1, 1], groups: 4 },
  "depthwise with several inputs per output": { ...plain, x: [2, 6, 4, 4], outputs: 3, kernel: [3, 3], groups: 3 },
  "depthwise with several outputs per input": { ...plain, x: [2, 3, 4, 4], outputs: 6, kernel: [3, 3], groups: 3 },
  "one pixel to an image": { ...plain, x: [2, 8, 1, 1], outputs: 3, kernel: [5, 4] },
  "uneven kernel, stride and padding": {
    ...plain,
    x: [2, 3, 6, 3],
    outputs: 4,
    kernel: [1, 5],
    stride: [1, 2],
    padding: [0, 2],
    dilation: [1, 2],
  },
};

const algorithms = (): ConvAlgorithm[] => {
  const { software, subgroupSize } = currentGpu().adapter;
  const patches: ConvAlgorithm[] = subgroupSize >= 4 ? ["plain", "broadcast"] : ["plain"];
  return ["auto", "naive", "tile", ...(software ? patches : [])];
};

describe("values and gradients", () => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const c = cases[name]!;
    const { x, outputs, kernel: _, ...options } = c;
    const weight = transposedWeight(c);
    for (const algorithm of algorithms()) {
      await gradcheck({
        inputs: {
          x: { data: randomArray(numel(x), 1), shape: x },
          weight: { data: randomArray(numel(weight), 2), shape: weight },
          bias: { data: randomArray(outputs, 3), shape: [outputs] },
        },
        op: (t) => {
          const y = convTranspose2d(t["x"]!, t["weight"]!, t["bias"]!, { ...options, algorithm });
          expect(y.shape).toEqual(transposedResult(c));
          return y;
        },
        reference: (t) => convolveTransposed(c, t["x"]!, t["weight"]!, t["bias"]),
        samples: algorithm === "auto" ? 40 : 8,
      });
    }
  });

  test("without a bias", async () => {
    const c = cases["stride 3 over kernel 2: pixels with the bias alone"]!;
    const { x, kernel: _kernel, outputs: _outputs, ...options } = c;
    const weight = transposedWeight(c);
    await gradcheck({
      inputs: {
        x: { data: randomArray(numel(x), 1), shape: x },
        weight: { data: randomArray(numel(weight), 2), shape: weight },
      },
      op: (t) => convTranspose2d(t["x"]!, t["weight"]!, null, options),
      reference: (t) => convolveTransposed(c, t["x"]!, t["weight"]!),
    });
  });
});

test("is the adjoint of conv2d: <conv(a), b> = <a, transposed(b)>", async () => {
  const sizes = fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    side: fc.integer({ min: 1, max: 6 }),
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ n, side, stride, padding }) => {
      using _scope = new Scope();
      const [weight, options] = [tensor(randomArray(6 * 9, 3), [2, 3, 3, 3]), { stride, padding }];
      const b = randomArray(n * 2 * side * side, 1);
      const back = convTranspose2d(tensor(b, [n, 2, side, side]), weight, null, options);
      const a = randomArray(back.numel, 2);
      const [forth, transposed] = await readAll(conv2d(tensor(a, back.shape), weight, null, options), back);
      const dot = (u: ArrayLike<number>, v: ArrayLike<number>) => {
        let sum = 0;
        for (let i = 0; i < u.length; i++) sum += u[i]! * v[i]!;
        return sum;
      };
      expectClose([dot(forth!, b)], [dot(a, transposed!)], { rtol: 1e-5, atol: 1e-4 });
    }),
    { numRuns: 12, seed: 7 },
  );
});

test("a replayed step equals an eager one, bit for bit", async () => {
  using _scope = new Scope();
  const run = async (replay: boolean) => {
    const layer = new ConvTranspose2d(3, 2, 3, { stride: 2 });
    layer.loadStateDict(
      new Map([
        ["weight", { data: randomArray(54, 8), shape: [3, 2, 3, 3] }],
        ["bias", { data: randomArray(2, 9), shape: [2] }],
      ]),
    );
    const step = captureStep(
      ({ x }: { x: Tensor }) => {
        for (const p of layer.parameters()) p.gradArrived = false; // as an optimizer does after its step
        using tape = new Tape();
        const y = tape.keep(layer.forward(x));
        tape.backward(y, y);
        return { y };
      },
      { replay },
    );
    const all: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      step.run({ x: { data: randomArray(96, i), shape: [2, 3, 4, 4] } });
      all.push(await readAll(step.outputs.y, layer.weight.grad!, layer.bias!.grad!));
    }
    step[Symbol.dispose]();
    for (const p of layer.parameters()) p.grad!.dispose();
    layer.dispose();
    return all;
  };
  expect(await run(true)).toEqual(await run(false));
});

test("shapes and errors", () => {
  const [x, w] = [metaTensor([1, 4, 5, 5]), metaTensor([4, 3, 3, 3])];
  expect(convTranspose2d(x, w, null, { stride: 2, padding: 1, outputPadding: 1 }).shape).toEqual([1, 3, 10, 10]);
  const call =
    (options: object, weight = w, bias: Tensor | null = null) =>
    () =>
      convTranspose2d(x, weight, bias, options);
  expect(call({ outputPadding: 1 })).toThrow(
    "convTranspose2d: outputPadding: expected less than the stride or the dilation, 1, got 1 (x [1,4,5,5], weight [4,3,3,3])",
  );
  expect(call({ stride: 0 })).toThrow(
    "convTranspose2d: stride: expected an integer >= 1, or two as [rows, columns], got 0",
  );
  expect(call({ padding: 4 })).toThrow(
    "convTranspose2d: padding: expected an output of at least one pixel, got -1 rows",
  );
  expect(call({ groups: 3 })).toThrow("convTranspose2d: groups: expected a divisor of the 4 channels of x, got 3");
  expect(call({ algorithm: "fast" })).toThrow("convTranspose2d: algorithm: expected one of auto, tile");
  expect(call({}, metaTensor([3, 4, 3, 3]))).toThrow(
    "convTranspose2d: weight: expected 4 input channels as in x, got 3",
  );
  expect(call({}, metaTensor([4, 3, 3]))).toThrow("convTranspose2d: weight: expected 4 axes, got 3");
  expect(call({ groups: 2 }, w, metaTensor([3]))).toThrow("bias: expected shape [6], one value per output channel");
  expect(() => convTranspose2d(metaTensor([1, 4, 5, 5], "i32"), w, null)).toThrow("x: expected f32 or f16, got i32");
});

test("the layer has PyTorch's names, shapes and initial range, and counts its multiply-adds", () => {
  const layer = new ConvTranspose2d(8, 6, [3, 4], { stride: 2, groups: 2 });
  expect([...layer.namedState()].map(([name, t]) => [name, t.shape])).toEqual([
    ["weight", [8, 3, 3, 4]],
    ["bias", [6]],
  ]);
  const bound = 1 / Math.sqrt(3 * 3 * 4);
  const values = layer.weight.initialValues();
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
  expect(Math.max(...values)).toBeGreaterThan(0.9 * bound);
  expect(layer.weight.prunable).toBe(true);
  expect(summarize(layer, [8, 5, 7]).macs).toBe(8 * 3 * 12 * 35);
  expect(() => new ConvTranspose2d(8, 5, 3, { groups: 2 })).toThrow(
    "ConvTranspose2d: groups: expected a divisor of 8 and 5 channels, got 2",
  );
});
