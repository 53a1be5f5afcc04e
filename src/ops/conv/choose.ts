// Chooses kernels and tile widths by rule, and lists alternatives for the autotuner. On software adapters the rule
// decides alone: each candidate would cost seconds of compilation.
import { currentGpu, OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ConvAlgorithm } from "./shape.ts";

const PATCHES: readonly ConvAlgorithm[] = ["broadcast", "plain"];

/**
 * Software adapters keep tiles of results in registers: one load costs as much as fifty multiplications. With
 * subgroups of one fixed size the lanes share their loads ("broadcast"); otherwise each loads alone ("plain"). Hardware
 * stages tiles in workgroup memory ("tile"), and multiplies f16 on its matrix units ("matrix") if it has some. Throws OpError for
 * an algorithm that the adapter cannot run.
 */
export function chooseAlgorithm(
  wanted: ConvAlgorithm,
  { dtype }: Pick<Tensor, "dtype">,
): Exclude<ConvAlgorithm, "auto"> {
  const { software, subgroupSize, matrices, description, device } = currentGpu().adapter;
  if (wanted === "matrix" && matrices.length === 0)
    throw new OpError("conv2d", "algorithm matrix: expected an adapter with matrix units of f16");
  if (wanted === "broadcast" && subgroupSize < 4)
    throw new OpError("conv2d", `algorithm broadcast: expected subgroups of one fixed size >= 4, got ${subgroupSize}`);
  if (!software && PATCHES.includes(wanted))
    throw new OpError(
      "conv2d",
      `algorithm ${wanted}: expected a software adapter, got ${description || device || "a GPU"}`,
    );
  if (wanted !== "auto") return wanted;
  if (!software) return dtype === "f16" && matrices.length > 0 ? "matrix" : "tile";
  return subgroupSize >= 4 && subgroupSize <= 16 ? "broadcast" : "plain";
}

// Costs on lavapipe in nanoseconds per 8 lanes: a load from a buffer, a multiply-add.
const LOAD = 30;
const FMA = 1;
// Largest kernel before its compilation takes seconds: patch loads and unrolled multiply-adds.
const MOST_LOADS = 36;
const MOST_FMAS = 720;

/** Return the number of pixels per invocation that makes a row cheapest; null if every choice makes the kernel too large. */
function chooseWidth(pixels: number, taps: number, patch: (width: number) => number): number | null {
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const width of [8, 7, 4, 2, 1]) {
    const loads = patch(width);
    const fmas = width * taps;
    if (loads > MOST_LOADS || fmas > MOST_FMAS) continue;
    const cost = Math.ceil(pixels / width) * (loads * LOAD + fmas * FMA);
    if (cost < least) [best, least] = [width, cost];
  }
  return best;
}

/** Return the constants of the depthwise kernels; null if rows of taps are too long for them. `byQuads`: rows of x are whole quads. */
export function depthwiseSpec(
  pixels: number,
  taps: number,
  step: number,
  dilation: number,
  byQuads = false,
): Record<"PX" | "TAPS" | "STEP" | "SPREAD", number> | null {
  const spread = taps === 1 ? 1 : dilation;
  const loads = (px: number) => (px - 1) * step + (taps - 1) * spread + 1 + taps;
  const quads = pixels > 4 ? 8 : 4;
  const width = byQuads && loads(quads) <= MOST_LOADS ? quads : chooseWidth(pixels, taps, loads);
  return width === null ? null : { PX: width, TAPS: taps, STEP: step, SPREAD: spread };
}
