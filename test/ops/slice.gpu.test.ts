import fc from "fast-check";
import { expect, test } from "vitest";
import { concat, narrow } from "../../src/ops/slice.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

/** Values of entries [start, start + length) of an axis. */
function narrowReference(x: ArrayLike<number>, shape: Shape, axis: number, start: number, length: number): number[] {
  const inner = numel(shape.slice(axis + 1));
  const d = shape[axis]!;
  return Array.from(x).filter((_, i) => {
    const at = Math.floor(i / inner) % d;
    return at >= start && at < start + length;
  });
}

test("narrow: values and gradients, along a middle axis and the last", async () => {
  for (const [axis, start, length] of [
    [1, 2, 3],
    [-1, 1, 2],
    [0, 0, 1],
  ] as const) {
    await gradcheck({
      inputs: { x: { data: randomArray(2 * 6 * 5, 1), shape: [2, 6, 5] } },
      op: ({ x }) => narrow(x!, { axis, start, length }),
      reference: ({ x }) => narrowReference(x!, [2, 6, 5], (axis + 3) % 3, start, length),
    });
  }
});

test("concat: values, and to each input its own gradient", async () => {
  await gradcheck({
    inputs: {
      a: { data: randomArray(12, 1), shape: [2, 2, 3] },
      b: { data: randomArray(6, 2), shape: [2, 1, 3] },
      c: { data: randomArray(24, 3), shape: [2, 4, 3] },
    },
    op: ({ a, b, c }) => concat([a!, b!, c!], { axis: 1 }),
    reference: ({ a, b, c }) =>
      [0, 1].flatMap((n) => [a!, b!, c!].flatMap((x) => [...x.slice((n * x.length) / 2, ((n + 1) * x.length) / 2)])),
  });
});

const cut = fc
  .record({
    parts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
    outer: fc.integer({ min: 1, max: 5 }),
    inner: fc.integer({ min: 1, max: 20 }),
    axis: fc.constantFrom(0, 1, 2),
  })
  .map(({ parts, outer, inner, axis }) => {
    const shape = [outer, inner, 2];
    shape[axis] = parts.reduce((a, b) => a + b, 0);
    return { parts, shape, axis };
  });

test("pieces of any cut join to what was cut, bit for bit", async () => {
  await fc.assert(
    fc.asyncProperty(cut, async ({ parts, shape, axis }) => {
      using _scope = new Scope();
      const values = randomArray(numel(shape), 4);
      const x = tensor(values, shape);
      let start = 0;
      const pieces = parts.map((length) => {
        const piece = narrow(x, { axis, start, length });
        start += length;
        return piece;
      });
      const y = concat(pieces, { axis });
      expect(y.shape).toEqual(shape);
      expect([...(await y.data())]).toEqual([...values]);
    }),
    { numRuns: 30, seed: 1 },
  );
});

test("errors", () => {
  expect(narrow(metaTensor([2, 6]), { axis: 1, start: 4, length: 2 }).shape).toEqual([2, 2]);
  expect(() => narrow(metaTensor([2, 6]), { axis: 1, start: 5, length: 2 })).toThrow(
    "narrow: expected entries of axis 1, got 2 from 5 on",
  );
  expect(() => narrow(metaTensor([2, 6]), { axis: 1, start: 0, length: 0 })).toThrow("got 0 from 0 on");
  expect(() => narrow(metaTensor([2, 6]), { axis: 1, start: 0.5, length: 1 })).toThrow("from 0.5 on");
  expect(() => narrow(metaTensor([2, 6]), { axis: 2, start: 0, length: 1 })).toThrow(
    "narrow: expected an axis of a tensor of rank 2, got 2",
  );
  expect(() => narrow(metaTensor([2], "i32"), { axis: 0, start: 0, length: 1 })).toThrow("x: expected f32");
  expect(() => concat([], { axis: 0 })).toThrow("concat: expected at least one tensor");
  expect(() => concat([metaTensor([2, 3]), metaTensor([3, 3])], { axis: 1 })).toThrow(
    "concat: expected shapes that agree except on axis 1, got [2,3] and [3,3]",
  );
  expect(() => concat([metaTensor([2, 3]), metaTensor([2])], { axis: 1 })).toThrow("expected shapes that agree");
  expect(() => concat([metaTensor([2]), metaTensor([2], "i32")], { axis: 0 })).toThrow("tensor 1: expected f32");
});
