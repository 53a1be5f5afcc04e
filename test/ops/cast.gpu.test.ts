import { expect } from "vitest";
import { NanWatch, Tape } from "../../src/autograd/index.ts";
import { cast } from "../../src/ops/cast.ts";
import { captureStep, metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

testHalf("f32 to f16 rounds once, and back is exact", async () => {
  using _scope = new Scope();
  for (const count of [1, 3, 4, 1021, 4096]) {
    const values = randomArray(count, count);
    const half = cast(tensor(values), "f16");
    const rounded = await half.data();
    for (let i = 0; i < count; i++) expect(Math.abs(rounded[i]! / values[i]! - 1)).toBeLessThan(HALF_ROUNDING);
    const back = cast(half, "f32");
    expect([half.dtype, back.dtype]).toEqual(["f16", "f32"]);
    expect(await back.data()).toEqual(rounded);
  }
});

testHalf("values that f16 holds stay, infinities and NaN too; larger ones become infinite", async () => {
  using _scope = new Scope();
  const infinity = Number.POSITIVE_INFINITY;
  const values = [0, -0, 65504, -1.5, 2 ** -14, infinity, -infinity, Number.NaN, 1e6, -1e9];
  const expected = [...values.slice(0, 8), infinity, -infinity];
  expect([...(await cast(tensor(values), "f16").data())]).toEqual(expected);
});

testHalf("the gradient has the dtype of the input, and adds up in it", async () => {
  using _scope = new Scope();
  for (const [from, to] of [
    ["f32", "f16"],
    ["f16", "f32"],
  ] as const) {
    const x = tensor(randomArray(7, 1), [7], from);
    x.requiresGrad = true;
    const dy = roundedToHalf(randomArray(7, 2));
    for (const times of [1, 2]) {
      const tape = new Tape();
      tape.backward(cast(x, to), tensor(dy, [7], to));
      tape.dispose();
      expect(x.grad!.dtype).toBe(from);
      expectClose(
        await x.grad!.data(),
        dy.map((v) => times * v),
        { rtol: 0, atol: 0 },
      );
    }
    x.grad!.dispose();
  }
});

testHalf("an intermediate that is used twice gets both gradients in f16", async () => {
  using _scope = new Scope();
  for (const count of [5, 8]) {
    const x = tensor(randomArray(count, 3), [count]);
    x.requiresGrad = true;
    const tape = new Tape();
    const h = cast(x, "f16");
    // Two casts of h: the second gradient that arrives at h is added to the first.
    const [a, b] = [cast(h, "f32"), cast(h, "f32")];
    const { add } = await import("../../src/ops/binary.ts");
    const dy = roundedToHalf(randomArray(count, 4));
    tape.backward(add(a, b), tensor(dy));
    tape.dispose();
    expectClose(
      await x.grad!.data(),
      dy.map((v) => 2 * v),
      { rtol: 0, atol: 0 },
    );
    x.grad!.dispose();
  }
});

testHalf("a captured cast replays the same bits", async () => {
  const step = captureStep(({ x }: { x: Tensor }) => ({ y: cast(x, "f16") }));
  for (const seed of [1, 2, 3]) {
    const data = randomArray(1001, seed);
    step.run({ x: { data, shape: [1001] } });
    using eager = cast(tensor(data), "f16");
    expect(await step.outputs.y.data()).toEqual(await eager.data());
  }
  step.dispose();
});

testHalf("a tensor larger than one binding is cast in parts", async () => {
  using _scope = new Scope();
  const values = roundedToHalf(randomArray(1003, 1));
  await withBindings(1024, async () => {
    expect(await cast(cast(tensor(values), "f16"), "f32").data()).toEqual(values);
  });
});

testHalf("the search for NaN finds one in either half of a word, and none behind the end", async () => {
  using _scope = new Scope();
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const at of [0, 1, 2, 999, 1000]) {
      using watch = new NanWatch();
      cast(tensor(new Float32Array(1001).fill(65504)), "f16");
      expect(await watch.first()).toBe(null);
      cast(tensor(Float32Array.from({ length: 1001 }, (_, i) => (i === at ? bad : 1))), "f16");
      expect(await watch.first()).toMatchObject({ op: "cast", shape: [1001] });
    }
  }
});

testHalf("shapes and errors", () => {
  const x = metaTensor([2, 3]);
  expect(cast(x, "f16")).toMatchObject({ shape: [2, 3], dtype: "f16" });
  expect(cast(x, "f32").dtype).toBe("f32");
  expect(() => cast(x, "i32" as "f32")).toThrow("cast: dtype: expected f32 or f16, got i32");
  expect(() => cast(metaTensor([1], "u32"), "f16")).toThrow("cast: x: expected f32 or f16, got u32 (x [1] u32)");
});
