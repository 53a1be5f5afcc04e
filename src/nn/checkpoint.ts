// Activation checkpointing of a whole module, such as a block of a network.
import { activationCheckpoint } from "../autograd/index.ts";
import type { Module } from "./module.ts";

/**
 * Makes a module keep only its input and its output for backward and run again when backward arrives there. Names,
 * parameters and the bits of every gradient stay as they are. `false` undoes it. Returns the module. The models of the
 * registry do it to their blocks: `buildModel(name, input, { activationCheckpoint: true })`.
 *
 *     for (const [, m] of model.namedModules()) if (m instanceof MyBlock) checkpointModule(m);
 *
 * It acts where `forward` of this module is called. Saves most on modules of many layers that many others follow: the
 * memory that is left is one input per checkpointed module and the activations of the largest one.
 */
export function checkpointModule<M extends Module>(module: M, on = true): M {
  // The class's own method, so that doing it twice does it once.
  Reflect.deleteProperty(module, "forward");
  if (on) {
    const forward = activationCheckpoint(module.forward.bind(module));
    Object.defineProperty(module, "forward", { configurable: true, value: forward });
  }
  return module;
}
