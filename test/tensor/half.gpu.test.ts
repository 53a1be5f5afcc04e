import { expect, test } from "vitest";
import { currentGpu, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import {
  actSpec,
  bindableParts,
  captureStep,
  clone,
  empty,
  formatTensor,
  metaTensor,
  partOf,
  readAll,
  Scope,
  scalar,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

testHalf("values go in rounded to nearest and come out as f32, for odd counts too", async () => {
  using _scope = new Scope();
  for (const count of [1, 2, 3, 64, 1001]) {
    const values = randomArray(count, count);
    const t = tensor(values, [count], "f16");
    expect(t).toMatchObject({ dtype: "f16", bytes: 2 * count });
    expect(t.view.bytes).toBe(4 * Math.ceil(count / 2));
    expect(await t.data()).toEqual(roundedToHalf(values));
    t.set(values.map((v) => -v));
    expect(await t.data()).toEqual(roundedToHalf(values.map((v) => -v)));
  }
  const rows = tensor([[1, 2, 3]], undefined, "f16");
  const [a, b] = await readAll(rows, tensor(Int32Array.of(7)));
  expect([[...a!], [...b!]]).toEqual([[1, 2, 3], [7]]);
});

testHalf("zeros, clone, scalar and text", async () => {
  using _scope = new Scope();
  expect(await zeros([3], "f16").data()).toEqual(new Float32Array(3));
  const t = tensor([1, 0.1, 3], [3], "f16");
  expect(await clone(t).data()).toEqual(Float32Array.of(1, 0.0999755859375, 3));
  const s = scalar(1.5, "f16");
  expect(await s.item()).toBe(1.5);
  s.set(-2);
  expect(await s.item()).toBe(-2);
  s.dispose();
  expect(t.toString()).toMatch(/^Tensor #\d+ \[3\] f16$/);
  expect((await formatTensor(t)).split("\n")[1]).toBe("[1, 0.09998, 3]");
});

testHalf("a value of a captured step may be f16, of an odd count", async () => {
  const step = captureStep(({ x }: { x: Tensor }) => {
    const y = zeros([5], "f16");
    return { x, y };
  });
  step.run({ x: { data: Float32Array.of(1), shape: [1] } });
  step.run({ x: { data: Float32Array.of(2), shape: [1] } });
  expect(await step.outputs.y.data()).toEqual(new Float32Array(5));
  step.dispose();
});

testHalf("parts of rows of one half begin at a multiple of 256 bytes", async () => {
  using _scope = new Scope();
  const t = empty([1000], "f16");
  await withBindings(600, () => {
    const parts = bindableParts(1000, 2);
    expect(parts.map(({ first, rows }) => [first, rows])).toEqual([
      [0, 256],
      [256, 256],
      [512, 256],
      [768, 232],
    ]);
    expect(partOf(t, parts[1]!).view).toMatchObject({ offset: 512, bytes: 512 });
    expect(bindableParts(300, 4, "x", 2).map(({ rows }) => rows)).toEqual([128, 128, 44]);
  });
});

testHalf("values of another type are refused", () => {
  using _scope = new Scope();
  const t = empty([2], "f16");
  expect(() => t.set(Int32Array.of(1, 2))).toThrow("set: expected f32 values, got i32 (tensor [2] f16)");
  expect(() => tensor(Int32Array.of(1), [1], "f16")).toThrow("set: expected f32 values, got i32");
  expect(() => tensor(Float32Array.of(1), [1], "u32")).toThrow("set: expected u32 values, got f32");
  expect(() => tensor([0.5], [1], "i32")).toThrow("tensor: expected integers of i32, got 0.5 at [0]");
});

test("the spec of activations is empty for f32", () => {
  expect(actSpec(metaTensor([1]))).toEqual({});
  expect(actSpec(metaTensor([1], "f16"))).toEqual({ Act: "f16" });
});

test("without shader-f16, a tensor of f16 is refused; shapes alone are not", async () => {
  const outer = currentGpu();
  const gpu = await requestGpu({ defaultLimits: true });
  try {
    expect(() => empty([2], "f16")).toThrow(/^dtype or precision f16: expected an adapter with shader-f16, got \S/);
    expect(metaTensor([2], "f16").bytes).toBe(4);
  } finally {
    gpu.destroy();
    setCurrentGpu(outer);
  }
});
