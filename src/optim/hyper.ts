// The layout of a hyper buffer, read from the shader: the numbers of a step, then those of each layer's learned threshold.
import hyperWgsl from "../../shaders/lib/hyper.wgsl";
import { type Bindable, readStruct } from "../gpu/index.ts";
import { stretch, type Tensor } from "../tensor/index.ts";
import type { PruningPhase } from "./optimizer_options.ts";

export const HYPER = readStruct("hyper", hyperWgsl, "Hyper");
export const LAYER = readStruct("hyper", hyperWgsl, "LayerThreshold");

/** Return the first word of a layer's numbers; of layer n, the words that a buffer of n layers has. */
export const layerWord = (layer: number): number => (HYPER.bytes + layer * LAYER.bytes) / 4;

/** Return the shader's constant of the phase's name. */
export const phaseNumber = (phase: PruningPhase): number =>
  Number(new RegExp(`^const ${phase.toUpperCase()}: f32 = ([\\d.]+);`, "m").exec(hyperWgsl)![1]);

/** Return the scheduled threshold of a hyper buffer: [3] f32, threshold_now, threshold_next, tau. */
export const scheduledThreshold = (hyper: Tensor): Bindable => stretch(hyper, HYPER.wordOf("threshold_now"), 3);
