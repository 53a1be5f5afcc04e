// Facts about an adapter that the choice of kernels depends on.

/** Limits that are requested as large as the adapter offers. */
export const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupStorageSize",
] as const satisfies readonly DeviceLimit[];

/** Limits of WebGPU that are requested as large as the adapter offers. */
export type DeviceLimit =
  | "maxBufferSize"
  | "maxStorageBufferBindingSize"
  | "maxStorageBuffersPerShaderStage"
  | "maxComputeInvocationsPerWorkgroup"
  | "maxComputeWorkgroupSizeX"
  | "maxComputeWorkgroupSizeY"
  | "maxComputeWorkgroupSizeZ"
  | "maxComputeWorkgroupStorageSize";

/** Facts about the adapter of a device. */
export interface AdapterReport {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True for a CPU implementation (lavapipe, SwiftShader, WARP). */
  readonly software: boolean;
  /** Lanes of a subgroup if the adapter guarantees one size, else 0. */
  readonly subgroupSize: number;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<DeviceLimit, number>>;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|warp|basic render|software/i;

/** Describe the adapter of a device. */
export function adapterReport(adapter: GPUAdapter, device: GPUDevice): AdapterReport {
  const { info } = adapter;
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  const { subgroupMinSize: low, subgroupMaxSize: high } = info;
  const limits = Object.fromEntries(LIMITS.map((name) => [name, device.limits[name]])) as AdapterReport["limits"];
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    software: SOFTWARE.test(text) || info.isFallbackAdapter === true,
    subgroupSize: device.features.has("subgroups") && low === high ? low : 0,
    features: [...device.features].map(String).sort(),
    limits,
  };
}
