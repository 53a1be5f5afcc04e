import { afterEach, expect, test } from "vitest";
import { configureDebug, NanWatch, Tape } from "../../src/autograd/index.ts";
import { currentGpu, type Gpu, requestGpu, setCurrentGpu } from "../../src/gpu/index.ts";
import { captureStep, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { plus, scale, spoilGradient, times } from "./test_ops.ts";

function leaf(values: readonly number[]): Tensor {
  const t = tensor(values);
  t.requiresGrad = true;
  return t;
}

test("a clean step has no first bad op", async () => {
  using _scope = new Scope();
  using watch = new NanWatch();
  times(tensor([1, 2]), tensor([3, 4]));
  expect(await watch.first()).toBe(null);
});

test("the first of several is named, with its shape: NaN and infinity alike", async () => {
  using _scope = new Scope();
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    using watch = new NanWatch();
    const x = tensor(Float32Array.from({ length: 5000 }, (_, i) => (i === 4999 ? bad : i)));
    const fine = scale(tensor([1, 2]), { factor: 2 });
    const y = times(x, x);
    plus(y, y);
    plus(fine, fine);
    expect(await watch.first()).toEqual({ op: "times", phase: "forward", shape: [5000] });
  }
});

test("a tensor larger than one binding is looked through to its end", async () => {
  using _scope = new Scope();
  using watch = new NanWatch();
  const x = tensor(Float32Array.from({ length: 500 }, (_, i) => (i === 499 ? Number.NaN : i)));
  await withBindings(800, () => watch.inspect("upload", "forward", x));
  expect(await watch.first()).toEqual({ op: "upload", phase: "forward", shape: [500] });
});

test("overflow to infinity is found where it happens", async () => {
  using _scope = new Scope();
  using watch = new NanWatch();
  const big = scale(tensor([1e30]), { factor: 1e3 });
  plus(times(big, big), big);
  expect(await watch.first()).toEqual({ op: "times", phase: "forward", shape: [1] });
});

test("a gradient that goes bad is named by its op, in backward", async () => {
  using _scope = new Scope();
  using watch = new NanWatch();
  const x = leaf([1, 2]);
  {
    using tape = new Tape();
    tape.backward(scale(spoilGradient(scale(x, { factor: 2 })), { factor: 3 }), tensor([1, 1]));
  }
  expect(await watch.first()).toEqual({ op: "spoilGradient", phase: "backward", shape: [2] });
  x.grad?.dispose();
});

test("watches nest, and a closed one sees nothing", async () => {
  using _scope = new Scope();
  const bad = () => times(tensor([Number.NaN]), tensor([1]));
  using outer = new NanWatch();
  {
    using inner = new NanWatch();
    bad();
    expect((await inner.first())?.op).toBe("times");
  }
  expect(await outer.first()).toBe(null);
  bad();
  expect((await outer.first())?.op).toBe("times");
});

// ESPALIER_CHECK=nan: on a separate device, since the check is part of every later reading.
let before: Gpu | null = null;
afterEach(() => {
  configureDebug({ checkNan: false });
  if (before) {
    currentGpu().destroy();
    setCurrentGpu(before);
  }
  before = null;
});

test("with the check on, the next reading throws and names the op", async () => {
  before = currentGpu();
  await requestGpu();
  configureDebug({ checkNan: true });
  const good = scale(tensor([1]), { factor: 2 });
  expect(await good.item()).toBe(2);
  times(tensor([Number.NaN, 1]), tensor([1, 1]));
  await expect(good.item()).rejects.toThrow("times: made a NaN or an infinity (forward, [2])");
});

test("the check is recorded with a captured step and sees the replay that goes wrong", async () => {
  before = currentGpu();
  await requestGpu();
  configureDebug({ checkNan: true });
  using step = captureStep(({ x }: { x: Tensor }) => ({ y: times(scale(x, { factor: 1e20 }), x) }));
  const run = (v: number) => step.run({ x: { data: Float32Array.of(v), shape: [1] } });
  for (let i = 1; i < 4; i++) {
    run(i);
    await step.outputs.y.item();
  }
  run(1e19);
  await expect(step.outputs.y.item()).rejects.toThrow("scale: made a NaN or an infinity (forward, [1])");
});
