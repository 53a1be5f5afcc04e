// The update kernel of each mode without learned thresholds: one short shader per rule.
import fistaWgsl from "../../shaders/sgd_fista.wgsl";
import inplaceWgsl from "../../shaders/sgd_inplace.wgsl";
import latentWgsl from "../../shaders/sgd_latent.wgsl";
import plainWgsl from "../../shaders/sgd_plain.wgsl";
import { type Kernel, kernel } from "../gpu/index.ts";
import type { LearnedMode } from "./learned_parts.ts";
import type { ThresholdMode } from "./optimizer_options.ts";

export const UPDATES: Readonly<Record<Exclude<ThresholdMode, LearnedMode>, Kernel>> = {
  latent: kernel("sgd_latent", latentWgsl),
  inplace: kernel("sgd_inplace", inplaceWgsl),
  fista: kernel("sgd_fista", fistaWgsl),
  none: kernel("sgd_plain", plainWgsl),
};
