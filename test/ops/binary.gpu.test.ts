import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { add, div, maximum, minimum, mul, sub } from "../../src/ops/binary.ts";
import {
  captureStep,
  metaTensor,
  numel,
  Scope,
  type Shape,
  scalar,
  type Tensor,
  tensor,
} from "../../src/tensor/index.ts";
import { broadcastTo } from "../reference/axes.ts";
import { binaryReference } from "../reference/pointwise.ts";
import { anyShape, shapeAndSmaller } from "../support/arbitrary_shapes.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

const ops: Record<string, (a: Tensor, b: Tensor) => Tensor> = { add, sub, mul, div, maximum, minimum };

/** Result of a broadcast op in float64. */
function reference(f: (a: number, b: number) => number, a: ArrayLike<number>, b: ArrayLike<number>, s: Shapes) {
  const right = broadcastTo(b, s.b, s.y);
  return broadcastTo(a, s.a, s.y).map((v, i) => f(v, right[i]!));
}

interface Shapes {
  readonly a: Shape;
  readonly b: Shape;
  readonly y: Shape;
}

// Equal, a row, a channel, a scalar on either side, both repeated, no rank at all, and four neighbours that cross rows.
const shapes: Shapes[] = [
  { a: [3, 17], b: [3, 17], y: [3, 17] },
  { a: [4, 6], b: [6], y: [4, 6] },
  { a: [2, 3, 4, 4], b: [3, 1, 1], y: [2, 3, 4, 4] },
  { a: [], b: [2, 5], y: [2, 5] },
  { a: [7, 3], b: [1], y: [7, 3] },
  { a: [3, 1, 5], b: [4, 1], y: [3, 4, 5] },
  { a: [], b: [], y: [] },
  { a: [2, 1, 3, 1, 2, 1], b: [1, 3, 1, 2, 1, 3], y: [2, 3, 3, 2, 2, 3] },
];

describe.each(Object.keys(ops))("%s", (name) => {
  test.each(shapes)("values and gradients of $a and $b", async (s) => {
    // Apart from ties, and from zero for the quotient.
    const b = randomArray(numel(s.b), 2).map((v) => v + Math.sign(v) * 0.5);
    await gradcheck({
      inputs: { a: { data: randomArray(numel(s.a), 1, 2), shape: s.a }, b: { data: b, shape: s.b } },
      op: ({ a, b }) => ops[name]!(a!, b!),
      reference: ({ a, b }) => reference(binaryReference[name]!, a!, b!, s),
      forward: { rtol: 1e-6, atol: 1e-6 },
      h: 1e-5,
    });
  });
});

test("any two shapes that broadcast agree with the reference", async () => {
  const side = fc.boolean();
  await fc.assert(
    fc.asyncProperty(shapeAndSmaller(6), side, async ([big, small], swap) => {
      using _scope = new Scope();
      const s = swap ? { a: small, b: big, y: big } : { a: big, b: small, y: big };
      const [a, b] = [randomArray(numel(s.a), 3), randomArray(numel(s.b), 4)];
      const y = sub(tensor(a, s.a), tensor(b, s.b));
      expect(y.shape).toEqual(s.y);
      expectClose(
        await y.data(),
        reference((u, v) => u - v, a, b, s),
        { rtol: 1e-6, atol: 1e-6 },
        `${s.a} - ${s.b}`,
      );
    }),
    { numRuns: 40, seed: 5 },
  );
});

test("a + b = b + a and a - b = -(b - a), bit for bit", async () => {
  await fc.assert(
    fc.asyncProperty(anyShape(), async (shape) => {
      using _scope = new Scope();
      const a = tensor(randomArray(numel(shape), 6), shape);
      const b = tensor(randomArray(shape.at(-1)!, 7));
      expect(await add(a, b).data()).toEqual(await add(b, a).data());
      const back = await sub(b, a).data();
      // 0 - 0 is +0 both ways.
      expect(await sub(a, b).data()).toEqual(back.map((v) => (v === 0 ? 0 : -v)));
    }),
    { numRuns: 10, seed: 6 },
  );
});

/** Gradients of two leaves for an upstream gradient of ones. */
async function gradients(op: (a: Tensor, b: Tensor) => Tensor, left: number[], right: number[]) {
  using _scope = new Scope();
  const [a, b] = [tensor(left), tensor(right)];
  a.requiresGrad = true;
  b.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(op(a, b), tensor(left.map(() => 1)));
  }
  const out = [[...(await a.grad!.data())], [...(await b.grad!.data())]];
  a.grad!.dispose();
  b.grad!.dispose();
  return out;
}

test("equal elements share the gradient of maximum and minimum", async () => {
  expect(await gradients(maximum, [1, 2, 3], [2, 2, 2])).toEqual([
    [0, 0.5, 1],
    [1, 0.5, 0],
  ]);
  expect(await gradients(minimum, [1, 2, 3], [2, 2, 2])).toEqual([
    [1, 0.5, 0],
    [0, 0.5, 1],
  ]);
});

test("the gradient of a quotient does not overflow before the quotient does", async () => {
  const [da, db] = await gradients(div, [1e-10, 1e25], [1e-15, 1e25]);
  expect(da![0]! / 1e15).toBeCloseTo(1, 5);
  expect(db![0]! / -1e20).toBeCloseTo(1, 5);
  expect(db![1]! / -1e-25).toBeCloseTo(1, 5);
});

