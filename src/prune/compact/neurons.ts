// Neurons at a constant current: which of them never spike.
import { type NeuronKind, type NeuronOptions, resolveNeuron } from "../../ops/spiking/neuron.ts";

/** Share of the threshold by which the potential has to stay below it: f32 sums in another order. */
const MARGIN = 1e-5;

/**
 * Return true if a neuron that starts at rest never spikes at this constant current, in any number of steps. Its potential moves
 * from rest towards one limit without passing it: rest + x, or rest + x / leak if the leak does not act on the input; without a
 * leak it grows by x at every step. `leak`: 1 / tau of a neuron that learns it.
 */
export function neverSpikes(kind: NeuronKind, options: NeuronOptions, leak: number, current: number): boolean {
  const { timeSteps: _, ...own } = options;
  const { params } = resolveNeuron("compact", kind, own);
  const { rest, threshold, decay_input } = params;
  const k = kind === "PLIF" ? leak : params.k;
  if (!Number.isFinite(current) || !Number.isFinite(k)) return false;
  const below = threshold - MARGIN * Math.max(1, Math.abs(threshold));
  if (rest >= below) return false;
  if (kind === "IF") return current <= 0;
  return rest + (decay_input === 1 ? current : current / k) < below;
}
