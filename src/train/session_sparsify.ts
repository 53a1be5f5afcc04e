// Gives the model of a session sparse kernels between two epochs. Apart from the session, so that a bundler can load this code later.
import type { Module } from "../nn/index.ts";
import { productLayers, sparsifyLayers } from "../nn/sparsify.ts";
import type { ModelChange } from "./model_change.ts";
import { type Masks, numbersOf, type SessionKernels } from "./session_kernels.ts";

/** List the layers that have a mask, with 1 for each live weight. */
function maskedLayers(model: Module, masks: Masks) {
  return productLayers(model).flatMap(({ name, layer }) => {
    const bits = masks.get(`${name}.weight`);
    return bits ? [{ name, layer, weights: numbersOf(bits, layer.weight.numel) }] : [];
  });
}

/** Change to the kernels for the masks at the start of an epoch, unless the model has them. */
export async function useSparseKernels(
  kernels: SessionKernels,
  parts: Parameters<SessionKernels["change"]>[0],
  change: (change: ModelChange) => Promise<void>,
): Promise<void> {
  const made = kernels.change(parts, (model, masks, name) =>
    sparsifyLayers(maskedLayers(model, masks), { kernels: name, training: "masked" }),
  );
  if (made) await change(made);
}
