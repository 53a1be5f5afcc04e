// Pure part of the comparison: ratios, the check that all sides computed the same numbers, and the table.
import { quantile } from "../../src/train/quantile.ts";
import { median } from "../lib/statistics.ts";

export const PEERS_FORMAT = "espalier-peers/1";

export interface SideResult {
  /** Name: "espalier", "tfjs", "jax-js" or "torch-cpu". */
  readonly side: string;
  readonly library: string;
  readonly adapter: string;
  /** Median milliseconds of a run. `rounds` holds the single rounds. */
  readonly ms: number;
  readonly rounds: readonly number[];
  readonly firstMs: number;
  /** WebGPU calls of a run; null without WebGPU. */
  readonly dispatches: number | null;
  readonly submits: number | null;
  /** Buffers, bind groups, pipelines and shader modules made in a run. */
  readonly made: number | null;
  /** Largest distance from the reference's results as a share of their largest value. */
  readonly deviation: number;
  /** Null for a side with the same numbers; otherwise the reason for its exclusion. */
  readonly error: string | null;
}

export interface WorkloadResult {
  readonly name: string;
  /** Largest deviation that counts as the same computation. */
  readonly tolerance: number;
  readonly sides: readonly SideResult[];
}

export interface PeersResults {
  readonly format: typeof PEERS_FORMAT;
  readonly complete: boolean;
  readonly started: string;
  readonly commit: string | null;
  readonly versions: Readonly<Record<string, string | null>>;
  readonly settings: {
    readonly rounds: number;
    readonly roundMs: number;
    /** True if each process started with an empty shader cache. */
    readonly coldShaders: boolean;
    /** Polling of the sides on software adapters (compare.ts). */
    readonly polling: "shipped" | "calm" | "spin";
  };
  readonly workloads: readonly WorkloadResult[];
}

export interface Ratio {
  /** Speedup of espalier: median time of the peer over that of espalier. */
  readonly ratio: number;
  /** Quartiles of the ratios of single rounds. */
  readonly low: number;
  readonly high: number;
}

/** Compare two sides with interleaved rounds. NaN if one has no rounds. */
export function ratioOf(peer: readonly number[], own: readonly number[]): Ratio {
  const pairs = Array.from({ length: Math.min(peer.length, own.length) }, (_, i) => {
    return peer[i]! / own[i]!;
  });
  return { ratio: median(peer) / median(own), low: quantile(pairs, 0.25), high: quantile(pairs, 0.75) };
}

/**
 * Compute the largest distance between two sides' results, as a share of the largest reference value of each. Infinity if their
 * number or lengths differ or a value is NaN.
 */
export function deviationOf(given: readonly Float32Array[], wanted: readonly Float32Array[]): number {
  if (given.length !== wanted.length || given.length === 0) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [i, want] of wanted.entries()) {
    const got = given[i]!;
    if (got.length !== want.length) return Number.POSITIVE_INFINITY;
    let largest = 0;
    let distance = 0;
    for (let j = 0; j < want.length; j++) {
      const off = Math.abs(got[j]! - want[j]!);
      if (!Number.isFinite(off)) return Number.POSITIVE_INFINITY;
      distance = Math.max(distance, off);
      largest = Math.max(largest, Math.abs(want[j]!));
    }
    worst = Math.max(worst, distance === 0 ? 0 : distance / largest);
  }
  return worst;
}

const usable = (s: SideResult | undefined): s is SideResult => s?.error === null && s.rounds.length > 0;

/** Compute the ratio to the faster of the other WebGPU engines; null if a side is missing. */
export function fasterPeer({ sides }: WorkloadResult): (Ratio & { side: string }) | null {
  const own = sides.find((s) => s.side === "espalier");
  const peers = sides.filter((s) => s.side !== "espalier" && s.dispatches !== null && usable(s));
  if (!usable(own) || peers.length === 0) return null;
  const fastest = peers.reduce((a, b) => (b.ms < a.ms ? b : a));
  return { side: fastest.side, ...ratioOf(fastest.rounds, own.rounds) };
}

/** Write three digits, or all before the point. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return "-";
  return Math.abs(value) >= 99.5 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export const PEER_COLUMNS = [
  "workload",
  "side",
  "ms",
  "espalier is faster by",
  "first run ms",
  "dispatches",
  "submits",
  "objects made",
  "deviation",
] as const;

/** Write one row per side of a workload. */
export function rowsOf({ name, sides }: WorkloadResult): string[][] {
  const own = sides.find((s) => s.side === "espalier");
  return sides.map((side, i) => {
    const title = i === 0 ? name : "";
    if (side.error !== null)
      return [title, side.side, `error: ${side.error.split("\n")[0]?.slice(0, 120)}`, "", "", "", "", "", ""];
    const count = (value: number | null) => (value === null ? "-" : String(value));
    return [
      title,
      side.side,
      digits(side.ms),
      side.side === "espalier" || !usable(own) ? "" : ratioText(ratioOf(side.rounds, own.rounds)),
      digits(side.firstMs),
      count(side.dispatches),
      count(side.submits),
      count(side.made),
      side.deviation === 0 ? "0" : side.deviation.toExponential(1),
    ];
  });
}

/** Write a ratio: "8.12x (7.90 - 8.31)". */
export function ratioText({ ratio, low, high }: Ratio): string {
  return `${digits(ratio)}x (${digits(low)} - ${digits(high)})`;
}

const POLLING_TEXT = {
  shipped: "each library polling Dawn in its own way",
  calm: "every library with espalier's calm polling",
  spin: "every library polling Dawn without pause",
} as const;

/** Write the comparison as Markdown. */
export function peersMarkdown(results: PeersResults): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "/")).join(" | ")} |`;
  const align = PEER_COLUMNS.map((_, i) => (i < 2 ? "---" : "---:"));
  const rows = results.workloads.flatMap(rowsOf);
  const libraries = new Set(results.workloads.flatMap((w) => w.sides.map((s) => s.library)).filter(Boolean));
  const adapters = new Set(results.workloads.flatMap((w) => w.sides.map((s) => s.adapter)).filter(Boolean));
  const { rounds, coldShaders, polling } = results.settings;
  return [
    `${[...libraries].join(", ")}; ${[...adapters].join(", ")}.`,
    "",
    `${rounds} interleaved rounds, a process for each side and workload, ${coldShaders ? "empty shader caches" : "kept shader caches"}` +
      `, ${POLLING_TEXT[polling]}. Started ${results.started}${results.commit ? `, commit ${results.commit}` : ""}.`,
    "Medians; in brackets the quartiles of the ratios round by round. Deviation is the largest distance from espalier's",
    "results as a share of the largest value (for a step: of the first three losses).",
    "",
    line(PEER_COLUMNS),
    line(align),
    ...rows.map(line),
    "",
  ].join("\n");
}
