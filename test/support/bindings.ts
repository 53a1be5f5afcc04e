// Pretends a small binding limit, so that what large networks need on a small adapter is tested with small tensors.
import { currentGpu } from "../../src/gpu/index.ts";

/** Run with a limit on the bytes that the engine binds at once; buffers may be larger. */
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
