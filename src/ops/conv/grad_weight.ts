// The weight gradient: a sum over every pixel of the batch, cut in slices that are added in a fixed order.

import tileWgsl from "../../../shaders/conv2d_grad_weight.wgsl";
import {
  type Candidate,
  currentGpu,
  devicePart,
  groups1d,
  kernel,
  type Spec,
  type Trial,
  tuneClass,
} from "../../gpu/index.ts";
import { actSpec, type DType } from "../../tensor/index.ts";
import {
  gradientTiles,
  leastParts,
  type Parts,
  plausibleTiles,
  SOFTWARE_TILE,
  type Tile,
  type TiledSize,
  termsOfPart,
} from "../matmul/tiles.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import type { ConvShape, TiledAlgorithm } from "./shape.ts";
import { type GradWeightTensors, sumSlices } from "./slices.ts";

const tileKernel = kernel("conv2d_grad_weight", tileWgsl);
const patch = devicePart(
  ({ software }) => software,
  () => import("./grad_weight_patch.ts"),
);
/** A tile, and the number of slices that the sum over pixels is cut in. */
export interface TileWay extends Candidate {
  readonly tile: Tile;
  readonly slices: number;
}
// Pixels that an invocation adds up one after another: keeps rounding near 5e-7 of the sum. Slices that add less are not
// worth another partial gradient.
const PARTS: Parts = { most: 2048, longest: 1024, step: 128, loads: [6, 14] };
const MOST_TRIED = 6;

const way = ({ tile, parts }: { tile: Tile; parts: number }): TileWay => {
  const { rows, columns } = tile;
  return { label: `tile ${rows}x${columns}${parts > 1 ? " sliced" : ""}`, tile, slices: parts };
};

/** Return the sizes of the matrix product. */
function productOf(s: ConvShape): TiledSize {
  const window = s.rows.kernel * s.columns.kernel;
  const [m, n] = [s.outputs / s.groups, (s.channels / s.groups) * window];
  return { m, n, k: s.batch * s.rows.out * s.columns.out, batch: s.groups };
}

/** Return the tile by rule. On a software adapter it is small, and the slices are as few as rounding allows. */
function wayByRule(s: ConvShape): TileWay {
  const { software, vendor } = currentGpu().adapter;
  const size = productOf(s);
  if (software) return way({ tile: SOFTWARE_TILE, parts: leastParts(size, PARTS) });
  return way(plausibleTiles(size, gradientTiles(vendor), PARTS)[0]!);
}

/** Return ways to try, with no more slices than the rule's. */
function otherWays(s: ConvShape, { slices }: TileWay): TileWay[] {
  const tiles = gradientTiles(currentGpu().adapter.vendor);
  return plausibleTiles(productOf(s), tiles, { ...PARTS, most: slices })
    .slice(0, MOST_TRIED)
    .map(way);
}

/** Return the sizes of the kernel's walk over pixels: one stage of `depth` further, and the ends of rows and planes. */
function walkParams({ rows, columns, channels, outputs }: ConvShape, depth: number) {
  const area = rows.out * columns.out;
  const [images, rest] = [Math.floor(depth / area), depth % area];
  const step = [Math.floor(rest / columns.out) * rows.stride, (rest % columns.out) * columns.stride] as const;
  const xImage = channels * rows.size * columns.size;
  const row = rows.stride * columns.size;
  // Distances may be negative; addresses are sums of 32 bits.
  const wrapped = (distance: number) => distance >>> 0;
  return {
    step: [...step],
    x_step: wrapped(images * xImage + step[0] * columns.size + step[1]),
    y_step: images * outputs * area + rest,
    x_row_end: wrapped(row - columns.out * columns.stride),
    x_plane_end: wrapped(xImage - rows.out * row),
    y_plane_end: (outputs - 1) * area,
  };
}

/** Bits of a tap: its pixels within a window of 16. */
const MOST_SPAN = 16;

