// One device per test file, and the check that no test leaves an error or live memory behind.
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";

export async function openTestGpu(): Promise<void> {
  await requestGpu();
}

export async function closeTestGpu(): Promise<void> {
  const gpu = currentGpu();
  try {
    await gpu.wait();
  } finally {
    gpu.destroy();
  }
}
