// Runs the kernels of GPUs on a software adapter.
import { Gpu, setCurrentGpu } from "../../src/gpu/index.ts";

/** Make a Gpu of the same device that chooses kernels as on a GPU without subgroups of one size, and make it the current one. */
export function asHardware({ adapter, device }: Gpu): Gpu {
  const gpu = new Gpu({ ...adapter, software: false, subgroupSize: 0, matrices: [] }, device);
  setCurrentGpu(gpu);
  return gpu;
}
