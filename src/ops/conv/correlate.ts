// Runs one correlation: the forward pass, or one phase of the input gradient.

import tileWgsl from "../../../shaders/conv2d.wgsl";
import broadcastWgsl from "../../../shaders/conv2d_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_plain.wgsl";
import { type Candidate, currentGpu, grid1d, groups1d, kernel, type Trial } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import { canBroadcast, chooseEach, eachToTry } from "./choose.ts";
import { type Correlation, correlationParams, type Line } from "./correlation.ts";
import type { TiledAlgorithm } from "./shape.ts";
import { type PatchSpec, patchSpec } from "./tiles.ts";

const tileKernel = kernel("conv2d", tileWgsl);
const broadcastKernel = kernel("conv2d_broadcast", broadcastWgsl);
const plainKernel = kernel("conv2d_plain", plainWgsl);
// Written channels and pixels per workgroup.
const TILE_ROWS = tileKernel.constant("ROWS") / tileKernel.constant("EACH"); // times EACH
const MOST_EACH = 8;
const TILE_COLUMNS = tileKernel.constant("COLS");

export interface CorrelationTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  /** Added to each written channel; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
}

/** One way to run a correlation. */
interface Way extends Candidate {
  readonly algorithm: TiledAlgorithm;
  /** Null: by the tile kernel, with `each` channels per invocation. */
  readonly spec: PatchSpec | null;
  readonly each: number;
}

function tileWay(each: number): Way {
  return { label: `tile ${each}`, algorithm: "tile", spec: null, each };
}

function patchWay(algorithm: "broadcast" | "plain", spec: PatchSpec): Way {
  return { label: `${algorithm} ${spec.OB}x${spec.PY}x${spec.PX}`, algorithm, spec, each: 0 };
}

function wayByRule(c: Correlation, algorithm: TiledAlgorithm): Way {
  const lanes = algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1;
  const spec = algorithm === "tile" ? null : patchSpec(c, lanes);
  return spec && algorithm !== "tile"
    ? patchWay(algorithm, spec)
    : tileWay(chooseEach(c.written, TILE_ROWS, MOST_EACH));
}

/** Sums per invocation of a broadcast kernel that leaves room for more invocations at a time. */
const FEW_SUMS = 16;

function otherWays(c: Correlation): Way[] {
  const ways = eachToTry(chooseEach(c.written, TILE_ROWS, MOST_EACH)).map(tileWay);
  if (!canBroadcast()) return ways;
  const lanes = currentGpu().adapter.subgroupSize;
  const specs = [patchSpec(c, lanes), patchSpec(c, lanes, FEW_SUMS)];
  return [...ways, ...specs.flatMap((spec) => (spec ? [patchWay("broadcast", spec)] : []))];
}

function runWay(c: Correlation, { algorithm, spec, each }: Way, { x, w, b, y }: CorrelationTensors): void {
  const bind = { x, w, b: b ?? w, y };
  const params = correlationParams(c, b !== null);
  if (spec) {
    const blocks = Math.ceil(c.rows.pixels / spec.PY) * Math.ceil(c.columns.pixels / spec.PX);
    const teams = c.batch * c.groups * blocks * Math.ceil(c.written / (spec.OB * spec.S));
    const grid = grid1d(teams * spec.S);
    (algorithm === "broadcast" ? broadcastKernel : plainKernel).run({ bind, params, spec, grid });
  } else {
    const pixels = c.batch * c.rows.pixels * c.columns.pixels;
    const groups = Math.ceil(pixels / TILE_COLUMNS) * Math.ceil(c.written / (TILE_ROWS * each)) * c.groups;
    tileKernel.run({ bind, params, spec: { EACH: each }, grid: groups1d(groups) });
  }
}

/** Return the key of a correlation: all its sizes, in the order of the interfaces. */
function keyOf(c: Correlation): string {
  const line = (l: Line) => Object.values(l).join(",");
  return `correlation ${c.batch},${c.groups},${c.reduced},${c.written} rows ${line(c.rows)} columns ${line(c.columns)}`;
}

function trial(c: Correlation): Trial<Way> {
  const plane = (side: "source" | "plane") => c.batch * c.groups * c.rows[side] * c.columns[side];
  const operands = {
    x: trialTensor(plane("source") * c.reduced),
    w: trialTensor(c.groups * c.weightGroup),
    b: null,
    y: trialTensor(plane("plane") * c.written),
  };
  return {
    run: (way) => runWay(c, way, operands),
    dispose: () => disposeAll(operands),
  };
}

/**
 * Write the pixels of y that the correlation names, in all channels. With `tuned` the tuner may replace the rule's
 * algorithm.
 */
export function correlate(c: Correlation, algorithm: TiledAlgorithm, tensors: CorrelationTensors, tuned = false): void {
  const rule = () => wayByRule(c, algorithm);
  const { tuner } = currentGpu();
  if (!(tuned && tuner.active)) {
    runWay(c, rule(), tensors);
    return;
  }
  const { rows, columns } = c;
  const work = c.batch * c.groups * c.reduced * c.written * rows.pixels * columns.pixels * rows.taps * columns.taps;
  runWay(c, tuner.pick({ key: keyOf(c), work, rule, others: () => otherWays(c), trial: () => trial(c) }), tensors);
}
