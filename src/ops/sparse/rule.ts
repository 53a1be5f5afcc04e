// The rule that chooses between the dense product and a sparse one: by times that were measured per driver (npm run bench:sparse).
import { type AdapterReport, lavapipe, MESA_26_1 } from "../../gpu/index.ts";
import { type BlockSize, blockRows, countLive } from "./blocks.ts";

/** Times of one vector of pixels on a driver, in nanoseconds, and multiply-adds of its dense kernels. */
interface Costs {
  /** Time of a row of blocks: a fixed part, and a part for each output. */
  readonly row: readonly [fixed: number, output: number];
  /** Time of a live block, likewise. */
  readonly block: readonly [fixed: number, output: number];
  /** Fastest dense multiply-adds per nanosecond for windows of several taps, and for 1x1 and linear layers. */
  readonly dense: readonly [window: number, point: number];
}

// Measured on two cores at vectors of 8 (Mesa 25.0.7) and of 16 numbers (Mesa 26.1.6): the least of seven rounds, in CPU time.
const MESA_25: Costs = { row: [70, 16], block: [5, 0.3], dense: [14.5, 13] };
const MESA_26: Costs = { row: [60, 8], block: [5, 0.8], dense: [40, 18] };
/** Vectors that MESA_26 was measured with. */
const WIDE = 16;
/** A sparse kernel must be faster than the dense one by this factor: the times are estimates. */
const MARGIN = 1.2;
/** Largest share of live blocks on hardware, by their size. Not measured there: the tuner measures, and the rule is careful. */
const HARDWARE_SHARES: Readonly<Record<BlockSize, number>> = { 8: 0.2, 4: 0.12, 1: 0.02 };

/** Work of a layer for each image. */
export interface LayerWork {
  readonly outputs: number;
  readonly groups: number;
  /** Numbers of the weight for one output. */
  readonly each: number;
  /** True for 1x1 and linear layers. */
  readonly isPoint: boolean;
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

function costsOf(adapter: AdapterReport): Costs {
  const { mesa, lanes } = lavapipe(adapter) ?? { mesa: 0, lanes: 8 };
  if (mesa < MESA_26_1) return MESA_25;
  const [window, point] = MESA_26.dense;
  return { ...MESA_26, dense: [(window * lanes) / WIDE, (point * lanes) / WIDE] };
}

/** Return how many times faster than the dense kernel the sparse one is estimated to be on a software adapter. */
function speedupOf(adapter: AdapterReport, layer: LayerWork, { size, live, rows }: BlockCount): number {
  const { row, block, dense } = costsOf(adapter);
  const lanes = adapter.subgroupSize || 8;
  const macs = layer.outputs * layer.each * lanes;
  const time = rows * (row[0] + row[1] * size) + live * (block[0] + block[1] * size);
  return macs / dense[layer.isPoint ? 1 : 0] / time;
}

/**
 * Return the size of the blocks that make the layer fastest by rule; null if the dense kernel does. `idle` is the share of lanes'
 * pixels that are computed in vain, for images of a known size.
 */
export function bestBlocks(
  adapter: AdapterReport,
  layer: LayerWork,
  counts: readonly BlockCount[],
  idle = 0,
): BlockCount | null {
  if (!adapter.software) {
    const share = ({ live, rows }: BlockCount) => live / (rows * layer.each);
    return counts.find((c) => share(c) <= HARDWARE_SHARES[c.size]) ?? null;
  }
  let best: BlockCount | null = null;
  let most = MARGIN / (1 - idle);
  for (const count of counts) {
    const speedup = speedupOf(adapter, layer, count);
    if (speedup > most) [best, most] = [count, speedup];
  }
  return best;
}
