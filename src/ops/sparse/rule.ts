// The rule that chooses between the dense product and a sparse one: by times that were measured per driver (npm run bench:sparse).
import { type AdapterReport, lavapipe, MESA_26_1 } from "../../gpu/index.ts";
import { type BlockSize, blockRows, countLive } from "./blocks.ts";

/** Times on a driver, in nanoseconds. */
interface Costs {
  /** Time of a row of blocks for a vector of pixels: a fixed part, and a part for each output. */
  readonly row: readonly [fixed: number, output: number];
  /** Time of a live block, likewise. */
  readonly block: readonly [fixed: number, output: number];
  /** Time of the dense kernels for an output of a pixel: a fixed part, and a part for each number of its weight. */
  readonly dense: Readonly<Record<"window" | "strided" | "point", readonly [fixed: number, each: number]>>;
  /** Time of a pass over a result, for each number. */
  readonly pass: number;
  /** Time of a dispatch without its work. */
  readonly dispatch: number;
}

// Measured on two cores at vectors of 8 (Mesa 25.0.7) and of 16 numbers (Mesa 26): the least of several rounds, in CPU time.
const MESA_25: Costs = {
  row: [70, 16],
  block: [5, 0.3],
  dense: { window: [3, 0.062], strided: [3, 0.095], point: [1.5, 0.065] },
  pass: 0.75,
  dispatch: 25_000,
};
const MESA_26: Costs = {
  row: [60, 8],
  block: [5, 0.8],
  dense: { window: [2.8, 0.02], strided: [2.8, 0.03], point: [1.5, 0.0425] },
  pass: 1,
  dispatch: 14_000,
};
/** Vectors that MESA_26 was measured with. */
const WIDE = 16;
/** A sparse kernel must be faster than the dense one by this factor, by outputs of a block: the times are estimates. */
const MARGINS: Readonly<Record<BlockSize, number>> = { 8: 1.2, 4: 1.2, 1: 1.25 };
/** Largest share of live blocks on hardware, by their size. Not measured there: the tuner measures, and the rule is careful. */
const HARDWARE_SHARES: Readonly<Record<BlockSize, number>> = { 8: 0.2, 4: 0.12, 1: 0.02 };

/** Work of a layer for each image. */
export interface LayerWork {
  readonly outputs: number;
  readonly groups: number;
  /** Numbers of the weight for one output. */
  readonly each: number;
  /** Kind of the window: of several taps, the same with a stride, or 1x1 and linear. */
  readonly kind: "window" | "strided" | "point";
  /** Passes over the result that the sparse kernel contains, and the dense one does not. */
  readonly passes: number;
}

/** A layer's live blocks of one size. */
export interface BlockCount {
  readonly size: BlockSize;
  readonly live: number;
  readonly rows: number;
}

/** Count the live blocks of a weight. */
export function countBlocks(data: Float32Array, { outputs, groups, each }: LayerWork, size: BlockSize): BlockCount {
  const rows = blockRows(outputs, groups, size);
  return { size, live: countLive(data, rows, each), rows: rows.length };
}

/** Size of an input. */
export interface LayerInput {
  /** Pixels of the result, of all images. */
  readonly pixels: number;
  /** Share of lanes' pixels that are computed in vain. */
  readonly idle: number;
}

/** A batch: one dispatch is little beside it. */
const LARGE: LayerInput = { pixels: 1 << 20, idle: 0 };

/** Return how many times faster than the dense kernel the sparse one is estimated to be on a software adapter. */
function speedupOf(
  adapter: AdapterReport,
  layer: LayerWork,
  { size, live, rows }: BlockCount,
  { pixels, idle }: LayerInput,
): number {
  const { mesa, lanes } = lavapipe(adapter) ?? { mesa: 0, lanes: adapter.subgroupSize || 8 };
  const isNew = mesa >= MESA_26_1;
  const { row, block, dense, pass, dispatch } = isNew ? MESA_26 : MESA_25;
  const { outputs, each, kind, passes } = layer;
  // Lanes of the dense kernel are outputs.
  const tiled = Math.ceil(outputs / lanes) * lanes;
  const narrow = isNew ? WIDE / lanes : 1;
  const [fixed, tap] = dense[kind];
  const number = fixed + tap * each;
  const denseTime = dispatch + pixels * tiled * number * narrow + passes * (dispatch + pixels * outputs * pass);
  const vector = rows * (row[0] + row[1] * size) + live * (block[0] + block[1] * size);
  return denseTime / (dispatch + ((pixels / lanes) * vector) / (1 - idle));
}

/** Return the size of the blocks that make the layer fastest by rule; null if the dense kernel does. `input`: default a large batch. */
export function bestBlocks(
  adapter: AdapterReport,
  layer: LayerWork,
  counts: readonly BlockCount[],
  input = LARGE,
): BlockCount | null {
  if (!adapter.software) {
    const share = ({ live, rows }: BlockCount) => live / (rows * layer.each);
    return counts.find((c) => share(c) <= HARDWARE_SHARES[c.size]) ?? null;
  }
  let best: BlockCount | null = null;
  let most = 0;
  for (const count of counts) {
    const speedup = speedupOf(adapter, layer, count, input);
    if (speedup > Math.max(most, MARGINS[count.size])) [best, most] = [count, speedup];
  }
  return best;
}
