// Axes of the figures: linear, logarithmic, or of shares near 1, with their domains and ticks.
import { logTicks, nines, nineTicks } from "../../src/report/chart.ts";
import { compact, percentNumber } from "../../src/text/index.ts";

export interface Axis {
  readonly label: string;
  /** `nines`: a share near 1, logarithmic in what is missing. Default linear. */
  readonly scale?: "linear" | "log" | "nines" | undefined;
  /** True if values are shares, written in per cent. */
  readonly share?: boolean;
  /** Names of the values 1, 2, ... of an axis without numbers. */
  readonly names?: readonly string[];
}

/** Most steps of a linear axis, unless a caller says otherwise. */
const STEPS = 8;

/** An axis with its domain: values to numbers that Plot spaces evenly, and the values to mark. */
export interface Ruler {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  readonly axis: Axis;
  at(value: number): number;
}

/** Choose the domain and the ticks of an axis for some values. `steps`: most steps of a linear axis. */
export function rulerOf(axis: Axis, values: readonly number[], steps = STEPS): Ruler {
  const { scale = "linear", share = false } = axis;
  const finite = values.filter((v) => Number.isFinite(v) && (scale !== "log" || v > 0));
  const [low, high] = finite.length === 0 ? [0, 1] : [Math.min(...finite), Math.max(...finite)];
  const least = Math.max(1e-6, (1 - Math.min(1, high)) / 1.5, 1e-4);
  const at = { linear: (v: number) => v, log: (v: number) => Math.log10(v), nines: (v: number) => nines(v, least) }[
    scale
  ];
  const [from, to] = [at(low), at(high)];
  // The width of an axis with one value.
  const narrow = scale === "linear" ? (share ? 0.002 : 0.05 * Math.abs(to) || 1) : 0.02;
  const pad = from === to ? narrow : Math.max(0.06 * (to - from), share || scale !== "linear" ? narrow : 0);
  const most = share && scale === "linear" ? 1 : Number.POSITIVE_INFINITY;
  const domain: [number, number] = [from - pad, Math.min(most, to + pad)];
  const ticks = {
    linear: () => axis.names?.map((_, i) => i + 1) ?? linearTicks(...domain, steps),
    log: () => logTicks(10 ** domain[0], 10 ** domain[1]),
    nines: () => nineTicks(...domain),
  }[scale]();
  return { axis, domain, ticks, at };
}

/** Return multiples of 1, 2 or 5 times a power of ten inside a domain, at most `steps` + 1. */
function linearTicks(low: number, high: number, steps: number): number[] {
  const rough = (high - low) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9))!;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Write a value of an axis; shares in per cent. */
export const tickText = (value: number, { share, names }: Axis): string => {
  if (names) return names[value - 1] ?? "";
  if (share) return percentNumber(value);
  return Math.abs(value) >= 1000 ? compact(value) : String(Number(value.toPrecision(6)));
};