/** Return the constants of the kernel that depend on the layer. */
function layerSpec({ rows, columns }: ConvShape): Spec {
  const axes = [rows, columns];
  const isPoint = axes.every((a) => a.kernel === 1 && a.padding === 0);
  const isMasked = axes.every((a) => (a.kernel - 1) * a.dilation < MOST_SPAN);
  return { A_ALONG: true, B_ALONG: true, ...(isPoint ? { POINT: true } : {}), ...(isMasked ? {} : { MASKED: false }) };
}

/** Compute dw by the tile kernel, in slices that are added in their order. */
export function tileGradWeight(
  s: ConvShape,
  { tile, slices: wanted }: TileWay,
  { dw, x, dy }: GradWeightTensors,
): void {
  const { rows, columns } = s;
  const { m, n, k } = productOf(s);
  const slice = termsOfPart(k, wanted, PARTS);
  const slices = Math.ceil(k / slice);
  const [rowTiles, columnTiles] = [Math.ceil(m / tile.rows), Math.ceil(n / tile.columns)];
  const both = (of: (a: ConvShape["rows"]) => number) => [of(rows), of(columns)];
  const plane = rows.size * columns.size;
  sumSlices(dw, slices, (partial) => {
    tileKernel.run({
      bind: { x, dy, dw: partial },
      params: {
        row_tiles: rowTiles,
        column_tiles: columnTiles,
        groups: s.groups,
        written: m,
        columns: n,
        slice,
        pixels: k,
        window: both((a) => a.kernel),
        dilation: both((a) => a.dilation),
        size: both((a) => a.size),
        out: both((a) => a.out),
        stride: both((a) => a.stride),
        padding: both((a) => a.padding),
        x_image: s.channels * plane,
        y_image: s.outputs * rows.out * columns.out,
        x_group: (s.channels / s.groups) * plane,
        ...walkParams(s, tile.spec.DEPTH),
      },
      spec: { ...tile.spec, ...layerSpec(s), ...actSpec(x) },
      grid: groups1d(rowTiles * columnTiles * s.groups * slices),
    });
  });
}

function trial(s: ConvShape, dtype: DType): Trial<TileWay> {
  const operands = {
    dw: trialTensor(s.outputs * (s.channels / s.groups) * s.rows.kernel * s.columns.kernel),
    x: trialTensor(s.batch * s.channels * s.rows.size * s.columns.size, dtype),
    dy: trialTensor(s.batch * s.outputs * s.rows.out * s.columns.out, dtype),
  };
  return {
    run: (chosen) => tileGradWeight(s, chosen, operands),
    dispose: () => disposeAll(operands),
  };
}

/** Return the key of a weight gradient: the layer, and the class of the pixels. */
function keyOf(s: ConvShape, dtype: DType): string {
  const axis = ({ kernel, stride, padding, dilation }: ConvShape["rows"]) =>
    [kernel, stride, padding, dilation].join(",");
  const pixels = tuneClass(s.batch * s.rows.out * s.columns.out);
  const sizes = `${s.groups},${s.channels},${s.outputs}`;
  return `conv2d grad weight ${dtype} ${sizes} pixels ${pixels} rows ${axis(s.rows)} columns ${axis(s.columns)}`;
}

/** Compute dw [O,C/groups,kh,kw], f32, from x [N,C,H,W] and dy [N,O,OH,OW], both f32 or both f16. `tuned` leaves the tile to the tuner. */
export function gradWeight(s: ConvShape, algorithm: TiledAlgorithm, tensors: GradWeightTensors, tuned = false): void {
  if (algorithm !== "tile" && patch()?.patchGradWeight(s, algorithm, tensors)) return;
  const rule = wayByRule(s);
  const { tuner } = currentGpu();
  if (!(tuned && tuner.active)) {
    tileGradWeight(s, rule, tensors);
    return;
  }
  const { m, n, k, batch } = productOf(s);
  const chosen = tuner.pick({
    key: keyOf(s, tensors.x.dtype),
    work: batch * m * n * k,
    bytes: tensors.x.bytes + tensors.dy.bytes + tensors.dw.bytes,
    rule: () => rule,
    others: () => otherWays(s, rule),
    trial: () => trial(s, tensors.x.dtype),
  });
  tileGradWeight(s, chosen, tensors);
}
