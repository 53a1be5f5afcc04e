import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Upsample } from "../../src/nn/index.ts";
import { type UpsampleOptions, upsample } from "../../src/ops/upsample.ts";
import { captureStep, metaTensor, numel, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { resample, type UpsampleCase } from "../reference/upsample.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

type Case = readonly [x: UpsampleCase["x"], options: UpsampleOptions, out: UpsampleCase["out"]];

// Larger, smaller, one pixel, uneven axes; integer and fractional scales.
const sizes: Record<string, Case> = {
  "twice as large": [[2, 3, 4, 5], { scale: 2 }, [8, 10]],
  "3 times the rows, 5 times the columns": [[1, 2, 3, 2], { scale: [3, 5] }, [9, 10]],
  "a fractional scale": [[1, 2, 5, 7], { scale: [1.5, 2.4] }, [7, 16]],
  "a scale below 1": [[1, 2, 9, 8], { scale: [0.4, 0.5] }, [3, 4]],
  "a size": [[2, 1, 4, 3], { size: [7, 11] }, [7, 11]],
  "a smaller size": [[1, 2, 13, 9], { size: [4, 5] }, [4, 5]],
  "the same size": [[1, 1, 4, 4], { size: 4 }, [4, 4]],
  "one pixel of output": [[1, 2, 5, 4], { size: 1 }, [1, 1]],
  "one pixel of input": [[2, 2, 1, 1], { size: [3, 4] }, [3, 4]],
};

describe.each([
  ["nearest", { mode: "nearest" }],
  ["bilinear", { mode: "bilinear" }],
  ["bilinear, aligned corners", { mode: "bilinear", alignCorners: true }],
] as const)("%s", (_, mode) => {
  test.each(Object.keys(sizes))("values and gradients of %s", async (name) => {
    const [x, options, out] = sizes[name]!;
    const { scale } = options;
    const pair = typeof scale === "number" ? ([scale, scale] as const) : scale;
    const c: UpsampleCase = { x, out, ...mode, ...(pair ? { scale: pair } : {}) };
    await gradcheck({
      inputs: { x: { data: randomArray(numel(x), 1), shape: x } },
      op: (t) => {
        const y = upsample(t["x"]!, { ...options, ...mode });
        expect(y.shape).toEqual([x[0], x[1], ...out]);
        return y;
      },
      reference: (t) => resample(c, t["x"]!),
    });
  });
});

test("nearest has no rounding: every size up to 60 from every size up to 12", async () => {
  using _scope = new Scope();
  for (let input = 1; input <= 12; input++) {
    const row = tensor(
      Float32Array.from({ length: input }, (_, i) => i),
      [1, 1, 1, input],
    );
    const outs = Array.from({ length: 60 }, (_, i) => i + 1);
    const found = await readAll(...outs.map((out) => upsample(row, { size: [1, out] })));
    outs.forEach((out, k) => {
      expect([...found[k]!]).toEqual(Array.from({ length: out }, (_, i) => Math.floor((i * input) / out)));
    });
  }
});

test("a constant image stays constant, and every dy arrives once", async () => {
  using _scope = new Scope();
  for (const options of [{}, { mode: "bilinear" }, { mode: "bilinear", alignCorners: true }] as const) {
    const x = tensor(new Float32Array(2 * 5 * 7).fill(3), [1, 2, 5, 7]);
    x.requiresGrad = true;
    using tape = new Tape();
    const y = tape.keep(upsample(x, { size: [13, 4], ...options }));
    tape.backward(y, tensor(new Float32Array(y.numel).fill(1), y.shape));
    const [values, grad] = await readAll(y, x.grad!);
    for (const v of values!) expect(v).toBeCloseTo(3, 5);
    expect([...grad!].reduce((a, b) => a + b, 0)).toBeCloseTo(y.numel, 3);
    x.grad!.dispose();
  }
});

test("a replayed step equals an eager one, bit for bit", async () => {
  using _scope = new Scope();
  const layer = new Upsample({ scale: 1.5, mode: "bilinear" });
  const body = ({ x }: { x: Tensor }) => ({ y: layer.forward(x) });
  using replayed = captureStep(body);
  using eager = captureStep(body, { replay: false });
  for (let i = 0; i < 4; i++) {
    const batch = { x: { data: randomArray(48, i), shape: [1, 3, 4, 4] } };
    replayed.run(batch);
    eager.run(batch);
    const [a, b] = await readAll(replayed.outputs.y, eager.outputs.y);
    expect(a).toEqual(b);
  }
});

test("shapes and errors", () => {
  const x = metaTensor([1, 2, 4, 6]);
  const call = (options: object) => () => upsample(x, options);
  expect(upsample(x, { scale: 0.5 }).shape).toEqual([1, 2, 2, 3]);
  expect(call({})).toThrow("upsample: expected either size or scale");
  expect(call({ size: 2, scale: 2 })).toThrow("upsample: expected either size or scale");
  expect(call({ size: 0 })).toThrow("upsample: size: expected an integer >= 1, or two as [rows, columns], got 0");
  expect(call({ scale: -1 })).toThrow("upsample: scale: expected a number > 0, or two as [rows, columns], got -1");
  expect(call({ scale: [1, 2, 3] })).toThrow("upsample: scale: expected a number > 0");
  expect(call({ scale: 0.1 })).toThrow("upsample: scale: expected at least one pixel of output, got 4 · 0.1");
  expect(call({ scale: 2, mode: "cubic" })).toThrow('upsample: mode: expected nearest or bilinear, got "cubic"');
  expect(call({ scale: 2, alignCorners: true })).toThrow("upsample: alignCorners: expected mode bilinear, got nearest");
  expect(() => upsample(metaTensor([2, 3, 4]), { scale: 2 })).toThrow("upsample: x: expected 4 axes, got 3");
  expect(() => upsample(metaTensor([1, 1, 2, 2], "i32"), { scale: 2 })).toThrow(
    "upsample: x: expected f32 or f16, got i32",
  );
  expect(() => new Upsample({})).toThrow("Upsample: expected either size or scale");
  expect(() => new Upsample({ scaleFactor: 2 } as never)).toThrow("Upsample: unknown option scaleFactor");
});
