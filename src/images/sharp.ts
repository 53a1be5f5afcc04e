// sharp, loaded with the first image: most commands never need it.
import { availableParallelism } from "node:os";
import type { Sharp, SharpOptions } from "sharp";
import { importPackage } from "../node/packages.ts";

type SharpMaker = (input: Uint8Array, options: SharpOptions) => Sharp;

let loading: Promise<SharpMaker> | null = null;

/** Return the count of Node's threads for files and decoding. It is fixed when a process starts. */
export function poolThreads(): number {
  const asked = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, 1024) : 4;
}

/** Return how many images are decoded at a time: two for each core that the pool can use. */
export function decodeSlots(): number {
  return 2 * Math.min(availableParallelism(), poolThreads());
}

/** Return advice if the pool has fewer threads than the machine has cores; else null. */
export function poolAdvice(): string | null {
  const [cores, threads] = [availableParallelism(), poolThreads()];
  return threads >= cores
    ? null
    : `images are decoded by ${threads} threads on ${cores} cores: UV_THREADPOOL_SIZE=${cores} in the environment uses all cores`;
}

/** Load sharp, set up for many small images: no cache, one thread per image, as many images at a time as threads. */
export function loadSharp(): Promise<SharpMaker> {
  loading ??= importPackage("sharp", "images need", () => import("sharp")).then(({ default: sharp }) => {
    sharp.cache(false);
    sharp.concurrency(1);
    return (input, options) => sharp(input, options);
  });
  return loading;
}
