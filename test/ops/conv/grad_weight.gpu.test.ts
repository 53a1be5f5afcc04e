import { expect, test } from "vitest";
import { tileGradWeight } from "../../../src/ops/conv/grad_weight.ts";
import { convShape } from "../../../src/ops/conv/shape.ts";
import { gradientTiles } from "../../../src/ops/matmul/tiles.ts";
import { empty, metaTensor, Scope, tensor } from "../../../src/tensor/index.ts";
import { type ConvCase, convolveGradients, resultShape, weightShape } from "../../reference/conv2d.ts";
import { expectClose } from "../../support/close.ts";
import { randomArray } from "../../support/random.ts";

const plain = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
const cases: ConvCase[] = [
  { ...plain, x: [2, 9, 7, 11], outputs: 70, kernel: [3, 3] },
  { ...plain, x: [1, 66, 5, 6], outputs: 13, kernel: [1, 1], padding: [0, 0] },
  { ...plain, x: [3, 4, 13, 9], outputs: 6, kernel: [5, 3], stride: [2, 3], padding: [2, 0] },
  { ...plain, x: [2, 4, 12, 14], outputs: 8, kernel: [3, 4], dilation: [2, 3], groups: 2 },
  // Planes of less than a stage of pixels, and taps that span more than 16.
  { ...plain, x: [19, 5, 2, 2], outputs: 3, kernel: [2, 2], padding: [0, 0] },
  { ...plain, x: [5, 3, 3, 2], outputs: 40, kernel: [3, 3], stride: [2, 1] },
  { ...plain, x: [2, 2, 9, 40], outputs: 5, kernel: [2, 19], padding: [1, 9] },
];

/** Run the kernel on a case. */
async function run(c: ConvCase, tile: ReturnType<typeof gradientTiles>[number], slices: number) {
  using _scope = new Scope();
  const x = randomArray(
    c.x.reduce((a, b) => a * b),
    1,
  );
  const shape = resultShape(c);
  const dy = randomArray(
    shape.reduce((a, b) => a * b),
    2,
  );
  const dw = empty(weightShape(c));
  const { stride, padding, dilation, groups } = c;
  const s = convShape(metaTensor(c.x), metaTensor(weightShape(c)), null, { stride, padding, dilation, groups });
  tileGradWeight(s, { label: "", tile, slices }, { x: tensor(x, c.x), dy: tensor(dy, shape), dw });
  const got = await dw.data();
  const want = convolveGradients(c, x, randomArray(got.length, 3), dy).w;
  return { got, want };
}

test("every tile gives the weight gradient of the reference, in one slice or in several", async () => {
  const tiles = [...new Set([...gradientTiles(""), ...gradientTiles("apple")])];
  for (const [i, tile] of tiles.entries()) {
    const c = cases[i % cases.length]!;
    for (const slices of [1, 3]) {
      const { got, want } = await run(c, tile, slices);
      expectClose(got, want, { rtol: 1e-5, atol: 2e-5 }, `${tile.rows}x${tile.columns}, case ${i}, ${slices} slices`);
    }
  }
});

test("one tile is right for strides, paddings, dilations, groups and planes of any size", async () => {
  const tile = gradientTiles("apple")[1]!;
  for (const [i, c] of cases.entries()) {
    const { got, want } = await run(c, tile, i % 2 === 0 ? 1 : 2);
    expectClose(got, want, { rtol: 1e-5, atol: 2e-5 }, `case ${i}`);
  }
});

test("Apple's tiles keep half the results of others in an invocation", () => {
  const results = (vendor: string) => gradientTiles(vendor).map(({ spec }) => spec.ROW_QUADS * spec.COLUMN_QUADS);
  expect(Math.max(...results("apple"))).toBe(2);
  expect(results("mesa")).toEqual(results("apple")); // under Linux
  expect(Math.max(...results("nvidia"))).toBe(4);
});
