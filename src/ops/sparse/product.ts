// Products with a block-sparse weight: linear maps and convolutions, forward. Weights that are not in a block are not read, so a
// NaN or an infinity under a weight of zero does not reach y: there the dense product would give NaN.
import plainWgsl from "../../../shaders/sparse_product.wgsl";
import subgroupWgsl from "../../../shaders/sparse_product_subgroup.wgsl";
import { currentGpu, kernel, type Spec } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";
import { type ConvShape, flattenPoints } from "../conv/shape.ts";
import type { SparseWeight } from "./sparse_weight.ts";
import { mayLeave, pixelsOf } from "./tables.ts";

const plainKernel = kernel("sparse_product", plainWgsl);
const subgroupKernel = kernel("sparse_product_subgroup", subgroupWgsl);

/** Lanes of a workgroup on hardware. */
const HARDWARE_LANES = 64;
/** Most pixels of a lane there; fewer where workgroups are few. */
const MOST_PIXELS = 4;
/** Most subgroups of a workgroup. */
const MOST_TEAMS = 8;
/** Workgroups that keep hardware busy. */
const BUSY = 2048;
const LARGEST_GRID = 65535;

/** Operands: x and y are f32 or f16 alike. */
export interface SparseOperands {
  readonly x: Tensor;
  readonly weight: SparseWeight;
  /** Added to each output; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
  /** Added to y; null adds nothing. */
  readonly residual?: Tensor | null;
  /** True: ReLU, after the residual. Default false. */
  readonly relu?: boolean;
}

/** Where the pixels of a product are. */
interface Layout {
  /** Pixels of an image, and images; one image where `flat`. */
  readonly plane: number;
  readonly images: number;
  readonly params: Readonly<Record<"area" | "x_image" | "x_pixel" | "y_image" | "y_pixel" | "y_output", number>>;
  readonly pixels: Tensor | null;
  readonly spec: Spec;
}

/** The way in which lanes share the pixels of a plane. */
export interface Tiling {
  /** Subgroups share loads: on software adapters with subgroups of one size. */
  readonly shares: boolean;
  /** Lanes side by side, and pixels of a lane. */
  readonly lanes: number;
  readonly perLane: number;
  /** Tiles of an image and images in a workgroup. */
  readonly teams: number;
  readonly imageTeams: number;
}

const padded = (plane: number, tile: number) => Math.ceil(plane / tile) * tile;

/** Time of a lane: each pixel's own loads, and those that its pixels share, per tap. */
const SHARED_LOADS = 0.8;

/** Return the number of pixels of a lane that makes a plane cheapest on a software adapter. Fewer pixels if they take about as long. */
function pixelsOfLane(plane: number, lanes: number): number {
  const time = (p: number) => padded(plane, p * lanes) * (1 + SHARED_LOADS / p);
  let best = 4;
  for (const p of [5, 3, 2, 1]) if (time(p) < 0.95 * time(best)) best = p;
  return best;
}

/** Return the largest power of two up to `most` that leaves at most one in eight idle. */
function share(count: number, most: number): number {
  let teams = 1;
  while (2 * teams <= most && padded(count, 2 * teams) <= (9 / 8) * count) teams *= 2;
  return teams;
}

/** Return the way in which lanes share the pixels of a plane. */
export function tilingOf(plane: number, images: number, blockRows: number): Tiling {
  const { software, subgroupSize } = currentGpu().adapter;
  // Lanes share up to 8 numbers of a block, one each: a subgroup of 4 has too few of them.
  const shares = software && subgroupSize >= 8 && subgroupSize <= 16;
  const lanes = shares ? subgroupSize : HARDWARE_LANES;
  let perLane = software ? pixelsOfLane(plane, lanes) : MOST_PIXELS;
  const groups = () => Math.ceil(plane / (perLane * lanes)) * images * blockRows;
  while (!software && perLane > 1 && groups() < BUSY) perLane /= 2;
  const tiles = Math.ceil(plane / (perLane * lanes));
  const teams = shares ? share(tiles, MOST_TEAMS) : 1;
  return { shares, lanes, perLane, teams, imageTeams: shares ? share(images, MOST_TEAMS / teams) : 1 };
}

