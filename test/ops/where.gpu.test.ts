import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { add, mul } from "../../src/ops/binary.ts";
import { where } from "../../src/ops/where.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { broadcastTo } from "../reference/axes.ts";
import { anyShape, shapeAndSmaller } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

/** 0 and 1. */
const mask = (n: number, seed: number) => Float32Array.from(randomInts(n, 2, seed));

function reference(
  [condition, a, b]: readonly ArrayLike<number>[],
  [c, left, right]: readonly Shape[],
  out: Shape,
): Float64Array {
  const [yes, no] = [broadcastTo(a!, left!, out), broadcastTo(b!, right!, out)];
  return broadcastTo(condition!, c!, out).map((v, i) => (v !== 0 ? yes[i]! : no[i]!));
}

test.each([
  { c: [3, 17], a: [3, 17], b: [3, 17], y: [3, 17] },
  { c: [4, 5], a: [2, 3, 4, 5], b: [], y: [2, 3, 4, 5] },
  { c: [2, 1, 1], a: [5], b: [3, 1], y: [2, 3, 5] },
  { c: [1], a: [2, 3], b: [2, 1], y: [2, 3] },
  { c: [6], a: [], b: [1], y: [6] },
  { c: [], a: [], b: [], y: [] },
  // Eight groups of axes; the gradient of b is summed over three.
  { c: [2, 1, 3, 1, 2, 1, 2, 1], a: [2, 2, 3, 3, 2, 2, 2, 2], b: [1, 2, 1, 2, 1], y: [2, 2, 3, 3, 2, 2, 2, 2] },
])("values and gradients of $c ? $a : $b", async ({ c, a, b, y }) => {
  await gradcheck({
    inputs: {
      condition: { data: mask(numel(c), 1), shape: c },
      a: { data: randomArray(numel(a), 2), shape: a },
      b: { data: randomArray(numel(b), 3), shape: b },
    },
    frozen: ["condition"],
    op: (t) => where(t["condition"]!, t["a"]!, t["b"]!),
    reference: (x) => reference([x["condition"]!, x["a"]!, x["b"]!], [c, a, b], y),
    forward: { rtol: 0, atol: 0 },
  });
});

test("numbers on either side or both: values, gradients, and no memory left behind", async () => {
  const condition = mask(103, 4);
  for (const [op, f] of [
    [
      (c: Parameters<typeof where>[0], x: Parameters<typeof where>[0]) => where(c, x, -2),
      (c: number, v: number) => (c ? v : -2),
    ],
    [
      (c: Parameters<typeof where>[0], x: Parameters<typeof where>[0]) => where(c, 0.5, x),
      (c: number, v: number) => (c ? 0.5 : v),
    ],
  ] as const) {
    await gradcheck({
      inputs: { c: { data: condition, shape: [103] }, x: { data: randomArray(103, 5), shape: [103] } },
      frozen: ["c"],
      op: ({ c, x }) => op(c!, x!),
      reference: ({ c, x }) => x!.map((v, i) => f(c![i]!, v)),
      forward: { rtol: 0, atol: 0 },
    });
  }
  using _scope = new Scope();
  const c = tensor(Int32Array.of(3, 0, -1));
  const live = currentGpu().memory().live;
  const y = where(c, 1, Number.NEGATIVE_INFINITY);
  expect([...(await y.data())]).toEqual([1, Number.NEGATIVE_INFINITY, 1]);
  y.dispose();
  expect(currentGpu().memory().live).toBe(live);
});

