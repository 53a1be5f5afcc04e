// Facts about drivers that the form of a kernel depends on.
import type { AdapterReport } from "./adapter_report.ts";

/** Facts about lavapipe, Mesa's driver for CPUs. */
export interface Lavapipe {
  /** Version of Mesa as 100 * major + minor: 2602 for 26.2; 0 if the adapter hides it. */
  readonly mesa: number;
  /** Numbers of 32 bits in a vector, which is also the size of a subgroup. */
  readonly lanes: number;
}

/** Version since which lavapipe loads uniform values once, fuses multiply-adds, compiles fast and has subgroup matrices. */
export const MESA_26_1 = 2601;

/** Return the facts about lavapipe if the adapter is one; else null. */
export function lavapipe({ device, description, subgroupSize }: AdapterReport): Lavapipe | null {
  const text = `${device} ${description}`;
  if (!/llvmpipe|lavapipe/i.test(text)) return null;
  const [, major = 0, minor = 0] = /Mesa (\d+)\.(\d+)/.exec(text) ?? [];
  // The name tells the width also where the device was requested without subgroups.
  const bits = Number(/(\d+)[ -]bits/.exec(text)?.[1] ?? 32 * (subgroupSize || 8));
  return { mesa: 100 * Number(major) + Number(minor), lanes: bits / 32 };
}
