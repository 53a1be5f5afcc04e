// GPUs for which Mesa compiles without the hardware, and the environment that presents one to a program.
import { join } from "node:path";
import { IsaError } from "./command.ts";
import { LAYER } from "./layer.ts";
import type { Mesa } from "./mesa.ts";

interface GpuKind {
  /** Name of the Vulkan driver's manifest. */
  readonly driver: string;
  /** Name of the library that stands in for the kernel's driver. */
  readonly shim: string;
  /** Variable that chooses the model, and the usual one. */
  readonly variable?: string;
  readonly model: string;
  /** True if Dawn offers no f16 on this device, though its compiler has it. */
  readonly hidesHalf?: boolean;
}

const GPUS = {
  amd: { driver: "radeon", shim: "amdgpu", variable: "AMDGPU_GPU_ID", model: "navi31" },
  nvidia: { driver: "nouveau", shim: "nouveau", variable: "NOUVEAU_CHIPSET", model: "0x172", hidesHalf: true },
  apple: { driver: "asahi", shim: "asahi", model: "m1" },
  adreno: { driver: "freedreno", shim: "freedreno", variable: "FD_GPU_ID", model: "740" },
} as const satisfies Record<string, GpuKind>;

export type Vendor = keyof typeof GPUS;
export const VENDORS = Object.keys(GPUS) as Vendor[];

/** A vendor and a model that its compiler compiles for. */
export interface GpuChoice {
  readonly vendor: Vendor;
  readonly model: string;
}

/** Return true if the f16 shaders of a GPU have to be taken from another one. */
export const hidesHalf = ({ vendor }: GpuChoice): boolean => (GPUS[vendor] as GpuKind).hidesHalf === true;

/** Read `all`, or names by commas, each with a model after a colon: `amd:gfx1201,nvidia`. */
export function readGpus(text: string): GpuChoice[] {
  const names = text === "all" ? VENDORS : text.split(",");
  return names.map((name) => {
    const [vendor = "", model] = name.trim().split(":");
    const kind: GpuKind | undefined = Object.hasOwn(GPUS, vendor) ? GPUS[vendor as Vendor] : undefined;
    if (!kind) throw new IsaError(`bench:isa: --gpu: expected all, ${VENDORS.join(", ")}, got ${JSON.stringify(name)}`);
    if (model !== undefined && !kind.variable)
      throw new IsaError(`bench:isa: --gpu: ${vendor} has one model, got ${model}`);
    return { vendor: vendor as Vendor, model: model ?? kind.model };
  });
}

/** Return program, arguments and environment that start another program on a GPU which only compiles. */
export function startOn(gpu: GpuChoice, mesa: Mesa, layer: string, dump: string) {
  const kind: GpuKind = GPUS[gpu.vendor];
  const { libraries, manifests } = mesa;
  return {
    program: join(libraries, "ld-linux-x86-64.so.2"),
    args: ["--library-path", libraries, "--preload", join(libraries, `lib${kind.shim}_noop_drm_shim.so`)],
    env: {
      VK_DRIVER_FILES: join(manifests, `${kind.driver}.json`),
      VK_ICD_FILENAMES: join(manifests, `${kind.driver}.json`),
      VK_LAYER_PATH: layer,
      VK_INSTANCE_LAYERS: LAYER,
      MESA_SHADER_CACHE_DISABLE: "true",
      ISA_DUMP: dump,
      ESPALIER_ADAPTER: undefined,
      RADV_FORCE_FAMILY: undefined,
      ...(kind.variable ? { [kind.variable]: gpu.model } : {}),
    } satisfies NodeJS.ProcessEnv,
  };
}
