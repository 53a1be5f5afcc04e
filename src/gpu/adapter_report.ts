// Facts about an adapter that the choice of kernels depends on.
import { hasMatrices } from "./features.ts";
import type { MatrixShape } from "./matrices.ts";

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
  /** Products that its matrix units compute from f16 operands with f32 sums, the largest first. */
  readonly matrices: readonly MatrixShape[];
  readonly features: readonly string[];
  readonly limits: Readonly<Record<DeviceLimit, number>>;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|\bwarp\b|basic.render|software r/i;

/**
 * Return true if an adapter computes on the CPU: lavapipe, SwiftShader, WARP. An architecture "software" is no sign: Dawn
 * gives that name to every driver of Mesa without a PCI id, such as that of Apple's GPUs on Linux.
 */
export const isSoftware = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter || SOFTWARE.test(`${info.architecture} ${info.device} ${info.description}`);

/** Describe the adapter of a device. */
export async function adapterReport({ info }: GPUAdapter, { features, limits }: GPUDevice): Promise<AdapterReport> {
  const { vendor, architecture, device, description, subgroupMinSize: low, subgroupMaxSize: high } = info;
  return {
    vendor,
    architecture,
    device,
    description,
    software: isSoftware(info),
    subgroupSize: features.has("subgroups") && low === high ? low : 0,
    matrices: hasMatrices(features) ? (await import("./matrices.ts")).matrixShapes(info, features) : [],
    features: [...features].map(String).sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as AdapterReport["limits"],
  };
}
