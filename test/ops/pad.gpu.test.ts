import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mul } from "../../src/ops/binary.ts";
import { type PadOptions, pad } from "../../src/ops/pad.ts";
import { narrow } from "../../src/ops/slice.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { padReference } from "../reference/pad.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

const CASES: readonly [shape: Shape, pads: readonly number[], options: PadOptions][] = [
  [[5], [2, 3], {}],
  [[5], [0, 0], {}],
  [[3, 4], [1, 0, 0, 2], { value: -1.5 }],
  [[2, 3, 4, 5], [1, 2, 3, 0], { mode: "constant" }],
  [[2, 3, 4], [0, 0, 1, 1], { value: 2 }],
  // Cuts: at one end, at both, down to one entry, and a cut with an added part.
  [[4, 5], [-1, 0], {}],
  [[4, 5], [-2, -2, -1, -1], {}],
  [[4, 5], [-3, 2, 1, -2], { value: 0.5 }],
  [[2, 3, 4, 5], [1, 1, 2, 2], { mode: "reflect" }],
  [[6, 3], [2, 0, 0, 5], { mode: "reflect" }],
  [[2], [1, 1], { mode: "reflect" }],
  [[2, 3, 4, 5], [1, 2, 3, 4], { mode: "replicate" }],
  [[3, 1], [2, 2, 7, 0], { mode: "replicate" }],
  // The first axis, and every second one.
  [[2, 3, 2], [0, 0, 0, 0, 1, 1], { mode: "replicate" }],
  [[2, 3, 2, 3, 2], [1, 1, 0, 0, 1, 0, 0, 0, 0, 1], { mode: "reflect" }],
];

test.each(CASES)("values and gradients: %j padded by %j, %j", async (shape, pads, options) => {
  await gradcheck({
    inputs: { x: { data: randomArray(numel(shape), 1), shape } },
    op: ({ x }) => pad(x!, pads, options),
    reference: ({ x }) => padReference(x!, shape, pads, options as object),
    forward: { rtol: 0, atol: 0 },
  });
});

const padding = anyShape(5).chain((shape) =>
  fc
    .array(fc.integer({ min: 0, max: 3 }), { minLength: 0, maxLength: shape.length })
    .chain((half) => fc.constant({ shape, pads: half.flatMap((n, i) => [n, (n + i) % 4]) })),
);

describe.each(["constant", "reflect", "replicate"] as const)("mode %s", (mode) => {
  test("cutting the new entries returns x, bit for bit", async () => {
    await fc.assert(
      fc.asyncProperty(padding, async ({ shape, pads }) => {
        using _scope = new Scope();
        const fitting = pads.map((n, i) => {
          const size = shape[shape.length - 1 - Math.floor(i / 2)]!;
          return mode === "reflect" ? Math.min(n, size - 1) : n;
        });
        const x = randomArray(numel(shape), 3);
        const y = pad(tensor(x, shape), fitting, { mode });
        expect([...(await y.data())]).toEqual([...padReference(x, shape, fitting, { mode })]);
        const cut = fitting.map((n) => -n);
        expect(await pad(y, cut).data()).toEqual(x);
        // narrow, axis by axis, too.
        const back = shape.reduce((t, length, axis) => {
          const start = fitting[2 * (shape.length - 1 - axis)] ?? 0;
          return narrow(t, { axis, start, length });
        }, y);
        expect(await back.data()).toEqual(x);
      }),
      { numRuns: 15, seed: 1 },
    );
  });

  test("a replayed step equals an eager one", async () => {
    await expectReplay(
      { data: randomArray(24, 2), shape: [4, 6] },
      (w, { x }) => pad(mul(w, x!), [2, 1, 1, 3], { mode }),
      [3, 4].map((seed) => ({ x: { data: randomArray(6, seed), shape: [6] } })),
    );
  });
});

test("an infinite value, and more than 65,535 workgroups", async () => {
  using _scope = new Scope();
  const y = await pad(tensor([[1, 2]]), [0, 1], { value: Number.NEGATIVE_INFINITY }).data();
  expect([...y]).toEqual([1, 2, Number.NEGATIVE_INFINITY]);
  const rows = 2_100_000;
  const x = Float32Array.from({ length: rows * 7 }, (_, i) => i % 8191);
  const wide = await pad(tensor(x, [rows, 7]), [1, 0], { value: -1 }).data();
  let wrong = 0;
  for (let i = 0; i < wide.length; i += 3) {
    const row = Math.floor(i / 8);
    if (wide[i] !== (i % 8 === 0 ? -1 : x[row * 7 + (i % 8) - 1])) wrong++;
  }
  expect(wrong).toBe(0);
  expect(wide.at(-1)).toBe(x.at(-1));
});

test("errors", () => {
  const x = metaTensor([3, 4]);
  expect(pad(x, [1, 2, 0, 1]).shape).toEqual([4, 7]);
  expect(pad(x, []).shape).toEqual([3, 4]);
  expect(() => pad(x, [1])).toThrow("pad: pads: expected up to 2 pairs, the last axis first, got [1]");
  expect(() => pad(x, [1, 1, 1, 1, 1, 1])).toThrow("expected up to 2 pairs");
  expect(() => pad(x, 1 as never)).toThrow("expected up to 2 pairs, the last axis first, got 1");
  expect(() => pad(x, [0.5, 1])).toThrow("pad: pads of axis 1: expected integers, got 0.5");
  expect(() => pad(x, [-2, -2])).toThrow("pad: pads of axis 1: expected to keep an entry of 4, got [-2,-2]");
  expect(() => pad(x, [0, 0, 3, 0], { mode: "reflect" })).toThrow(
    "pad: pads of axis 0: expected at most 2 in mode reflect, got 3",
  );
  expect(() => pad(x, [-1, 0], { mode: "replicate" })).toThrow(
    "pad: pads of axis 1: expected integers >= 0 in mode replicate, got -1",
  );
  expect(() => pad(x, [1, 1], { mode: "circular" as never })).toThrow(
    "pad: mode: expected constant, reflect, replicate, got circular",
  );
  expect(() => pad(x, [1, 1], { mode: "reflect", value: 0 })).toThrow("pad: value: expected none in mode reflect");
  expect(() => pad(x, [1, 1], { value: Number.NaN })).toThrow("pad: value: expected a number, got NaN");
  expect(() => pad(metaTensor([2], "i32"), [1, 1])).toThrow("pad: x: expected f32 or f16, got i32");
});
