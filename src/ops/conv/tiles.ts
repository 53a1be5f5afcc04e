// The written rule that sizes the broadcast kernels' tiles: the cheapest by a model of what a software adapter pays. Every
// candidate would cost seconds of compilation, so nothing is tried out at run time.
import { currentGpu } from "../../gpu/index.ts";
import type { Correlation } from "./correlation.ts";
import type { ConvShape } from "./shape.ts";

// Nanoseconds per subgroup on lavapipe (docs/performance.md): a load, a store, a multiply-add on broadcast values, and
// the arithmetic of one patch address.
const LOAD = 25;
const STORE = 80;
const FMA = 0.5;
const ADDRESS = 15;
// A larger kernel spends seconds in the driver's compiler: loads and multiply-adds written out, sums kept.
const MOST_LOADS = 64;
const MOST_FMAS = 1664;
const MOST_SUMS = 160;
// Sums of the weight gradient live across its outer loop: from about 100 on they cost more than they save.
const MOST_GRADIENT_SUMS = 80;
/** Tiles [rows, columns] in question: powers of two, and sevenths for the planes of ImageNet's networks. */
const CORRELATION_TILES = [
  ...[8, 4, 2, 1].flatMap((rows) => [8, 4, 2, 1].map((columns): Pixels => [rows, columns])),
  ...[7, 4, 2].map((rows): Pixels => [rows, 7]),
  [1, 64],
  [1, 32],
  [1, 16],
] satisfies Pixels[];
const GRADIENT_TILES: readonly Pixels[] = [
  [2, 8],
  [4, 4],
  [2, 7],
  [2, 4],
  [1, 8],
  [1, 7],
  [2, 2],
  [1, 4],
  [1, 16],
  [1, 32],
];
/** Subgroups that keep every core of a software adapter busy to the end. */
const SUBGROUPS_WANTED = 16;

type Pixels = readonly [rows: number, columns: number];

interface Window {
  readonly taps: number;
  readonly step: number;
  readonly spread: number;
}

/** Source pixels under `pixels` neighbours: all between the first and the last, or every step-th for a single tap. */
const covered = (pixels: number, { taps, step, spread }: Window): number =>
  taps === 1 ? pixels : (pixels - 1) * step + (taps - 1) * spread + 1;

function shapeSpec(rows: Window, columns: Window) {
  return {
    S: currentGpu().adapter.subgroupSize,
    TY: rows.taps,
    TX: columns.taps,
    STEP_Y: rows.step,
    STEP_X: columns.step,
    SPREAD_Y: rows.taps === 1 ? 1 : rows.spread,
    SPREAD_X: columns.taps === 1 ? 1 : columns.spread,
  };
}

type ShapeSpec = ReturnType<typeof shapeSpec>;

/** The constants that conv2d_broadcast bakes for a correlation; null when its window is too large to write out. */
export function broadcastSpec(c: Correlation): (ShapeSpec & Record<"OB" | "PY" | "PX", number>) | null {
  const spec = shapeSpec(c.rows, c.columns);
  const taps = spec.TY * spec.TX;
  let best: (ShapeSpec & Record<"OB" | "PY" | "PX", number>) | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const OB of [1, 2, 4]) {
    if (OB > 1 && (OB / 2) * spec.S >= c.written) continue;
    for (const [PY, PX] of CORRELATION_TILES) {
      const pixels = PY * PX;
      const patch = Math.ceil((covered(PY, c.rows) * covered(PX, c.columns)) / spec.S);
      const loads = patch + taps * OB;
      if (loads > MOST_LOADS || pixels * taps * OB > MOST_FMAS || pixels * OB > MOST_SUMS) continue;
      const tiles = Math.ceil(c.rows.pixels / PY) * Math.ceil(c.columns.pixels / PX);
      const subgroups = tiles * c.batch * c.groups * Math.ceil(c.written / (OB * spec.S));
      const each = c.reduced * (loads * LOAD + pixels * taps * OB * FMA) + pixels * OB * STORE + patch * ADDRESS;
      const cost = Math.max(subgroups, SUBGROUPS_WANTED) * each;
      if (cost < least) [best, least] = [{ ...spec, OB, PY, PX }, cost];
    }
  }
  return best;
}

/** The constants that conv2d_grad_weight_broadcast bakes; null when its window is too large to write out. */
export function gradWeightSpec(s: ConvShape): (ShapeSpec & Record<"OB" | "CB" | "PY" | "PX", number>) | null {
  const window = (a: ConvShape["rows"]): Window => ({ taps: a.kernel, step: a.stride, spread: a.dilation });
  const [rows, columns] = [window(s.rows), window(s.columns)];
  const spec = shapeSpec(rows, columns);
  const taps = spec.TY * spec.TX;
  const [reduced, written] = [s.channels / s.groups, s.outputs / s.groups];
  let best: (ShapeSpec & Record<"OB" | "CB" | "PY" | "PX", number>) | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const OB of [1, 2, 4]) {
    if (OB > 1 && (OB / 2) * spec.S >= written) continue;
    for (const CB of [1, 2, 3, 4, 8, 16]) {
      if (CB > reduced) continue;
      for (const [PY, PX] of GRADIENT_TILES) {
        const pixels = PY * PX;
        const patch = Math.ceil((covered(PY, rows) * covered(PX, columns)) / spec.S);
        const loads = pixels * OB + patch * CB;
        const fmas = pixels * taps * OB * CB;
        if (loads > MOST_LOADS || fmas > MOST_FMAS || taps * OB * CB > MOST_GRADIENT_SUMS) continue;
        const tiles = s.batch * Math.ceil(s.rows.out / PY) * Math.ceil(s.columns.out / PX);
        const items = Math.ceil(written / (OB * spec.S)) * Math.ceil(reduced / CB);
        const cost = tiles * items * (loads * LOAD + fmas * FMA + patch * ADDRESS);
        if (cost < least) [best, least] = [{ ...spec, OB, CB, PY, PX }, cost];
      }
    }
  }
  return best;
}
