import { expect, test } from "vitest";
import { expectFloat, expectRank, expectScalar, Tape } from "../../src/autograd/index.ts";
import { currentGpu, OpError } from "../../src/gpu/index.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { plus, scale, times } from "./test_ops.ts";

test("on meta tensors an op only infers", () => {
  const { created, live } = currentGpu().memory();
  const { dispatches } = currentGpu().stream.stats;
  using tape = new Tape();
  const x = metaTensor([3, 4]);
  x.requiresGrad = true;
  const y = plus(scale(x, { factor: 2 }), x);
  expect(y).toMatchObject({ isMeta: true, shape: [3, 4], dtype: "f32" });
  expect(tape.length).toBe(0);
  expect(currentGpu().memory()).toMatchObject({ created, live });
  expect(currentGpu().stream.stats.dispatches).toBe(dispatches);
});

test("temporaries of forward are freed, the result belongs to the scope", () => {
  const { live } = currentGpu().memory();
  {
    using _scope = new Scope();
    const x = tensor([1, 2]);
    scale(x, { factor: 2 });
    expect(currentGpu().memory().live).toBe(live + 2 * 256);
  }
  expect(currentGpu().memory().live).toBe(live);
});

test("inputs are checked before anything is enqueued", () => {
  using _scope = new Scope();
  const x = tensor([1]);
  const gone = tensor([1]);
  gone.name = "gone";
  gone.dispose();
  expect(() => times(x, gone)).toThrow("tensor gone [1] f32 was disposed");
  expect(() => times(x, 3 as unknown as Tensor)).toThrow("times: input 1: expected a tensor, got number");
});

test("shared checks of ops name the op, the expected and the actual value", () => {
  const ints = metaTensor([2], "i32");
  const floats = metaTensor([2, 3]);
  expectFloat("op", { floats, nothing: null });
  expectRank("op", "x", floats, 2);
  expectScalar("op", { d: metaTensor([1, 1]) });
  expect(() => expectFloat("relu", { x: ints })).toThrow(new OpError("relu", "x: expected f32, got i32 (x [2] i32)"));
  expect(() => expectRank("conv2d", "x", floats, 4)).toThrow("conv2d: x: expected 4 axes, got 2 (x [2,3])");
  expect(() => expectScalar("softThreshold", { d: floats })).toThrow(
    "softThreshold: d: expected one element, got 6 (d [2,3])",
  );
});
