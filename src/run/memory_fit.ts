// A run that is too large for the memory there is: how large it may be, and what else to do.

import type { AdapterReport, MemoryError, MemoryPlan } from "../index.ts";
import { type MemoryLimit, memoryLimit, readSwitches } from "../node.ts";
import { mib } from "../text/index.ts";

/** What of a run decides how much memory it takes. */
export interface Load {
  readonly batchSize: number;
  readonly microBatch?: number | undefined;
  readonly checkpointBlocks: boolean;
}

/** The memory of a run under another load. Errors: MemoryError where one tensor is more than the adapter binds. */
export type PlanLoad = (load: Load) => MemoryPlan;

/** All buffers of a run, those outside the pool too. */
export const bytesOf = ({ held, staging, uniforms }: MemoryPlan): number => held + staging + uniforms;

/** Bytes under another load; more than any limit where it cannot be planned. */
export function needOf(plan: PlanLoad, load: Load): number {
  try {
    return bytesOf(plan(load));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Plans are some tenths of a second of a large network each. */
const MOST_PLANS = 8;

/** Largest batch below `batchSize` that takes at most `limit` bytes, to within a few per cent; null when not even one does. */
export function fittingBatch(need: (batchSize: number) => number, batchSize: number, limit: number): number | null {
  let [fits, fitting] = [1, need(1)];
  if (fitting > limit) return null;
  let [exceeds, exceeding] = [batchSize, need(batchSize)];
  for (let i = 1; i <= MOST_PLANS && exceeds - fits > Math.max(1, fits / 16); i++) {
    // Memory grows nearly by the same bytes an image: along that line, and now and then by halves.
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

/** Divisors of a number below it, largest first. */
const divisors = (n: number): number[] =>
  Array.from({ length: Math.floor(n / 2) }, (_, i) => Math.floor(n / 2) - i).filter((d) => n % d === 0);

/** What to change so that a run takes at most `limit` bytes, in words; with the flags of `train`. */
export function remedies(plan: PlanLoad, load: Load, limit: number): string {
  const need = (change: Partial<Load>) => needOf(plan, { ...load, ...change });
  const found: string[] = [];
  const batch = fittingBatch((batchSize) => need({ batchSize, microBatch: undefined }), load.batchSize, limit);
  if (batch !== null) {
    found.push(`--batch-size ${batch} fits`);
    const parts = divisors(load.batchSize).filter((d) => d <= batch);
    const micro = parts.slice(0, 3).find((microBatch) => need({ microBatch }) <= limit);
    if (micro !== undefined) found.push(`so does --micro-batch ${micro}, which keeps the batch of ${load.batchSize}`);
  }
  if (!load.checkpointBlocks) {
    const bytes = need({ checkpointBlocks: true });
    if (bytes <= limit) found.push("so does --checkpoint-blocks");
    else if (Number.isFinite(bytes) && batch === null) {
      const smaller = fittingBatch((batchSize) => need({ batchSize, checkpointBlocks: true }), load.batchSize, limit);
      if (smaller !== null) found.push(`--checkpoint-blocks with --batch-size ${smaller} fits`);
    }
  }
  const [first, ...more] = found;
  if (first === undefined) return "Not even a batch of one fits: take a smaller network or another adapter";
  return [first.replace(/^so does (.*)$/, "$1 fits"), ...more].join("; ");
}

/** What a software adapter's buffers may take; null for hardware, of which WebGPU does not say how much memory it has. */
export function limitOf(adapter: AdapterReport): MemoryLimit | null {
  const { memory } = readSwitches();
  if (memory !== undefined) return { bytes: memory * 2 ** 20, of: "the limit that ESPALIER_MEMORY sets" };
  return adapter.software ? memoryLimit() : null;
}

/** The sentence that refuses a run which would take more than there is. */
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

/** What holds memory when it has run out: the largest buffers, the run's parts at its peak as planned, and what would fit. */
export function outOfMemoryLines(
  error: MemoryError,
  plan: MemoryPlan,
  largest: readonly { readonly what: string; readonly bytes: number }[],
  remedy: string,
): string[] {
  const row = (what: string, bytes: number) => `  ${mib(bytes).padStart(12)}  ${what}`;
  return [
    error.message,
    "held then, largest first:",
    ...largest.map(({ what, bytes }) => row(what, bytes)),
    "what the run takes at its peak, as planned:",
    row(`parameters${plan.latent > 0 ? ", with the latent weights of pruning" : ""}`, plan.parameters + plan.latent),
    row("optimiser state: momentum", plan.momentum),
    row("gradients", plan.gradients),
    row("activations, gradients on their way, workspaces", plan.activations),
    row("data: batches", plan.inputs),
    row("pool and others: statistics, readings, buffers waiting for reuse", plan.other + plan.staging + plan.uniforms),
    row("in all", bytesOf(plan)),
    remedy,
  ];
}
