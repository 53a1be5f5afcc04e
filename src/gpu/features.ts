// Optional features of WebGPU: which are requested, and what a shader's `enable` lines need.
import { KernelError } from "./errors.ts";

/** Names of the feature of matrix units: Chromium's, and that of the draft for WebGPU. */
const MATRIX = ["chromium-experimental-subgroup-matrix", "subgroup-matrix"];
const SIZE_CONTROL = "subgroup-size-control";

/** Features that are requested where the adapter has them. */
export const FEATURES = ["shader-f16", "subgroups", SIZE_CONTROL, "timestamp-query", ...MATRIX];

type Features = Pick<GPUSupportedFeatures, "has">;

/** Return true if a device has matrix units. */
export const hasMatrices = (features: Features): boolean => MATRIX.some((name) => features.has(name));

/**
 * Return a shader's text with the extensions of a device. Matrices get the name that the device has for them. Without
 * subgroup-size-control the attribute `@subgroup_size` is removed: callers run kernels with it only where the size is certain.
 * Throws KernelError for a missing feature.
 */
export function fitExtensions(kernel: string, code: string, features: Features): string {
  const pins = features.has(SIZE_CONTROL);
  const fitted = code.replace(/^enable\s+([\w, ]+);/gm, (_, list: string) => {
    const needed = list.split(",").map((extension) => {
      const name = extension.trim();
      const feature = name === "f16" ? "shader-f16" : name.replaceAll("_", "-");
      return MATRIX.includes(feature) ? (MATRIX.find((known) => features.has(known)) ?? feature) : feature;
    });
    const kept = needed.filter((feature) => pins || feature !== SIZE_CONTROL);
    const missing = kept.find((feature) => !features.has(feature));
    if (missing) throw new KernelError(kernel, `needs the feature ${missing}`);
    const names = kept.map((feature) => (feature === "shader-f16" ? "f16" : feature.replaceAll("-", "_")));
    return names.length > 0 ? `enable ${names.join(", ")};` : "";
  });
  return pins ? fitted : fitted.replace(/@subgroup_size\([^)]*\)/g, "");
}
