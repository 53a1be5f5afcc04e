// A threshold for a run that has ended: the stored weights stay, the weights in use are cut again.
import type { Session } from "../../src/internal.ts";

/** Compute S(theta, d): every value moves towards zero by `d`, and stops there. */
export function softThreshold(stored: Float32Array, d: number): Float32Array {
  return stored.map((v) => (Math.abs(v) <= d ? 0 : v - Math.sign(v) * d));
}

/** Return true if a threshold can act on a run that has ended: it is common to all layers, and stored weights are kept. */
export const canRecut = ({ method }: Session): boolean =>
  method.setFinal !== undefined && method.group.mode === "latent" && method.group.group === undefined;

/** Give every weight with a stored one the value under threshold `d`. Waits for the GPU. */
export async function recut({ model }: Session, d: number): Promise<void> {
  for (const p of model.parameters()) {
    if (p.latent) p.set(softThreshold((await p.latent.data()) as Float32Array, d));
  }
}

/** Return the share of zeros among the prunable weights. Waits for the GPU. */
export async function zeroShare(session: Session): Promise<number> {
  const layers = await session.layers();
  const weights = layers.reduce((n, layer) => n + layer.weights, 0);
  return layers.reduce((n, layer) => n + layer.zeros, 0) / weights;
}
