// The rule that sizes the register tiles of conv2d_broadcast and conv2d_plain: the cheapest by a cost model of software
// adapters. Every candidate would cost seconds of compilation there, so none is timed at run time.
import { currentGpu, lavapipe, MESA_26_1 } from "../../gpu/index.ts";
import type { Correlation } from "./correlation.ts";
import type { ConvShape } from "./shape.ts";

/**
 * Nanoseconds of processor time on lavapipe, for a vector of lanes (docs/performance.md): a load, one of four adjacent numbers,
 * a store, a multiply-add on broadcast values, the arithmetic of one patch address, and one broadcast.
 */
interface Costs {
  readonly load: number;
  readonly wide: number;
  readonly store: number;
  readonly fma: number;
  readonly address: number;
  readonly share: number;
  /** Unrolled multiply-adds whose compilation counts as much as the kernel's time. */
  readonly code: number;
}

/** Largest kernel before its compilation takes seconds. */
interface Budget {
  /** One load brings four adjacent numbers: on LLVM at the cost of one, elsewhere not tried. */
  readonly wide: boolean;
  /** Unrolled loads and multiply-adds. */
  readonly loads: number;
  readonly fmas: number;
  /** Results in registers. Those of the weight gradient live across its outer loop: beyond about 100 they cost more than they save. */
  readonly sums: number;
  /** Pixels of a tile. */
  readonly pixels: number;
  readonly costs: Costs;
}

type Budgets = Readonly<Record<"correlation" | "gradient", Budget>>;

// Lavapipe before Mesa 26.1, 8 lanes: compiling 1,000 multiply-adds takes a second, which counts as 3 % of a kernel's time.
const OLD: Costs = { load: 25, wide: 40, store: 80, fma: 0.5, address: 15, share: 0, code: 33_000 };
const LLVM: Budgets = {
  correlation: { wide: true, loads: 64, fmas: 1664, sums: 160, pixels: 64, costs: OLD },
  gradient: { wide: true, loads: 64, fmas: 1664, sums: 80, pixels: 64, costs: OLD },
};
// Since 26.1, 16 lanes: loads are cheap, sums that leave the registers are not, and compilation takes a fifth of the time.
const RECENT: Costs = { load: 8.5, wide: 14, store: 38, fma: 0.25, address: 4, share: 0.1, code: 160_000 };
const RECENT_LLVM: Budgets = {
  correlation: { wide: true, loads: 64, fmas: 1664, sums: 160, pixels: 128, costs: RECENT },
  gradient: { wide: true, loads: 64, fmas: 1664, sums: 80, pixels: 64, costs: { ...RECENT, fma: 0.5 } },
};
// Lavapipe compiles through LLVM. In others, such as SwiftShader, the time grows faster than the kernel: a weight
// gradient of 20 loads and 150 multiply-adds took 11 s there, one of 12 loads 1 s.
const SMALL: Budgets = {
  correlation: { wide: false, loads: 32, fmas: 300, sums: 64, pixels: 64, costs: OLD },
  gradient: { wide: false, loads: 10, fmas: 150, sums: 36, pixels: 64, costs: OLD },
};

function budget(): Budgets {
  const driver = lavapipe(currentGpu().adapter);
  if (driver === null) return SMALL;
  return driver.mesa >= MESA_26_1 ? RECENT_LLVM : LLVM;
}

/** Candidate tiles [rows, columns]: powers of two, and sevenths for the planes of ImageNet's networks. */
const CORRELATION_TILES = [
  ...[8, 4, 2, 1].flatMap((rows) => [8, 4, 2, 1].map((columns): Pixels => [rows, columns])),
  ...[7, 4, 2].map((rows): Pixels => [rows, 7]),
  ...[8, 4].map((rows): Pixels => [rows, 16]),
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
  const { costs } = allowed;
  const most = { ...allowed, sums: Math.min(allowed.sums, sums) };
  let best: PatchSpec | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const OB of [1, 2, 4]) {
    if (OB > 1 && (OB / 2) * spec.S >= c.written) continue;
    for (const [PY, PX] of CORRELATION_TILES) {
      const pixels = PY * PX;
      if (pixels > most.pixels) continue;
      const values = covered(PY, c.rows) * covered(PX, c.columns);
      const patch = Math.ceil(values / spec.S);
      const loads = patch + taps * OB;
      if (loads > most.loads || pixels * taps * OB > most.fmas || pixels * OB > most.sums) continue;
      const tiles = Math.ceil(c.rows.pixels / PY) * Math.ceil(c.columns.pixels / PX);
      const teams = tiles * c.batch * c.groups * Math.ceil(c.written / (OB * spec.S));
      const fmas = pixels * taps * OB;
      const each =
        c.reduced * (loads * costs.load + values * costs.share + fmas * costs.fma) +
        pixels * OB * costs.store +
        patch * costs.address;
      const cost = Math.max(teams, LANES_WANTED / spec.S) * each * (1 + fmas / costs.code);
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
  const { costs } = most;
  const blocks = [1, 2, 4]
    .filter((OB) => OB === 1 || (OB / 2) * spec.S < written)
    .flatMap((OB) => [1, 2, 3, 4, 8, 16].filter((CB) => CB <= reduced).map((CB) => [OB, CB] as const));
  let best: GradientSpec | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const [OB, CB] of blocks) {
    for (const [PY, PX] of GRADIENT_TILES) {
      const pixels = PY * PX;
      const GRADS = most.wide && PX % 4 === 0 && s.columns.out % 4 === 0 ? 4 : 1;
      const values = covered(PY, rows) * covered(PX, columns);
      const patch = Math.ceil(values / spec.S);
      const gradLoads = (pixels / GRADS) * OB;
      const loads = gradLoads + patch * CB;
      const fmas = pixels * taps * OB * CB;
      if (loads > most.loads || fmas > most.fmas || taps * OB * CB > most.sums) continue;
      const tiles = s.batch * Math.ceil(s.rows.out / PY) * Math.ceil(s.columns.out / PX);
      const items = Math.ceil(written / (OB * spec.S)) * Math.ceil(reduced / CB);
      const loading =
        gradLoads * (GRADS === 4 ? costs.wide : costs.load) + CB * (patch * costs.load + values * costs.share);
      const cost = tiles * items * (loading + fmas * costs.fma + patch * costs.address) * (1 + fmas / costs.code);
      const Grads = GRADS === 4 ? "vec4<f32>" : "f32";
      if (cost < least) [best, least] = [{ ...spec, OB, CB, PY, PX, GRADS, Grads }, cost];
    }
  }
  return best;
}
