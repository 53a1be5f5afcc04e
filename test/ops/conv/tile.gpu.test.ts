// The tile kernel of convolutions: every tile, accesses of one and of four numbers, and grids beyond one dimension.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { currentGpu, type Gpu, setCurrentGpu } from "../../../src/gpu/index.ts";
import { forwardCorrelation, gradientPhases } from "../../../src/ops/conv/correlation.ts";
import { enableNaiveConvolution } from "../../../src/ops/conv/naive.ts";
import { convForward, convGradInput } from "../../../src/ops/conv/passes.ts";
import { type ConvShape, convShape, flattenPoints, outputShape } from "../../../src/ops/conv/shape.ts";
import { termTable } from "../../../src/ops/conv/term_table.ts";
import { correlateTile, DEEP_TILES, SMALL_TILE, TILES, tileByRule, tileWays } from "../../../src/ops/conv/tile.ts";
import type { Tile } from "../../../src/ops/matmul/tiles.ts";
import { captureStep, empty, metaTensor, Scope, type Shape, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { asHardware } from "../../../tools/golden/hardware.ts";
import { expectClose } from "../../support/close.ts";
import { randomArray } from "../../support/random.ts";

enableNaiveConvolution();

const product = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = (shape: Shape, seed: number) => tensor(randomArray(product(shape), seed), shape);
const tolerance = { rtol: 1e-5, atol: 2e-6 };

interface Case {
  readonly x: Shape;
  readonly w: Shape;
  readonly options: { stride?: number; padding?: [number, number]; dilation?: number; groups?: number };
}
const cases: Record<string, Case> = {
  "3x3 of odd planes": { x: [2, 5, 9, 7], w: [70, 5, 3, 3], options: { padding: [1, 1] } },
  "3x3, four stored at once": { x: [3, 5, 8, 10], w: [33, 5, 3, 3], options: { padding: [1, 1] } },
  "1x1, four loaded at once": { x: [3, 18, 6, 6], w: [20, 18, 1, 1], options: {} },
  "5x3 of stride 3, dilation 2, in groups": {
    x: [2, 6, 17, 14],
    w: [10, 3, 5, 3],
    options: { stride: 3, padding: [3, 1], dilation: 2, groups: 2 },
  },
};

const shapeOf = ({ x, w, options }: Case): ConvShape => convShape(metaTensor(x), metaTensor(w), null, options);

/** Compare one tile with the definition, forward and to the input. */
async function compareTile(c: Case, tile: Tile, name: string): Promise<void> {
  using _scope = new Scope();
  const s = shapeOf(c);
  const [x, w, b, dy] = [random(c.x, 1), random(c.w, 2), random([s.outputs], 3), random(outputShape(s), 4)];
  const [y, wanted, dx, wantedDx] = [empty(dy.shape), empty(dy.shape), empty(c.x), empty(c.x)];
  const flat = flattenPoints(s);
  correlateTile([forwardCorrelation(flat)], tile, { x, w, b, y });
  correlateTile(gradientPhases(flat), tile, { x: dy, w, b: null, y: dx });
  convForward(s, "naive", { x, w, b, y: wanted });
  convGradInput(s, "naive", { dy, w, dx: wantedDx });
  const what = `${name}, tile ${tile.rows}x${tile.columns}`;
  expectClose(await y.data(), await wanted.data(), tolerance, `y, ${what}`);
  expectClose(await dx.data(), await wantedDx.data(), tolerance, `dx, ${what}`);
}

test.each(Object.entries(cases))("%s equals the definition", async (name, c) => {
  await compareTile(c, SMALL_TILE, name);
});

// In short stages: a long one differs by its length only, and takes seconds to compile on a software adapter.
const others = [...TILES, ...DEEP_TILES].map((tile) => [tile.rows, tile.columns, tile.spec.DEPTH, tile] as const);
test.each(others)("a tile of %i x %i in stages of %i equals the definition", async (_rows, _columns, depth, tile) => {
  const DEPTH = depth === 8 ? 4 : depth;
  const name = "3x3 of odd planes";
  await compareTile(cases[name]!, { ...tile, spec: { ...tile.spec, DEPTH } }, name);
});

test("every tile fits the workgroups of an adapter with default limits", () => {
  for (const { spec, lanes, rows, columns } of [...TILES, ...DEEP_TILES]) {
    expect(lanes).toBeLessThanOrEqual(256);
    expect(spec.DEPTH * (rows + columns) * 4).toBeLessThanOrEqual(16_384);
  }
});

describe("on hardware", () => {
  let software: Gpu;
  beforeAll(() => {
    software = currentGpu();
    asHardware(software);
  });
  afterAll(() => setCurrentGpu(software));
  const layer = (batch: number, channels: number, outputs: number, size: number) => [
    forwardCorrelation(
      shapeOf({ x: [batch, channels, size, size], w: [outputs, channels, 3, 3], options: { padding: [1, 1] } }),
    ),
  ];

  test.each([
    [layer(64, 1, 8, 28), "8x256"],
    [layer(128, 16, 16, 32), "16x256"],
    [layer(64, 64, 64, 56), "64x128"],
    [layer(256, 256, 256, 56), "128x128"],
  ])("layer %#: the rule's tile has as many rows as there are channels, if it can", (phases, wanted) => {
    const { rows, columns } = tileByRule(phases);
    expect(`${rows}x${columns}`).toBe(wanted);
  });

  test("a small product is cut in more workgroups than a large tile has", () => {
    const { rows, columns } = tileByRule(layer(16, 512, 512, 7));
    expect(rows * columns).toBeLessThan(128 * 128);
  });

  test("the tuner tries tiles of 64 and 128 rows and columns, some in longer stages", () => {
    const labels = tileWays(layer(256, 256, 256, 56)).map(({ label }) => label);
    const wanted = ["tile 128x128x8", "tile 64x128x8", "tile 128x64x8", "tile 64x64x8", "tile 64x64x16"];
    expect(labels).toEqual(expect.arrayContaining(wanted));
  });

  test("the tuner tries no tile that packs weights into more memory than the rule's", () => {
    const labels = tileWays(layer(64, 64, 64, 56)).map(({ label }) => label);
    expect(labels.filter((label) => label.startsWith("tile 128"))).toEqual([]);
  });
});

test("70,000 workgroups: the grid folds into two dimensions", async () => {
  await compareTile({ x: [1, 140_000, 2, 2], w: [70_000, 2, 1, 1], options: { groups: 70_000 } }, SMALL_TILE, "groups");
});

test("all phases of an input gradient run in one dispatch", () => {
  using _scope = new Scope();
  const c: Case = { x: [1, 2, 12, 12], w: [3, 2, 3, 3], options: { stride: 3, padding: [1, 1] } };
  const s = shapeOf(c);
  using step = captureStep(({ dy, w }: { dy: Tensor; w: Tensor }) => {
    const dx = empty(c.x);
    convGradInput(s, "tile", { dy, w, dx });
    return { dx };
  });
  const dy = { data: randomArray(product(outputShape(s)), 1), shape: outputShape(s) };
  step.run({ dy, w: { data: randomArray(product(c.w), 2), shape: c.w } });
  expect(gradientPhases(s)).toHaveLength(9);
  expect(step.describe().map(({ kernel }) => kernel)).toEqual(["conv2d_pack", "conv2d"]);
});

test("a layer's table is made once, for every batch", () => {
  const at = (batch: number) => forwardCorrelation(shapeOf({ ...cases["3x3 of odd planes"]!, x: [batch, 5, 9, 7] }));
  const first = termTable([at(1)]);
  const { created } = currentGpu().memory();
  expect(termTable([at(4)])).toBe(first);
  expect(currentGpu().memory().created).toBe(created);
});
