// The update kernel of each mode: one short shader per rule.
import fistaWgsl from "../../shaders/sgd_fista.wgsl";
import inplaceWgsl from "../../shaders/sgd_inplace.wgsl";
import latentWgsl from "../../shaders/sgd_latent.wgsl";
import ltpWgsl from "../../shaders/sgd_ltp.wgsl";
import plainWgsl from "../../shaders/sgd_plain.wgsl";
import strWgsl from "../../shaders/sgd_str.wgsl";
import { type Kernel, kernel } from "../gpu/index.ts";
import type { ThresholdMode } from "./sgd_options.ts";

export const UPDATES: Readonly<Record<ThresholdMode, Kernel>> = {
  latent: kernel("sgd_latent", latentWgsl),
  inplace: kernel("sgd_inplace", inplaceWgsl),
  fista: kernel("sgd_fista", fistaWgsl),
  str: kernel("sgd_str", strWgsl),
  ltp: kernel("sgd_ltp", ltpWgsl),
  none: kernel("sgd_plain", plainWgsl),
};
