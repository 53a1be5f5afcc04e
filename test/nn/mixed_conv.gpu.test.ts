import { expect, test } from "vitest";
import { Conv2d, MixedConv2d, manualSeed, SqueezeExcitation } from "../../src/nn/index.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { metaTensor, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const shapes = (m: MixedConv2d) => [...m.namedState()].map(([name, t]) => [name, t.shape]);

test("splits channels into parts, the first with the remainder; names as in timm", () => {
  expect(shapes(new MixedConv2d(11, 11, [3, 5, 7], { depthwise: true }))).toEqual([
    ["0.weight", [5, 1, 3, 3]],
    ["1.weight", [3, 1, 5, 5]],
    ["2.weight", [3, 1, 7, 7]],
  ]);
  const halves = new MixedConv2d(6, 9, [1, 1]);
  expect(shapes(halves)).toEqual([
    ["0.weight", [5, 3, 1, 1]],
    ["1.weight", [4, 3, 1, 1]],
  ]);
  expect(halves.forward(metaTensor([2, 6, 4, 4])).shape).toEqual([2, 9, 4, 4]);
  const strided = new MixedConv2d(8, 8, [3, 5, 7, 9], { depthwise: true, stride: 2 });
  expect(strided.forward(metaTensor([1, 8, 9, 9])).shape).toEqual([1, 8, 5, 5]);
});

test("equals one convolution with the largest kernel, smaller ones padded with zeros", async () => {
  using _scope = new Scope();
  manualSeed(4);
  const mixed = new MixedConv2d(6, 6, [3, 5], { depthwise: true, stride: 2 });
  const whole = new Float32Array(6 * 25);
  for (const [name, t] of mixed.namedState()) {
    const values = t.initialValues();
    const k = name === "0.weight" ? 3 : 5;
    const border = (5 - k) / 2;
    values.forEach((v, i) => {
      const channel = Math.floor(i / (k * k)) + (k === 3 ? 0 : 3);
      const [row, column] = [Math.floor(i / k) % k, i % k];
      whole[channel * 25 + (row + border) * 5 + column + border] = v;
    });
  }
  const x = tensor(randomArray(2 * 6 * 49, 1), [2, 6, 7, 7]);
  const want = conv2d(x, tensor(whole, [6, 1, 5, 5]), null, { stride: 2, padding: 2, groups: 6 });
  const [a, b] = await readAll(mixed.forward(x), want);
  expectClose(a!, b!, { rtol: 1e-6, atol: 1e-6 });
  mixed.dispose();
});

test("errors", () => {
  expect(() => new MixedConv2d(4, 4, [])).toThrow("MixedConv2d: kernels: expected odd sizes, got []");
  expect(() => new MixedConv2d(4, 4, [3, 4])).toThrow("got [3, 4]");
  expect(() => new MixedConv2d(2, 2, [3, 5, 7])).toThrow(
    "channels: expected at least 3, one per kernel, and equal ones if depthwise, got 2 and 2",
  );
  expect(() => new MixedConv2d(4, 8, [3, 5], { depthwise: true })).toThrow("got 4 and 8");
});

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

test("squeeze and excitation: values and gradients", async () => {
  const layer = new SqueezeExcitation(3, 2);
  expect([...layer.namedState()].map(([name]) => name)).toEqual(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]);
  const w = [...layer.namedState()].map(([, t]) => t.initialValues());
  await gradcheck({
    inputs: { x: { data: randomArray(2 * 3 * 6, 2), shape: [2, 3, 2, 3] } },
    op: ({ x }) => layer.forward(x!),
    reference: ({ x }) =>
      x!.map((v, i) => {
        const n = Math.floor(i / 18);
        const means = [0, 1, 2].map((c) => x!.slice(n * 18 + c * 6, n * 18 + c * 6 + 6).reduce((a, b) => a + b, 0) / 6);
        const squeezed = [0, 1].map((o) => {
          const s = means.reduce((sum, m, c) => sum + m * w[0]![3 * o + c]!, w[1]![o]!);
          return s * sigmoid(s);
        });
        const c = Math.floor(i / 6) % 3;
        return v * sigmoid(squeezed.reduce((sum, s, o) => sum + s * w[2]![2 * c + o]!, w[3]![c]!));
      }),
    forward: { rtol: 1e-5, atol: 2e-6 },
  });
  for (const p of layer.parameters()) {
    p.grad?.dispose();
    p.grad = null;
  }
  layer.dispose();
  expect(layer.fc1).toBeInstanceOf(Conv2d);
});
