// Opens the GPU for a command and describes it.

import {
  type AdapterReport,
  currentGpu,
  type Gpu,
  lavapipe,
  requestGpu,
  setCurrentGpu,
  type TuneMode,
} from "../gpu/index.ts";
import { mib } from "../text/index.ts";
import { forgetGpu, installGpu } from "./dawn.ts";
import { noteOpenGpu } from "./hanging.ts";

export interface AdapterFlags {
  readonly requireGpu?: boolean | undefined;
  /** Part of the adapter's name. */
  readonly adapter?: string | undefined;
  /** Choice of kernels by timing them. Default: ESPALIER_TUNE, else auto. */
  readonly tune?: TuneMode | undefined;
  /** Seconds without progress after which the GPU counts as hanging; 0: never. Default: by the adapter. */
  readonly watchdog?: number | undefined;
}

/** Open an adapter through Dawn and a device on it. Errors say what was tried and what to run. */
export async function openGpu(flags: AdapterFlags): Promise<Gpu> {
  await installGpu({
    requireGpu: flags.requireGpu,
    adapter: flags.adapter,
  });
  noteOpenGpu(() => openedGpu()?.hangs ?? false);
  const { tune, watchdog = "auto" } = flags;
  return requestGpu({ ...(tune === undefined ? {} : { tune }), watchdog: watchdog === 0 ? undefined : watchdog });
}

/** Return the device in use, or null. */
export function openedGpu(): Gpu | null {
  try {
    return currentGpu();
  } catch {
    return null;
  }
}

/** Drop a lost device and everything on it: the next `openGpu` starts again. */
export function dropGpu(): void {
  openedGpu()?.destroy();
  setCurrentGpu(null);
  forgetGpu();
}

/** Shorten the wait for the device in use, because the command was asked to end. */
export function hurryGpu(): void {
  openedGpu()?.watchdog?.hurry();
}

/**
 * Return the adapter's name: of a software adapter its driver, of a card the card and the driver. An unusual width of
 * lavapipe's vectors is part of it, because the last bits of results depend on it.
 */
export function adapterName(report: AdapterReport): string {
  const { device, description, vendor, software } = report;
  const lanes = lavapipe(report)?.lanes ?? 8;
  const width = lanes === 8 ? "" : `, ${32 * lanes} bits`;
  if (software) return `${description || device || vendor || "unknown software adapter"}${width}`;
  return [device || vendor, description].filter(Boolean).join(", ") || "unknown adapter";
}

export function adapterLines(a: AdapterReport): string[] {
  const { limits } = a;
  return [
    `adapter        ${adapterName(a)}${a.software ? "  (software)" : ""}`,
    `description    ${[a.vendor, a.architecture, a.description].filter(Boolean).join(" · ")}`,
    `features       ${a.features.join(", ") || "none"}`,
    `subgroup size  ${a.subgroupSize || "not fixed, or no subgroups"}`,
    `matrices       ${a.matrices.map(({ m, n, k, lanes }) => `${m}x${n}x${k} by ${lanes} lanes`).join(", ") || "none"}`,
    `storage        ${limits.maxStorageBuffersPerShaderStage} buffers a kernel, ${mib(limits.maxStorageBufferBindingSize, 0)} each; buffers to ${mib(limits.maxBufferSize, 0)}`,
    `workgroup      ${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize / 1024} KiB of shared memory`,
  ];
}
