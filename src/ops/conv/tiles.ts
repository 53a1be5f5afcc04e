// The rule that sizes the register tiles of conv2d_broadcast and conv2d_plain: the cheapest by a cost model of software
// adapters. Every candidate would cost seconds of compilation there, so none is timed at run time.
import { currentGpu } from "../../gpu/index.ts";
import type { Correlation } from "./correlation.ts";
import type { ConvShape } from "./shape.ts";

// Nanoseconds per eight lanes on lavapipe (docs/performance.md): a load, one of four numbers, a store, a multiply-add on
// broadcast values, and the arithmetic of one patch address.
const LOAD = 25;
const WIDE_LOAD = 40;
const STORE = 80;
const FMA = 0.5;
const ADDRESS = 15;
// Compiling 1,000 multiply-adds takes a second, which counts as 3 % of a kernel's time.
const CODE = 33_000;

/** Largest kernel before its compilation takes seconds. */
interface Budget {
  /** One load brings four adjacent numbers: on LLVM at the cost of one, elsewhere not tried. */
  readonly wide: boolean;
  /** Unrolled loads and multiply-adds. */
  readonly loads: number;
  readonly fmas: number;
  /** Results in registers. Those of the weight gradient live across its outer loop: beyond about 100 they cost more than they save. */
  readonly sums: number;
}

// Lavapipe compiles through LLVM. In others, such as SwiftShader, the time grows faster than the kernel: a weight
// gradient of 20 loads and 150 multiply-adds took 11 s there, one of 12 loads 1 s.
const LLVM = {
  correlation: { wide: true, loads: 64, fmas: 1664, sums: 160 },
  gradient: { wide: true, loads: 64, fmas: 1664, sums: 80 },
};
const SMALL = {
  correlation: { wide: false, loads: 32, fmas: 300, sums: 64 },
  gradient: { wide: false, loads: 10, fmas: 150, sums: 36 },
};

function budget(): Readonly<Record<"correlation" | "gradient", Budget>> {
  const { device, description } = currentGpu().adapter;
  return /llvmpipe|lavapipe/i.test(`${device} ${description}`) ? LLVM : SMALL;
}

/** Candidate tiles [rows, columns]: powers of two, and sevenths for the planes of ImageNet's networks. */
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
/** Lanes that keep every core of a software adapter busy to the end. */
const LANES_WANTED = 128;

type Pixels = readonly [rows: number, columns: number];

interface Window {
  readonly taps: number;
  readonly step: number;
  readonly spread: number;
}

/** Return the source pixels under `pixels` neighbours: all between the first and the last, or every step-th for a single tap. */
const covered = (pixels: number, { taps, step, spread }: Window): number =>
  taps === 1 ? pixels : (pixels - 1) * step + (taps - 1) * spread + 1;

function shapeSpec(S: number, rows: Window, columns: Window) {
  return {
    S,
    TY: rows.taps,
    TX: columns.taps,
    STEP_Y: rows.step,
    STEP_X: columns.step,
    SPREAD_Y: rows.taps === 1 ? 1 : rows.spread,
    SPREAD_X: columns.taps === 1 ? 1 : columns.spread,
  };
}

type ShapeSpec = ReturnType<typeof shapeSpec>;

export type PatchSpec = ShapeSpec & Record<"OB" | "PY" | "PX", number>;

/**
 * Return the constants of lib/conv2d_patch.wgsl for teams of `lanes`; null if the window is too large to unroll.
 * `sums` limits the tile further than the compiler does.
 */
export function patchSpec(c: Correlation, lanes: number, sums = Number.POSITIVE_INFINITY): PatchSpec | null {
  const spec = shapeSpec(lanes, c.rows, c.columns);
  const taps = spec.TY * spec.TX;
  const allowed = budget().correlation;
  const most = { ...allowed, sums: Math.min(allowed.sums, sums) };
  let best: PatchSpec | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const OB of [1, 2, 4]) {
    if (OB > 1 && (OB / 2) * spec.S >= c.written) continue;
    for (const [PY, PX] of CORRELATION_TILES) {
      const pixels = PY * PX;
      const patch = Math.ceil((covered(PY, c.rows) * covered(PX, c.columns)) / spec.S);
      const loads = patch + taps * OB;
      if (loads > most.loads || pixels * taps * OB > most.fmas || pixels * OB > most.sums) continue;
      const tiles = Math.ceil(c.rows.pixels / PY) * Math.ceil(c.columns.pixels / PX);
      const teams = tiles * c.batch * c.groups * Math.ceil(c.written / (OB * spec.S));
      const each = c.reduced * (loads * LOAD + pixels * taps * OB * FMA) + pixels * OB * STORE + patch * ADDRESS;
      const cost = Math.max(teams, LANES_WANTED / spec.S) * each * (1 + (pixels * taps * OB) / CODE);
      if (cost < least) [best, least] = [{ ...spec, OB, PY, PX }, cost];
    }
  }
  return best;
}

type GradientSpec = ShapeSpec & Record<"OB" | "CB" | "PY" | "PX" | "GRADS", number> & { readonly Grads: string };

/** Return the same for lib/conv2d_grad_weight_patch.wgsl. */
export function gradWeightSpec(s: ConvShape, lanes: number): GradientSpec | null {
  const window = (a: ConvShape["rows"]): Window => ({ taps: a.kernel, step: a.stride, spread: a.dilation });
  const [rows, columns] = [window(s.rows), window(s.columns)];
  const spec = shapeSpec(lanes, rows, columns);
  const taps = spec.TY * spec.TX;
  const [reduced, written] = [s.channels / s.groups, s.outputs / s.groups];
  const most = budget().gradient;
  const blocks = [1, 2, 4]
    .filter((OB) => OB === 1 || (OB / 2) * spec.S < written)
    .flatMap((OB) => [1, 2, 3, 4, 8, 16].filter((CB) => CB <= reduced).map((CB) => [OB, CB] as const));
  let best: GradientSpec | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [OB, CB] of blocks) {
    for (const [PY, PX] of GRADIENT_TILES) {
      const pixels = PY * PX;
      const GRADS = most.wide && PX % 4 === 0 && s.columns.out % 4 === 0 ? 4 : 1;
      const patch = Math.ceil((covered(PY, rows) * covered(PX, columns)) / spec.S);
      const gradLoads = (pixels / GRADS) * OB;
      const loads = gradLoads + patch * CB;
      const fmas = pixels * taps * OB * CB;
      if (loads > most.loads || fmas > most.fmas || taps * OB * CB > most.sums) continue;
      const tiles = s.batch * Math.ceil(s.rows.out / PY) * Math.ceil(s.columns.out / PX);
      const items = Math.ceil(written / (OB * spec.S)) * Math.ceil(reduced / CB);
      const loading = gradLoads * (GRADS === 4 ? WIDE_LOAD : LOAD) + patch * CB * LOAD;
      const cost = tiles * items * (loading + fmas * FMA + patch * ADDRESS) * (1 + fmas / CODE);
      const Grads = GRADS === 4 ? "vec4<f32>" : "f32";
      if (cost < least) [best, least] = [{ ...spec, OB, CB, PY, PX, GRADS, Grads }, cost];
    }
  }
  return best;
}
