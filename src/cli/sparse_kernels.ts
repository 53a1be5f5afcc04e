// The flag --kernels of `espalier eval` and `bench-model`: the choice of kernels for pruned layers, and a line that reports it.
import type { Option } from "commander";
import { kernelCounts, SPARSE_KERNELS, type SparseKernels, type SparseLayerInfo } from "../internal.ts";
import { choiceOption } from "./options.ts";

/** Return the option. */
export const kernelsOption = (group = "Evaluation:", otherwise = "dense"): Option =>
  choiceOption("--kernels <name>", "kernels of pruned layers; auto: by rule", SPARSE_KERNELS, otherwise).helpGroup(
    group,
  );

/** Return a line that counts the layers of each kernel; none without the flag. */
export function kernelLines(wanted: SparseKernels | undefined, layers: readonly SparseLayerInfo[]): string[] {
  return wanted ? [`kernels: ${kernelCounts(layers)}`] : [];
}

/** Return the layers for the record; nothing without the flag. */
export const kernelFields = (wanted: SparseKernels | undefined, layers: readonly SparseLayerInfo[]) =>
  wanted ? { kernels: layers } : {};
