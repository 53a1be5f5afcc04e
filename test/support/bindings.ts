// Pretends a small binding limit, so that what large networks need on a small adapter is tested with small tensors.
import { currentGpu } from "../../src/gpu/index.ts";

/** Runs with kernels that bind so many bytes at most, as far as the engine knows; buffers may be larger, as anywhere. */
export async function withBindings<T>(bytes: number, run: () => T | Promise<T>): Promise<T> {
  const limits = currentGpu().adapter.limits as { maxStorageBufferBindingSize: number };
  const own = limits.maxStorageBufferBindingSize;
  limits.maxStorageBufferBindingSize = bytes;
  try {
    return await run();
  } finally {
    limits.maxStorageBufferBindingSize = own;
  }
}