function run({ x, weight, b, y, residual = null, relu = false }: SparseOperands, taps: Tensor, layout: Layout): void {
  const { plane, images, params, pixels } = layout;
  const { shares, lanes, perLane, teams, imageTeams } = tilingOf(plane, images, weight.rowCount);
  const R = weight.blocks.size;
  const one: Spec = R === 1 && !shares ? { Weight: "f32", weight_at: "w" } : {};
  const common = {
    ...actSpec(x),
    R,
    P: perLane,
    LANES: lanes,
    ...layout.spec,
    ...one,
    RESIDUAL: residual !== null,
    RELU: relu,
  };
  (shares ? subgroupKernel : plainKernel).run({
    bind: {
      x,
      blocks: weight.rows,
      taps,
      weights: weight.values,
      pixels: pixels ?? weight.rows,
      bias: b ?? weight.values,
      y,
      residual: residual ?? x,
    },
    params: { plane, images, ...params, has_bias: b ? 1 : 0 },
    spec: shares ? { ...common, TILES: teams, IMAGES: imageTeams } : common,
    grid: [weight.rowCount, Math.ceil(plane / (lanes * perLane * teams)), Math.ceil(images / imageTeams)],
  });
}

/** Return the layout of a convolution. Planes that would leave many lanes idle are joined to one. */
function convLayout(s: ConvShape, weight: SparseWeight): Layout {
  const { batch, channels, outputs, rows, columns } = s;
  const area = rows.out * columns.out;
  const { lanes, perLane } = tilingOf(area, batch, weight.rowCount);
  const flat = batch > 1 && (padded(area, lanes * perLane) > 1.25 * area || batch > LARGEST_GRID);
  const masked = mayLeave(s);
  const isPoint = rows.kernel * columns.kernel === 1 && rows.stride * columns.stride === 1 && !masked;
  const table = flat || !isPoint;
  return {
    plane: flat ? batch * area : area,
    images: flat ? 1 : batch,
    params: {
      area,
      x_image: flat ? 0 : channels * rows.size * columns.size,
      x_pixel: table ? 0 : 1,
      y_image: outputs * area,
      y_pixel: 1,
      y_output: area,
    },
    pixels: table ? pixelsOf(s, flat) : null,
    spec: { TABLE: table, MASKED: masked, FLAT: flat },
  };
}

/** Compute y [N,O,OH,OW] = convolution of x [N,C,H,W] with a sparse weight of [O,C/groups,kh,kw], plus b [O] unless null. */
export function sparseConv(shape: ConvShape, operands: SparseOperands): void {
  const s = flattenPoints(shape);
  run(operands, operands.weight.tapsOf(s), convLayout(s, operands.weight));
}

/** Return a linear map as the convolution of one pixel. */
export function pointShape(batch: number, inputs: number, outputs: number): ConvShape {
  const one = { size: 1, out: 1, kernel: 1, stride: 1, padding: 0, dilation: 1 };
  return { batch, channels: inputs, outputs, groups: 1, rows: one, columns: one };
}

/** Compute y [*, O] = x [*, I] times a sparse weight of [O, I], plus b [O] unless null. */
export function sparseLinear(operands: SparseOperands): void {
  const { x, weight } = operands;
  const [outputs, inputs] = weight.blocks.shape as [number, number];
  const plane = x.numel / inputs;
  run(operands, weight.tapsOf(pointShape(plane, inputs, outputs)), {
    plane,
    images: 1,
    params: { area: 1, x_image: 0, x_pixel: inputs, y_image: 0, y_pixel: outputs, y_output: 1 },
    pixels: null,
    spec: {},
  });
}

/** Return the share of computed pixels that are beyond the edge, of a convolution or of a linear map of `rows` rows. */
export function idleShare(shape: ConvShape | null, rows: number, weight: SparseWeight): number {
  const { plane, images } = shape ? convLayout(flattenPoints(shape), weight) : { plane: rows, images: 1 };
  const { lanes, perLane } = tilingOf(plane, images, weight.rowCount);
  return 1 - plane / padded(plane, lanes * perLane);
}
