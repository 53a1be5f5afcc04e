// `espalier eval --kernels`: the choice of kernels for pruned layers, and a line that reports it.
import type { Option } from "commander";
import { SPARSE_KERNELS, type SparseKernels, type SparseLayerInfo } from "../internal.ts";
import { plural } from "../text/index.ts";
import { choiceOption } from "./options.ts";

/** Return the option. */
export const kernelsOption = (): Option =>
  choiceOption("--kernels <name>", "kernels of pruned layers; auto: by rule", SPARSE_KERNELS, "dense").helpGroup(
    "Evaluation:",
  );

/** Return a line that counts the layers of each kernel; none without the flag. */
export function kernelLines(wanted: SparseKernels | undefined, layers: readonly SparseLayerInfo[]): string[] {
  const counts = new Map<string, number>();
  for (const { kernel } of layers) counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
  const parts = [...counts].map(([kernel, count]) => `${kernel} in ${plural(count, "layer")}`);
  return wanted ? [`kernels: ${parts.join(", ")}`] : [];
}

/** Return the layers for the record; nothing without the flag. */
export const kernelFields = (wanted: SparseKernels | undefined, layers: readonly SparseLayerInfo[]) =>
  wanted ? { kernels: layers } : {};