test("a tensor times itself: both gradients arrive, also where the gradient has its place already", async () => {
  using _scope = new Scope();
  const x = tensor([1, 2, -3]);
  x.requiresGrad = true;
  for (let round = 0; round < 2; round++) {
    using tape = new Tape();
    tape.backward(mul(x, x), tensor([1, 1, 1]));
    expect([...(await x.grad!.data())]).toEqual([2, 4, -6]);
    x.gradArrived = false;
  }
  x.grad!.dispose();
});

test("only inputs with requiresGrad get a gradient", async () => {
  using _scope = new Scope();
  const [a, b] = [tensor([1, 2]), tensor([3, 4])];
  b.requiresGrad = true;
  for (const op of [sub, mul, div]) {
    using tape = new Tape();
    tape.backward(op(a, b), tensor([1, 1]));
    expect(a.grad).toBeNull();
  }
  b.grad!.dispose();
});

describe.each(Object.keys(ops))("%s with a number", (name) => {
  const op = ops[name] as unknown as (a: Tensor | number, b: Tensor | number) => Tensor;
  const f = binaryReference[name]!;

  test.each([
    ["right", (x: Tensor) => op(x, -1.5), (v: number) => f(v, -1.5)],
    ["left", (x: Tensor) => op(0.75, x), (v: number) => f(0.75, v)],
  ] as const)("on the %s: values and gradients", async (_side, of, reference) => {
    // Away from ties and from zero, and with a last vec4 that is a partial one.
    const data = randomArray(103, 8, 2).map((v) => {
      const far = v + Math.sign(v) * 0.1;
      return [-1.5, 0.75].some((k) => Math.abs(far - k) < 0.01) ? far + 0.05 : far;
    });
    await gradcheck({
      inputs: { x: { data, shape: [103] } },
      op: ({ x }) => of(x!),
      reference: ({ x }) => x!.map(reference),
      forward: { rtol: 1e-6, atol: 1e-6 },
      h: 1e-5,
      backward: { rtol: 3e-4, atol: 1e-4 },
    });
  });

  test("equals a tensor of one element, and leaves no memory behind", async () => {
    using _scope = new Scope();
    const x = tensor(randomArray(30, 9), [5, 6]);
    expect(await op(x, 2.5).data()).toEqual(await op(x, tensor(2.5)).data());
    const live = currentGpu().memory().live;
    op(3, x).dispose();
    expect(currentGpu().memory().live).toBe(live);
  });
});

test("numbers at the edges: infinite, one element, no axes", async () => {
  using _scope = new Scope();
  expect([...(await minimum(tensor([1, 2]), Number.NEGATIVE_INFINITY).data())]).toEqual(
    new Array(2).fill(Number.NEGATIVE_INFINITY),
  );
  const y = sub(1, tensor([[3]]));
  expect(y.shape).toEqual([1, 1]);
  expect(await y.item()).toBe(-2);
  expect(mul(tensor(3), 2).shape).toEqual([]);
});

test("the gradient of a tie with a number is a half, and a number gets none", async () => {
  using _scope = new Scope();
  const x = tensor([1, 2, 3]);
  x.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(maximum(x, 2), tensor([1, 1, 1]));
  }
  expect([...(await x.grad!.data())]).toEqual([0, 0.5, 1]);
  x.grad!.dispose();
});

test("a captured step records a number and reads a scalar tensor at each replay", async () => {
  using _scope = new Scope();
  let factor = 2;
  using moving = scalar(2);
  using step = captureStep(({ x }: { x: Tensor }) => ({ fixed: mul(x, factor), live: mul(x, moving) }));
  const run = async () => {
    const { fixed, live } = step.run({ x: { data: Float32Array.of(1, 2), shape: [2] } });
    return [[...(await fixed.data())], [...(await live.data())]];
  };
  expect(await run()).toEqual([
    [2, 4],
    [2, 4],
  ]);
  factor = 5;
  moving.set(5);
  expect(await run()).toEqual([
    [2, 4],
    [5, 10],
  ]);
});

test("a replayed step with numbers equals an eager one", async () => {
  await expectReplay(
    { data: randomArray(12, 10), shape: [3, 4] },
    (w, { x }) => div(sub(1, mul(w, x!)), add(mul(x!, x!), 0.5)),
    [11, 12].map((seed) => ({ x: { data: randomArray(4, seed), shape: [4] } })),
  );
});

test("errors of numbers", () => {
  expect(() => add(1, 2)).toThrow("add: expected a tensor among a and b");
  expect(() => mul(metaTensor([2]), Number.NaN)).toThrow("mul: b: expected a number, got NaN");
  expect(() => sub(1e39, metaTensor([2]))).toThrow("sub: a: expected a number of f32, up to 3.4e38, got 1e+39");
  expect(() => div(metaTensor([2], "i32"), 2)).toThrow("div: a: expected f32 or f16, got i32");
  expect(() => add(metaTensor([2]), undefined as never)).toThrow("add: expected two tensors, or a tensor and a number");
  expect(() => add(metaTensor([2]), "2" as never)).toThrow("add: input 1: expected a tensor, got string");
  expect(add(metaTensor([2, 3]), 1).shape).toEqual([2, 3]);
});

test("errors name both shapes", () => {
  expect(() => add(metaTensor([2, 3]), metaTensor([4]))).toThrow(
    "add: expected shapes that broadcast, got [2,3] and [4]",
  );
  expect(() => mul(metaTensor([2], "i32"), metaTensor([2]))).toThrow("mul: a: expected f32 or f16, got i32");
  expect(add(metaTensor([2, 1]), metaTensor([3])).shape).toEqual([2, 3]);
});
