// The rule that picks kernels and tile widths. It is a rule, not a measurement at run time: on software adapters each
// candidate would cost seconds of compilation.
import { currentGpu, OpError } from "../../gpu/index.ts";
import type { Correlation } from "./correlation.ts";
import type { ConvAlgorithm, ConvShape } from "./shape.ts";

/**
 * Software adapters with subgroups of one fixed size share weights by broadcast: their loads cost 10 to 25
 * multiplications. Everything else stages tiles in workgroup memory. Throws OpError for a "broadcast" that the
 * adapter cannot run.
 */
export function chooseAlgorithm(wanted: ConvAlgorithm): Exclude<ConvAlgorithm, "auto"> {
  const { software, subgroupSize } = currentGpu().adapter;
  if (wanted === "broadcast" && subgroupSize < 4) {
    throw new OpError(
      "conv2d",
      `algorithm broadcast wants subgroups of one fixed size >= 4, the adapter has ${subgroupSize}`,
    );
  }
  if (wanted !== "auto") return wanted;
  return software && subgroupSize >= 4 && subgroupSize <= 16 ? "broadcast" : "tile";
}

// Costs on lavapipe in nanoseconds per 8 lanes: a load from a buffer, a multiply-add with a broadcast.
const LOAD = 30;
const FMA = 1;
// What one kernel may hold before its compilation takes seconds: patch loads and unrolled multiply-adds.
const MOST_LOADS = 36;
const MOST_FMAS = 720;
// Columns (input channel, tap row) that an invocation of the weight gradient keeps, by the taps of a row. They share each
// value of dy; from three taps on, more columns only spill registers.
const COLUMNS: Readonly<Record<number, number>> = { 1: 8, 2: 2 };

/** Pixels a row at a time that make the row cheapest; null when no choice keeps the kernel small enough. */
function chooseWidth(pixels: number, taps: number, channels: number, patch: (width: number) => number): number | null {
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const width of [8, 7, 4, 2, 1]) {
    const loads = patch(width);
    const fmas = width * taps * channels;
    if (loads > MOST_LOADS || fmas > MOST_FMAS) continue;
    const cost = Math.ceil(pixels / width) * (loads * LOAD + fmas * FMA);
    if (cost < least) [best, least] = [width, cost];
  }
  return best;
}

/** Channels that one invocation computes: 16 share each load of a pixel, fewer channels leave no use for more. */
function chooseChannels(channels: number): 4 | 8 | 16 {
  return channels > 8 ? 16 : channels > 4 ? 8 : 4;
}

/** Channels per invocation of a tile kernel, a power of two up to `most`: a tile of `rows` times it should not be mostly empty. */
export function chooseEach(channels: number, rows: number, most: number): number {
  let each = 1;
  while (each < most && rows * each < channels) each *= 2;
  return each;
}

/** The constants that conv2d_broadcast bakes for a correlation; null when it has to go to the tile kernel. */
export function broadcastSpec(c: Correlation): Record<"S" | "TM" | "PX" | "TAPS" | "STEP" | "SPREAD", number> | null {
  const { pixels, taps, step } = c.columns;
  const spread = taps === 1 ? 1 : c.columns.spread;
  const channels = chooseChannels(c.written);
  const width = chooseWidth(pixels, taps, channels, (px) => (px - 1) * step + (taps - 1) * spread + 1 + taps);
  if (width === null) return null;
  return { S: currentGpu().adapter.subgroupSize, TM: channels, PX: width, TAPS: taps, STEP: step, SPREAD: spread };
}

/** The constants that conv2d_grad_weight_broadcast bakes; null when the weight gradient has to go to the tile kernel. */
export function gradWeightSpec(
  s: ConvShape,
): Record<"S" | "TM" | "PX" | "CB" | "TAPS" | "STEP" | "SPREAD", number> | null {
  const { out, kernel: taps, stride: step, dilation } = s.columns;
  const spread = taps === 1 ? 1 : dilation;
  const lanes = currentGpu().adapter.subgroupSize;
  const columns = Math.ceil(((s.channels / s.groups) * s.rows.kernel) / lanes);
  const block = Math.min(columns, COLUMNS[taps] ?? 1);
  const channels = chooseChannels(s.outputs / s.groups);
  const width = chooseWidth(
    out,
    taps * block,
    channels,
    (px) => ((px - 1) * step + (taps - 1) * spread + 1) * block + px,
  );
  if (width === null) return null;
  return { S: lanes, TM: channels, PX: width, CB: block, TAPS: taps, STEP: step, SPREAD: spread };
}

/** The constants that the depthwise kernels bake; null when rows of taps are too long for them. */
export function depthwiseSpec(
  pixels: number,
  taps: number,
  step: number,
  dilation: number,
): Record<"PX" | "TAPS" | "STEP" | "SPREAD", number> | null {
  const spread = taps === 1 ? 1 : dilation;
  const width = chooseWidth(pixels, taps, 1, (px) => (px - 1) * step + (taps - 1) * spread + 1 + taps);
  return width === null ? null : { PX: width, TAPS: taps, STEP: step, SPREAD: spread };
}
