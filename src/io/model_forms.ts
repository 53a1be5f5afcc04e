// The files of one model in all layouts, to compare their bytes.
import type { HostArray } from "../tensor/index.ts";
import { writeInt8Model } from "./int8_weights.ts";
import { writeSafetensors } from "./safetensors.ts";
import { SPARSE_LAYOUTS, writeSparseModel } from "./sparse_weights.ts";

/** Layouts of a model file: every weight, those of sparse files, and 8-bit weights. */
export const MODEL_FORMS = ["dense", ...SPARSE_LAYOUTS, "int8"] as const;
/** A layout of a model file; see MODEL_FORMS. */
export type ModelFormName = (typeof MODEL_FORMS)[number];

/** Write a model in one of the layouts. */
export function writeModelForm(
  weights: ReadonlyMap<string, HostArray>,
  form: ModelFormName,
  metadata: Record<string, string> = {},
): Uint8Array {
  if (form === "dense") return writeSafetensors(weights, metadata);
  if (form === "int8") return writeInt8Model(weights, metadata);
  return writeSparseModel(weights, metadata, { layout: form });
}
