// The weight gradient: a sum over every pixel of the batch, cut in slices that are added in a fixed order.

import tileWgsl from "../../../shaders/conv2d_grad_weight.wgsl";
import { type Candidate, currentGpu, groups1d, kernel, onDevice, type Trial } from "../../gpu/index.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import { chooseEach, eachToTry } from "./choose.ts";
import { type ConvShape, definitionParams, type TiledAlgorithm } from "./shape.ts";
import { type GradWeightTensors, sliceCount, sumSlices } from "./slices.ts";

const tileKernel = kernel("conv2d_grad_weight", tileWgsl);
let patchGradWeight: typeof import("./grad_weight_patch.ts").patchGradWeight | null = null;
onDevice(({ software }) =>
  software
    ? import("./grad_weight_patch.ts").then((part) => {
        patchGradWeight = part.patchGradWeight;
      })
    : undefined,
);
// Rows, columns and pixels staged at once per workgroup.
const TILE_ROWS = tileKernel.constant("ROWS") / tileKernel.constant("EACH"); // times EACH
const MOST_EACH = 4;
const TILE_COLUMNS = tileKernel.constant("COLS");
const DEPTH = tileKernel.constant("DEPTH");
const WORKGROUPS_WANTED = 256; // enough to fill a large adapter

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
  if (algorithm !== "tile" && patchGradWeight?.(s, algorithm, tensors)) return;
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
