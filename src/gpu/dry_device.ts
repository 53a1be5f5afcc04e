// A device that runs nothing: the engine executes the host side of a step on it, and the pool counts the memory that the
// step would use.
import type { AdapterReport } from "./adapter_report.ts";
import { Gpu } from "./device.ts";

/** A generic adapter: WebGPU's guaranteed limits, larger bindings, f16, 32 lanes. */
export const GENERIC_ADAPTER: AdapterReport = {
  vendor: "",
  architecture: "",
  device: "no adapter",
  description: "a card of no particular make",
  software: false,
  subgroupSize: 32,
  matrices: [],
  features: ["shader-f16", "subgroups"],
  limits: {
    maxBufferSize: 2 ** 32,
    maxStorageBufferBindingSize: 2 ** 31,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupSizeY: 256,
    maxComputeWorkgroupSizeZ: 64,
    maxComputeWorkgroupStorageSize: 16384,
  },
};

// Values of the WebGPU specification, for hosts that have not installed it.
const CONSTANTS = {
  GPUBufferUsage: {
    MAP_READ: 0x1,
    MAP_WRITE: 0x2,
    COPY_SRC: 0x4,
    COPY_DST: 0x8,
    INDEX: 0x10,
    VERTEX: 0x20,
    UNIFORM: 0x40,
    STORAGE: 0x80,
    INDIRECT: 0x100,
    QUERY_RESOLVE: 0x200,
  },
  GPUShaderStage: { VERTEX: 0x1, FRAGMENT: 0x2, COMPUTE: 0x4 },
  GPUMapMode: { READ: 0x1, WRITE: 0x2 },
};

/** Define the host's missing WebGPU constants. Returns a function that removes them. */
function lendConstants(): () => void {
  const missing = Object.entries(CONSTANTS).filter(([name]) => !(name in globalThis));
  for (const [name, value] of missing) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name] of missing) Reflect.deleteProperty(globalThis, name);
  };
}

const nothing = () => {};

function dryBuffer({ size }: GPUBufferDescriptor): Partial<GPUBuffer> {
  return {
    size,
    destroy: nothing as GPUBuffer["destroy"],
    unmap: nothing as GPUBuffer["unmap"],
    mapAsync: async () => undefined,
    getMappedRange: () => new ArrayBuffer(size),
  };
}

function dryDevice({ features, limits }: AdapterReport, onBuffer: (made: GPUBufferDescriptor) => void): GPUDevice {
  const handle = () => ({});
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    clearBuffer: nothing,
    copyBufferToBuffer: nothing,
    resolveQuerySet: nothing,
    finish: handle,
  };
  const device = {
    features: new Set(features),
    limits: { minStorageBufferOffsetAlignment: 256, minUniformBufferOffsetAlignment: 256, ...limits },
    lost: new Promise<never>(nothing),
    queue: { submit: nothing, writeBuffer: nothing, onSubmittedWorkDone: async () => undefined },
    addEventListener: nothing,
    pushErrorScope: nothing,
    popErrorScope: async () => null,
    createBuffer: (made: GPUBufferDescriptor) => {
      onBuffer(made);
      return dryBuffer(made);
    },
    createShaderModule: handle,
    createBindGroupLayout: handle,
    createPipelineLayout: handle,
    createComputePipeline: handle,
    createBindGroup: handle,
    createCommandEncoder: () => encoder,
    destroy: nothing,
  };
  // The engine calls nothing else on a device. A new call fails at once, in every test that plans.
  return device as unknown as GPUDevice;
}

/** A Gpu without memory or work. */
interface DryGpu {
  readonly gpu: Gpu;
  /** Bytes of uniform buffers so far, which the pool does not count. */
  uniformBytes(): number;
  /** Remove the constants that were defined here. */
  release(): void;
}

/** Return a Gpu whose pool counts as that of `adapter` would. Its readings are zeros. */
export function openDryGpu(adapter: AdapterReport): DryGpu {
  const release = lendConstants();
  let uniforms = 0;
  const device = dryDevice(adapter, ({ size, usage }) => {
    if (usage & CONSTANTS.GPUBufferUsage.UNIFORM) uniforms += size;
  });
  return { gpu: new Gpu(adapter, device), uniformBytes: () => uniforms, release };
}
