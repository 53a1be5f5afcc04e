// The weight gradient: a sum over every pixel of the batch, cut in slices that are added in a fixed order.

import tileWgsl from "../../../shaders/conv2d_grad_weight.wgsl";
import broadcastWgsl from "../../../shaders/conv2d_grad_weight_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_grad_weight_plain.wgsl";
import { sumAxesInto } from "../../autograd/index.ts";
import { type Candidate, currentGpu, grid1d, groups1d, kernel, type Trial } from "../../gpu/index.ts";
import { empty, type Tensor } from "../../tensor/index.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import { chooseEach, eachToTry } from "./choose.ts";
import { type ConvShape, definitionParams, type TiledAlgorithm } from "./shape.ts";
import { gradWeightSpec } from "./tiles.ts";

const tileKernel = kernel("conv2d_grad_weight", tileWgsl);
const broadcastKernel = kernel("conv2d_grad_weight_broadcast", broadcastWgsl);
const plainKernel = kernel("conv2d_grad_weight_plain", plainWgsl);
// Rows, columns and pixels staged at once per workgroup.
const TILE_ROWS = tileKernel.constant("ROWS") / tileKernel.constant("EACH"); // times EACH
const MOST_EACH = 4;
const TILE_COLUMNS = tileKernel.constant("COLS");
const DEPTH = tileKernel.constant("DEPTH");
const WORKGROUPS_WANTED = 256; // enough to fill a large adapter
const SUBGROUPS_WANTED = 48; // enough for the cores of a software one, few enough for sum_to to add in one invocation each
const LONGEST_SUM = 4096; // terms one invocation adds up; keeps rounding near 1e-6 of the sum
const MOST_PARTIAL_BYTES = 2 ** 27; // one binding of an adapter with default limits

/** Return the number of slices for a sum over `units` of `terms` each, with `items` workgroups per slice. */
export function sliceCount(units: number, terms: number, items: number, wanted: number, bytes: number): number {
  const forWork = Math.ceil(wanted / items);
  const forRounding = Math.ceil((units * terms) / LONGEST_SUM);
  const useful = Math.ceil((units * terms) / (4 * DEPTH));
  const affordable = Math.max(1, Math.floor(MOST_PARTIAL_BYTES / bytes));
  return Math.min(Math.max(forWork, forRounding), useful, affordable, units);
}

/** Run `write(partial)` for `slices` partial gradients and add them into dw. One slice is written in place. */
export function sumSlices(dw: Tensor, slices: number, write: (partial: Tensor) => void): void {
  if (slices === 1) {
    write(dw);
    return;
  }
  using partial = empty([slices, dw.numel]);
  write(partial);
  sumAxesInto("conv2d", dw, partial, [0]);
}

interface GradWeightTensors {
  readonly dw: Tensor;
  readonly x: Tensor;
  readonly dy: Tensor;
}

/** Run the "broadcast" or "plain" kernel. Returns false if the window is too large to unroll. */
function patchGradWeight(s: ConvShape, algorithm: "broadcast" | "plain", { dw, x, dy }: GradWeightTensors): boolean {
  const spec = gradWeightSpec(s, algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1);
  if (!spec) return false;
  const [reduced, written] = [s.channels / s.groups, s.outputs / s.groups];
  const tiles = s.batch * Math.ceil(s.rows.out / spec.PY) * Math.ceil(s.columns.out / spec.PX);
  const items = Math.ceil(written / (spec.OB * spec.S)) * Math.ceil(reduced / spec.CB) * s.groups;
  // A workgroup is one subgroup; without subgroups a workgroup holds 64 teams, eight of which run side by side.
  const wanted = algorithm === "broadcast" ? SUBGROUPS_WANTED : 8 * SUBGROUPS_WANTED;
  const slice = Math.ceil(tiles / sliceCount(tiles, spec.PY * spec.PX, items, wanted, dw.bytes));
  const slices = Math.ceil(tiles / slice);
  sumSlices(dw, slices, (partial) => {
    const params = { ...definitionParams(s), slices, slice };
    const bind = { x, dy, dw: partial };
    if (algorithm === "broadcast") broadcastKernel.run({ bind, params, spec, grid: groups1d(items * slices) });
    else plainKernel.run({ bind, params, spec, grid: grid1d(items * slices) });
  });
  return true;
}

interface TileWay extends Candidate {
  readonly each: number;
}
const tileWay = (each: number): TileWay => ({ label: `tile ${each}`, each });

/** By the tile kernel. The slices are those of the rule's tile, so that every way adds up the same partial gradients. */
function tileGradWeight(s: ConvShape, rule: number, each: number, { dw, x, dy }: GradWeightTensors): void {
  const [reduced, written] = [s.channels / s.groups, s.outputs / s.groups];
  const pixels = s.batch * s.rows.out * s.columns.out;
  const columns = Math.ceil((reduced * s.rows.kernel * s.columns.kernel) / TILE_COLUMNS);
  const items = (channels: number) => Math.ceil(written / (TILE_ROWS * channels)) * columns * s.groups;
  const stages = Math.ceil(pixels / DEPTH);
  const slice = Math.ceil(stages / sliceCount(stages, DEPTH, items(rule), WORKGROUPS_WANTED, dw.bytes)) * DEPTH;
  const slices = Math.ceil(pixels / slice);
  sumSlices(dw, slices, (partial) => {
    const params = { ...definitionParams(s), slices, slice };
    const grid = groups1d(items(each) * slices);
    tileKernel.run({ bind: { x, dy, dw: partial }, params, spec: { EACH: each }, grid });
  });
}

function trial(s: ConvShape, rule: number): Trial<TileWay> {
  const operands = {
    dw: trialTensor(s.outputs * (s.channels / s.groups) * s.rows.kernel * s.columns.kernel),
    x: trialTensor(s.batch * s.channels * s.rows.size * s.columns.size),
    dy: trialTensor(s.batch * s.outputs * s.rows.out * s.columns.out),
  };
  return {
    run: ({ each }) => tileGradWeight(s, rule, each, operands),
    dispose: () => disposeAll(operands),
  };
}

/** dw [O,C/groups,kh,kw] from x [N,C,H,W] and dy [N,O,OH,OW]. `tuned` leaves the tile's size to the tuner. */
export function gradWeight(s: ConvShape, algorithm: TiledAlgorithm, tensors: GradWeightTensors, tuned = false): void {
  if (algorithm !== "tile" && patchGradWeight(s, algorithm, tensors)) return;
  const each = chooseEach(s.outputs / s.groups, TILE_ROWS, MOST_EACH);
  const { tuner } = currentGpu();
  if (!(tuned && tuner.active)) {
    tileGradWeight(s, each, each, tensors);
    return;
  }
  const axis = (a: ConvShape["rows"]) => Object.values(a).join(",");
  const sizes = `${s.batch},${s.groups},${s.channels},${s.outputs}`;
  const chosen = tuner.pick({
    key: `conv2d grad weight ${sizes} rows ${axis(s.rows)} columns ${axis(s.columns)}`,
    work: s.batch * s.rows.out * s.columns.out * (s.outputs / s.groups) * s.channels * s.rows.kernel * s.columns.kernel,
    rule: () => tileWay(each),
    others: () => eachToTry(each).map(tileWay),
    trial: () => trial(s, each),
  });
  tileGradWeight(s, each, chosen.each, tensors);
}
