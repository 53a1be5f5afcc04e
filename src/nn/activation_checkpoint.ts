// Activation checkpointing of a whole module, such as a block of a network.
import { activationCheckpoint } from "../autograd/index.ts";
import type { Module } from "./module.ts";

/**
 * Make a module save only its input and output for backward, and run its forward again when backward reaches it. Names,
 * parameters and the bits of every gradient do not change. `false` undoes it. Returns the module. Registry models can do this
 * for their blocks: `buildModel(name, input, { activationCheckpoint: true })`.
 *
 *     for (const [, m] of model.namedModules()) if (m instanceof MyBlock) checkpointActivations(m);
 *
 * It acts on calls of this module's `forward`. The remaining memory is one input per checkpointed module and the activations of
 * the largest one.
 */
export function checkpointActivations<M extends Module>(module: M, on = true): M {
  // Return to the class's method, so that two calls have the effect of one.
  Reflect.deleteProperty(module, "forward");
  if (on) {
    const forward = activationCheckpoint(module.forward.bind(module));
    Object.defineProperty(module, "forward", { configurable: true, value: forward });
  }
  return module;
}
