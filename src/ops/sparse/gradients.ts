// Gradients of products with a block-sparse weight: of x, and of the live blocks. Both are those of a convolution; a linear map is one of
// a single pixel. The sums have another order than the dense kernels', always the same one.
import inputWgsl from "../../../shaders/sparse_grad_input.wgsl";
import tapsWgsl from "../../../shaders/sparse_grad_taps.wgsl";
import weightWgsl from "../../../shaders/sparse_grad_weight.wgsl";
import { currentGpu, kernel } from "../../gpu/index.ts";
import { actSpec, empty, fillZero, type Tensor } from "../../tensor/index.ts";
import { type ConvShape, flattenPoints } from "../conv/shape.ts";
import { gradInputByColumns, usesColumns } from "./grad_columns.ts";
import { distances, LARGEST_GRID, lanesOf, oneSpec } from "./grad_layout.ts";
import { jobTable, planeTaps, readPixels, stripTable, type TermPlanes } from "./grad_tables.ts";
import type { SparseWeight } from "./sparse_weight.ts";
import { mayLeave, pixelsOf } from "./tables.ts";

const inputKernel = kernel("sparse_grad_input", inputWgsl);
const tapsKernel = kernel("sparse_grad_taps", tapsWgsl);
const weightKernel = kernel("sparse_grad_weight", weightWgsl);

/** Most pixels of a lane in the gradient of x. */
const MOST_PIXELS = 4;
/** Live blocks of a strip that pay for its loads of dy. */
const BLOCKS_OF_STRIP = 16;
/** Most terms of dx that are held at once, by parts of the batch: on a software adapter those that a core's cache holds. */
const termsAtOnce = (software: boolean) => 2 ** (software ? 17 : 24);

/** Parallel parts that keep an adapter busy: few on two or more cores, many on hardware. */
const busyParts = (software: boolean) => (software ? 8 : 512);

const isPoint = (s: ConvShape) =>
  s.rows.kernel * s.columns.kernel === 1 && s.rows.stride * s.columns.stride === 1 && !mayLeave(s);

/** Return how the lanes of an adapter share pixels: fewer for each where there are few. */
function pixelsOfLane(pixels: number, lanes: number): number {
  let perLane = MOST_PIXELS;
  while (perLane > 1 && pixels < perLane * lanes) perLane /= 2;
  return perLane;
}

/** Images of a part of a batch, and the terms of dx there. */
interface Part {
  readonly first: number;
  readonly images: number;
  readonly z: Tensor;
}

/** Compute the terms of dx: see TermPlanes. */
function runTerms(
  s: ConvShape,
  weight: SparseWeight,
  dy: Tensor,
  { first, images, z }: Part,
  planes: TermPlanes,
): void {
  const { blocks, live, rowCount } = weight;
  const { area, y_image } = distances(s);
  const lanes = lanesOf();
  const pixels = images * area;
  const perLane = pixelsOfLane(pixels, lanes);
  const tiles = Math.ceil(pixels / (lanes * perLane));
  const most = Math.max(1, Math.floor(live / rowCount / BLOCKS_OF_STRIP));
  const wanted = Math.ceil(busyParts(currentGpu().adapter.software) / (tiles * blocks.groups));
  const ranges = Math.min(most, blocks.shape[1]!, wanted);
  inputKernel.run({
    bind: {
      dy,
      strips: weight.table(`strips ${ranges}`, 4, () => stripTable(blocks, ranges)),
      terms: weight.table(`terms ${planes.taps.length}`, 2, () => planes.terms),
      weights: weight.values,
      z,
    },
    params: {
      ...{ area, first: first * area, pixels, strips: rowCount / blocks.groups },
      ...{ z_image: planes.taps.length * area, y_image },
    },
    spec: {
      ...actSpec(dy),
      ...oneSpec(blocks.size),
      ...{ R: blocks.size, P: perLane, LANES: lanes, EVEN: tiles * lanes * perLane === pixels },
    },
    grid: [ranges * blocks.groups, tiles],
  });
}