test("any shapes that broadcast agree with the reference", async () => {
  await fc.assert(
    fc.asyncProperty(shapeAndSmaller(6), fc.nat({ max: 2 }), async ([big, small], turn) => {
      using _scope = new Scope();
      const shapes = [0, 1, 2].map((i) => (i === turn ? big : i === (turn + 1) % 3 ? small : [big.at(-1)!]));
      const data = [mask(numel(shapes[0]!), 6), randomArray(numel(shapes[1]!), 7), randomArray(numel(shapes[2]!), 8)];
      const [c, a, b] = data.map((values, i) => tensor(values, shapes[i]!));
      const y = where(c!, a!, b!);
      expect(y.shape).toEqual(big);
      expect([...(await y.data())]).toEqual([...reference(data, shapes, big)]);
    }),
    { numRuns: 40, seed: 2 },
  );
});

test("a condition and its complement choose all: where(c, a, 0) + where(c, 0, a) = a", async () => {
  await fc.assert(
    fc.asyncProperty(anyShape(), async (shape) => {
      using _scope = new Scope();
      const x = randomArray(numel(shape), 9);
      const [c, a] = [tensor(mask(numel(shape), 10), shape), tensor(x, shape)];
      expect(await add(where(c, a, 0), where(c, 0, a)).data()).toEqual(x);
      expect(await where(c, a, a).data()).toEqual(x);
    }),
    { numRuns: 10, seed: 3 },
  );
});

test("conditions of each dtype: zero of either sign is false, NaN is true", async () => {
  using _scope = new Scope();
  const choose = async (c: Parameters<typeof tensor>[0]) => [...(await where(tensor(c), 1, 2).data())];
  expect(await choose([0, -0, 1e-38, Number.NaN, Number.NEGATIVE_INFINITY])).toEqual([2, 2, 1, 1, 1]);
  expect(await choose(Int32Array.of(0, -(2 ** 31), 7))).toEqual([2, 1, 1]);
  expect(await choose(Uint32Array.of(0, 2 ** 31, 7))).toEqual([2, 1, 1]);
  const [a, b] = [tensor(Int32Array.of(1, 2)), tensor(Int32Array.of(3, 4))];
  expect(await where(tensor([1, 0]), a, b).data()).toEqual(Int32Array.of(1, 4));
});

test("the other side gets 0, also for an infinite gradient", async () => {
  using _scope = new Scope();
  const x = tensor([1, 2]);
  x.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(where(tensor([1, 0]), x, 5), tensor([3, Number.POSITIVE_INFINITY]));
  }
  expect([...(await x.grad!.data())]).toEqual([3, 0]);
  x.grad!.dispose();
});

test("more than 65,535 workgroups", async () => {
  using _scope = new Scope();
  const n = 17_000_003;
  const c = Uint32Array.from({ length: n }, (_, i) => i & 1);
  const y = await where(tensor(c), 1, tensor(Float32Array.from({ length: 1 }, () => -1))).data();
  let wrong = 0;
  for (let i = 0; i < n; i += 3) if (y[i] !== (i & 1 ? 1 : -1)) wrong++;
  expect(wrong).toBe(0);
  expect(y[n - 1]).toBe(-1);
});

test("a replayed step equals an eager one", async () => {
  await expectReplay(
    { data: randomArray(12, 11), shape: [3, 4] },
    (w, { c, x }) => where(c!, mul(w, x!), where(x!, w, 0.25)),
    [12, 13].map((seed) => ({
      c: { data: randomInts(4, 2, seed), shape: [4] },
      x: { data: randomArray(12, seed), shape: [3, 4] },
    })),
  );
});

test("errors", () => {
  const c = metaTensor([2, 3]);
  expect(where(c, metaTensor([3]), 1).shape).toEqual([2, 3]);
  expect(where(c, 0, 1).shape).toEqual([2, 3]);
  expect(() => where(c, metaTensor([4]), 0)).toThrow("where: expected shapes that broadcast");
  expect(() => where(c, metaTensor([3], "i32"), 0)).toThrow("where: expected a and b of one dtype, got i32 and f32");
  expect(() => where(c, Number.NaN, 0)).toThrow("where: a: expected a number, got NaN");
  expect(() => where(c, metaTensor([3]), undefined as never)).toThrow(
    "where: expected a condition and two tensors or numbers",
  );
});
