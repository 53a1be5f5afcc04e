// Finds out how a run that is too large can fit into memory.

import type { AdapterReport, MemoryError, MemoryPlan, Precision } from "../internal.ts";
import { type MemoryLimit, memoryLimit, readSwitches } from "../node_internal.ts";
import { mib } from "../text/index.ts";

/** The settings of a run that decide how much memory it takes. */
export interface Load {
  readonly batchSize: number;
  readonly microBatch?: number | undefined;
  readonly checkpointBlocks: boolean;
  readonly precision?: Precision | undefined;
}

/** Plans the memory of a run under another load. Errors: MemoryError if a tensor is larger than the adapter can bind. */
export type PlanLoad = (load: Load) => MemoryPlan;

/** Sum all buffers of a run, including those outside the pool. */
export const bytesOf = ({ held, staging, uniforms }: MemoryPlan): number => held + staging + uniforms;

/** Return the bytes under another load; Infinity if it cannot be planned. */
function needOf(plan: PlanLoad, load: Load): number {
  try {
    return bytesOf(plan(load));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Most plans per search. A plan of a large network takes some tenths of a second. */
const MOST_PLANS = 8;

/** Find the largest batch below `batchSize` that takes at most `limit` bytes, within a few per cent; null if a batch of one does not fit. */
export function fittingBatch(need: (batchSize: number) => number, batchSize: number, limit: number): number | null {
  let [fits, fitting] = [1, need(1)];
  if (fitting > limit) return null;
  let [exceeds, exceeding] = [batchSize, need(batchSize)];
  for (let i = 1; i <= MOST_PLANS && exceeds - fits > Math.max(1, fits / 16); i++) {
    // Memory grows almost linearly with the batch: interpolate, with a bisection now and then.
    const slope = (exceeding - fitting) / (exceeds - fits);
    const straight = Number.isFinite(slope) && i % 4 !== 0;
    const next = straight ? fits + Math.floor((limit - fitting) / slope) : Math.floor((fits + exceeds) / 2);
    const inside = Math.min(exceeds - 1, Math.max(fits + 1, next));
    const bytes = need(inside);
    if (bytes <= limit) [fits, fitting] = [inside, bytes];
    else [exceeds, exceeding] = [inside, bytes];
  }
  const round = fits >= 64 ? 16 : fits >= 16 ? 4 : 1;
  return fits - (fits % round);
}

export const NOTHING_FITS = "Even a batch of one does not fit: use a smaller network or another adapter";

/** Return the divisors of n below n, largest first. */
const divisors = (n: number): number[] =>
  Array.from({ length: Math.floor(n / 2) }, (_, i) => Math.floor(n / 2) - i).filter((d) => n % d === 0);

/**
 * Say with which flags of `train` a run takes at most `limit` bytes.
 *
 * @param half True if the adapter computes in f16.
 */
export function remedies(plan: PlanLoad, load: Load, limit: number, half = false): string {
  const need = (change: Partial<Load>) => needOf(plan, { ...load, ...change });
  /** A setting that fits by itself, or, if nothing else does, with a smaller batch. */
  const changed = (change: Partial<Load>, flag: string, alone: boolean): string[] => {
    if (Object.entries(change).every(([name, value]) => load[name as keyof Load] === value)) return [];
    if (need(change) <= limit) return [`so does ${flag}`];
    const smaller = alone ? fittingBatch((batchSize) => need({ ...change, batchSize }), load.batchSize, limit) : null;
    return smaller === null ? [] : [`${flag} with --batch-size ${smaller} fits`];
  };
  const found: string[] = [];
  const batch = fittingBatch((batchSize) => need({ batchSize, microBatch: undefined }), load.batchSize, limit);
  if (batch !== null) {
    found.push(`--batch-size ${batch} fits`);
    const parts = divisors(load.batchSize).filter((d) => d <= batch);
    const micro = parts.slice(0, 3).find((microBatch) => need({ microBatch }) <= limit);
    if (micro !== undefined) found.push(`so does --micro-batch ${micro}, which keeps the batch of ${load.batchSize}`);
  }
  found.push(...changed({ checkpointBlocks: true }, "--checkpoint-blocks", found.length === 0));
  if (half) found.push(...changed({ precision: "f16" }, "--precision f16", found.length === 0));
  const [first, ...more] = found;
  if (first === undefined) return NOTHING_FITS;
  return [first.replace(/^so does (.*)$/, "$1 fits"), ...more].join("; ");
}

/** Return the memory limit of a software adapter; null for hardware, whose memory WebGPU does not report. */
export function limitOf(adapter: AdapterReport): MemoryLimit | null {
  const { memory } = readSwitches();
  if (memory !== undefined) return { bytes: memory * 2 ** 20, of: "the limit that ESPALIER_MEMORY sets" };
  return adapter.software ? memoryLimit() : null;
}

/** Say that a run does not fit into memory. */
export function refusal(
  load: Pick<Load, "batchSize" | "microBatch">,
  bytes: number,
  limit: MemoryLimit,
  remedy: string,
): string {
  const { batchSize, microBatch } = load;
  const parts = microBatch === undefined || microBatch === batchSize ? "" : ` in parts of ${microBatch}`;
  return `a batch of ${batchSize}${parts} is predicted to take ${mib(bytes)} of GPU memory; ${limit.of} leaves ${mib(limit.bytes)}. ${remedy}`;
}

/** List the users of memory when it has run out: the largest buffers, the planned parts at the peak, and a load that fits. */
export function outOfMemoryLines(
  error: MemoryError,
  plan: MemoryPlan,
  largest: readonly { readonly what: string; readonly bytes: number }[],
  remedy: string,
): string[] {
  const row = (what: string, bytes: number) => `  ${mib(bytes).padStart(12)}  ${what}`;
  return [
    error.message,
    "in use, largest first:",
    ...largest.map(({ what, bytes }) => row(what, bytes)),
    "planned for the run at its peak:",
    row(`parameters${plan.latent > 0 ? ", with the latent weights of pruning" : ""}`, plan.parameters + plan.latent),
    row(`optimiser state: ${plan.moments > 0 ? "moments" : "momentum"}`, plan.momentum + plan.moments),
    row("gradients", plan.gradients),
    row("activations, intermediate gradients, workspaces", plan.activations),
    row("data: batches", plan.inputs),
    row("other: statistics, readback, buffers waiting for reuse", plan.other + plan.staging + plan.uniforms),
    row("total", bytesOf(plan)),
    remedy,
  ];
}