/** Add the taps of each pixel of x. */
function addTaps(s: ConvShape, weight: SparseWeight, { first, images, z }: Part, dx: Tensor, planes: TermPlanes): void {
  const { rows, columns, channels } = s;
  const lanes = lanesOf();
  const plane = rows.size * columns.size;
  const perLane = pixelsOfLane(plane, lanes);
  const { area } = distances(s);
  const tiles = Math.ceil(plane / (lanes * perLane));
  const each = Math.max(1, Math.floor((channels * tiles * images) / busyParts(currentGpu().adapter.software)));
  const key = Object.values({ ...rows, out: 0 })
    .concat(Object.values(columns))
    .join();
  tapsKernel.run({
    bind: {
      z,
      ranges: weight.table("ranges", 2, () => planes.ranges),
      taps: weight.table(`planes ${key}`, 2, () => planeTaps(planes.taps, s)),
      pixels: weight.table(`reads ${key} ${rows.out}`, 2, () => readPixels(s)),
      dx,
    },
    params: { plane, first, channels, each, z_image: planes.taps.length * area, area },
    spec: { ...actSpec(dx), P: perLane, LANES: lanes, EVEN: tiles * lanes * perLane === plane },
    grid: [Math.ceil(channels / each), tiles, images],
  });
}

/** Compute dx [N,C,H,W] of a convolution with a sparse weight from dy [N,O,OH,OW]. */
export function sparseGradInput(
  shape: ConvShape,
  weight: SparseWeight,
  { dy, dx }: { readonly dy: Tensor; readonly dx: Tensor },
): void {
  if (weight.live === 0) {
    fillZero(dx);
    return;
  }
  const s = flattenPoints(shape);
  const direct = isPoint(s) && dx.dtype === "f32";
  const planes = weight.planesOf(direct);
  if (direct) {
    // The terms are dx: one tap. Channels without live blocks have none.
    fillZero(dx);
    runTerms(s, weight, dy, { first: 0, images: s.batch, z: dx }, planes);
    return;
  }
  if (usesColumns(s, dx)) {
    gradInputByColumns(s, weight, { dy, dx });
    return;
  }
  const { area } = distances(s);
  const image = planes.taps.length * area;
  const images = Math.max(
    1,
    Math.min(s.batch, LARGEST_GRID, Math.floor(termsAtOnce(currentGpu().adapter.software) / image)),
  );
  const z = empty([images, image]);
  for (let first = 0; first < s.batch; first += images) {
    const part = { first, images: Math.min(images, s.batch - first), z };
    runTerms(s, weight, dy, part, planes);
    addTaps(s, weight, part, dx, planes);
  }
  z.dispose();
}

/** Compute the sums of x times dy of each live block, in slices of the pixels. */
function blockSums(s: ConvShape, weight: SparseWeight, x: Tensor, dy: Tensor): Tensor {
  const { blocks, live } = weight;
  const { area, ...places } = distances(s);
  const { software } = currentGpu().adapter;
  const lanes = lanesOf();
  const most = software ? 8 : 4;
  const jobs = weight.table(`jobs ${most}`, 4, () => jobTable(blocks, most));
  const flat = s.batch > 1 && Math.ceil(area / lanes) * lanes > 1.25 * area;
  const isLinear = flat && area === 1 && isPoint(s);
  const table = !isPoint(s) || (flat && !isLinear);
  const plane = flat ? s.batch * area : area;
  const tiles = Math.ceil(plane / lanes);
  const steps = flat ? tiles : tiles * s.batch;
  const wanted = Math.ceil((2 * busyParts(software)) / jobs.shape[0]!);
  const each = Math.max(Math.ceil(steps / wanted), Math.min(steps, 4));
  const slices = Math.ceil(steps / each);
  const parts = empty([slices, live, blocks.size]);
  weightKernel.run({
    bind: { x, dy, jobs, taps: weight.tapsOf(s), pixels: table ? pixelsOf(s, flat) : weight.rows, parts },
    params: {
      ...{ plane, area, tiles, steps, each, live, y_output: places.y_output },
      x_image: flat ? 0 : places.x_image,
      x_pixel: isLinear ? places.x_image : 1,
      y_image: places.y_image,
      y_pixel: 1,
    },
    spec: { ...actSpec(x), R: blocks.size, K: most, LANES: lanes, TABLE: table, FLAT: flat },
    grid: [jobs.shape[0]!, slices],
  });
  return parts;
}

/** Compute the gradient of a dense weight from x and dy: that of the live blocks, and zero elsewhere. */
export function sparseGradWeight(
  shape: ConvShape,
  weight: SparseWeight,
  { x, dy, dw }: { readonly x: Tensor; readonly dy: Tensor; readonly dw: Tensor },
): void {
  const parts = weight.live > 0 ? blockSums(flattenPoints(shape), weight, x, dy) : null;
  weight.spread(dw, parts);
  parts?.dispose();
}
