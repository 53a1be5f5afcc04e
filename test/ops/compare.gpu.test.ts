import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { add, mul } from "../../src/ops/binary.ts";
import { eq, ge, gt, le, lt, ne } from "../../src/ops/compare.ts";
import { where } from "../../src/ops/where.ts";
import { metaTensor, numel, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { broadcastTo } from "../reference/axes.ts";
import { shapeAndSmaller } from "../support/arbitrary_shapes.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

type Compare = (a: Tensor | number, b: Tensor | number) => Tensor;
const ops: Record<string, readonly [op: Compare, f: (a: number, b: number) => boolean]> = {
  gt: [gt, (a, b) => a > b],
  ge: [ge, (a, b) => a >= b],
  lt: [lt, (a, b) => a < b],
  le: [le, (a, b) => a <= b],
  eq: [eq, (a, b) => a === b],
  ne: [ne, (a, b) => a !== b],
};
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const EDGES = [nan, inf, -inf, 0, -0, 1, -1, 3.5];

describe.each(Object.keys(ops))("%s", (name) => {
  const [op, f] = ops[name]!;
  const wanted = (a: ArrayLike<number>, b: (i: number) => number) => Array.from(a, (v, i) => Number(f(v, b(i))));

  test("values of all pairs, NaN and infinity included", async () => {
    using _scope = new Scope();
    const a = EDGES.flatMap((v) => EDGES.map(() => v));
    const b = EDGES.flatMap(() => EDGES);
    expect([...(await op(tensor(a), tensor(b)).data())]).toEqual(wanted(a, (i) => b[i]!));
    for (const k of [0, 1, inf]) {
      expect([...(await op(tensor(EDGES), k).data())]).toEqual(wanted(EDGES, () => k));
      expect([...(await op(k, tensor(EDGES)).data())]).toEqual(EDGES.map((v) => Number(f(k, v))));
    }
  });

  test("any shapes that broadcast agree with the reference", async () => {
    await fc.assert(
      fc.asyncProperty(shapeAndSmaller(5), async ([big, small]) => {
        using _scope = new Scope();
        // Few values, so that some are equal.
        const [a, b] = [
          Float32Array.from(randomInts(numel(big), 3, 1)),
          Float32Array.from(randomInts(numel(small), 3, 2)),
        ];
        const right = broadcastTo(b, small, big);
        const y = op(tensor(a, big), tensor(b, small));
        expect([...(await y.data())]).toEqual(wanted(a, (i) => right[i]!));
      }),
      { numRuns: 10, seed: 1 },
    );
  });

  test("no gradient flows", async () => {
    using _scope = new Scope();
    const x = tensor([1, 2]);
    x.requiresGrad = true;
    using _tape = new Tape();
    expect(op(x, 1.5).requiresGrad).toBe(false);
  });

  test("errors", () => {
    expect(() => op(metaTensor([2]), metaTensor([3]))).toThrow(
      `${name}: expected shapes that broadcast, got [2] and [3]`,
    );
    expect(() => op(metaTensor([2], "i32"), 1)).toThrow(`${name}: a: expected f32 or f16, got i32`);
    expect(() => op(metaTensor([2]), nan)).toThrow(`${name}: b: expected a number, got NaN`);
    expect(() => op(1, 2)).toThrow(`${name}: expected a tensor among a and b`);
    expect(op(metaTensor([2, 1]), metaTensor([3])).shape).toEqual([2, 3]);
  });
});

test("a > b or a = b or a < b, and the opposites are complements", async () => {
  using _scope = new Scope();
  const [a, b] = [1, 2].map((seed) => tensor(Float32Array.from(randomInts(1003, 5, seed))));
  const ones = new Float32Array(1003).fill(1);
  const sums = await readAll(
    add(add(gt(a!, b!), eq(a!, b!)), lt(a!, b!)),
    add(gt(a!, b!), le(a!, b!)),
    add(lt(a!, b!), ge(a!, b!)),
    add(eq(a!, b!), ne(a!, b!)),
  );
  for (const total of sums) expect(total).toEqual(ones);
});

test("a replayed step equals an eager one", async () => {
  await expectReplay(
    { data: randomArray(21, 3), shape: [21] },
    (w, { x }) => where(gt(x!, 0.25), mul(w, x!), w),
    [4, 5].map((seed) => ({ x: { data: randomArray(21, seed), shape: [21] } })),
  );
});
