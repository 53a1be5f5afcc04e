// sharp, loaded when the first image is decoded: most commands never need it.
import { availableParallelism } from "node:os";
import type { Sharp, SharpOptions } from "sharp";

export type SharpMaker = (input: Uint8Array, options: SharpOptions) => Sharp;

let loading: Promise<SharpMaker> | null = null;

/** Node's threads for files and decoding. It is fixed when a process starts. */
export function poolThreads(): number {
  const asked = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, 1024) : 4;
}

/** Images that are decoded at a time: two for each core that the pool can keep busy. */
export function decodeSlots(): number {
  return 2 * Math.min(availableParallelism(), poolThreads());
}

/** What to do where the pool has fewer threads than the machine has cores, in words; else null. */
export function poolAdvice(): string | null {
  const [cores, threads] = [availableParallelism(), poolThreads()];
  return threads >= cores
    ? null
    : `images are decoded by ${threads} threads on ${cores} cores: UV_THREADPOOL_SIZE=${cores} in the environment uses all`;
}

/** sharp, set up for many small images: no cache, one thread for each, as many images at a time as there are threads. */
export function loadSharp(): Promise<SharpMaker> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return (input, options) => sharp(input, options);
  });
  return loading;
}
