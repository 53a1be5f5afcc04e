// Which matrix product kernel runs, by rule: candidates are not timed, since on a software adapter compiling one costs
// more than it can win back.
import type { AdapterReport } from "../../gpu/index.ts";

/** subgroup: register tiles fed by broadcast; tile: workgroup memory; naive: one result per invocation (tests, bench). */
export type GemmFamily = "subgroup" | "tile" | "naive";

export interface GemmPlan {
  readonly family: GemmFamily;
  /** Computes yᵀ = bᵀ aᵀ instead; y lies in memory as asked. */
  readonly swap: boolean;
  /** Parts that k is cut into; each adds up on its own, then the parts are added in order. */
  readonly splits: number;
}

/** Rows and columns of one workgroup's tile. `lanes` is the adapter's subgroup size. */
export function tileOf(family: GemmFamily, lanes: number): readonly [rows: number, columns: number] {
  if (family === "subgroup") return [16, 8 * lanes];
  return family === "tile" ? [64, 32] : [1, 1];
}

const tiles = (m: number, n: number, [rows, columns]: readonly [number, number]) =>
  Math.ceil(m / rows) * Math.ceil(n / columns);

// Workgroups that keep the device busy: a software adapter has a few cores, a GPU some dozens with several groups each.
const BUSY_SOFTWARE = 8;
const BUSY_HARDWARE = 256;
// Shorter sums are not worth a second dispatch.
const MIN_TERMS_PER_SPLIT = 256;
const MAX_SPLITS = 64;
const SPLIT_STEP = 256; // BLOCK of lib/gemm.wgsl: a split ends where a block does

/**
 * Plan of `batch` products [m, k] x [k, n].
 *
 * family  "subgroup" on software adapters with one fixed subgroup size: there a load costs 10 to 25 multiply-adds, and
 *         broadcast saves loads (bench/matmul.ts, 512³: 10 to 14 times naive, tile 3 times). Else "tile"; but "naive" on a
 *         software adapter when y fills less than a quarter of the tiles.
 * swap    when the other orientation covers y with fewer tiles: 10 columns of a 64-wide tile would waste the rest.
 * splits  when there are too few tiles to keep the device busy and k is long.
 */
export function planGemm(
  adapter: Pick<AdapterReport, "software" | "subgroupSize">,
  size: { readonly m: number; readonly n: number; readonly k: number; readonly batch: number },
  forced?: GemmFamily,
): GemmPlan {
  const { m, n, k, batch } = size;
  const covered = (m * n) / Math.min(tiles(m, n, [64, 32]), tiles(n, m, [64, 32])) / (64 * 32);
  const plain = adapter.software && covered < 1 / 4 ? "naive" : "tile";
  const family = forced ?? (adapter.software && adapter.subgroupSize > 0 ? "subgroup" : plain);
  if (family === "naive") return { family, swap: false, splits: 1 };
  const tile = tileOf(family, adapter.subgroupSize);
  const swap = tiles(n, m, tile) < tiles(m, n, tile);
  const groups = batch * (swap ? tiles(n, m, tile) : tiles(m, n, tile));
  const busy = adapter.software ? BUSY_SOFTWARE : BUSY_HARDWARE;
  const wanted = Math.min(Math.floor(busy / groups), Math.floor(k / MIN_TERMS_PER_SPLIT), MAX_SPLITS);
  if (wanted <= 1) return { family, swap, splits: 1 };
  const terms = Math.ceil(k / wanted / SPLIT_STEP) * SPLIT_STEP;
  return { family, swap, splits: Math.ceil(k / terms) };
}

/** Terms of each split but the last, for a plan of `planGemm`. */
export function termsPerSplit(k: number, splits: number): number {
  return splits === 1 ? k : Math.ceil(k / splits / SPLIT_STEP) * SPLIT_STEP;
}
