// Removal of channels from a model that is trained on: only channels that are zero or unread, in training as in tests. Says for each tensor
// which of its elements stay, so that the optimiser's state can follow.
import type { Module, StateDict } from "../../nn/index.ts";
import type { Shape } from "../../tensor/index.ts";
import { walkModel } from "./compact.ts";
import type { CompactSizes } from "./description.ts";
import type { LayerUse } from "./layers.ts";
import { findRemoval, type Removal } from "./removal.ts";
import { below, keptInputs, keptPositions, rewrite } from "./rewrite.ts";
import type { Walk } from "./walk.ts";

/** Options of `planTrainingCompaction`. */
export interface TrainingCompactionOptions {
  /** Shape of one sample without the batch axis. */
  readonly sample: Shape;
  /** Values by state_dict name. */
  readonly weights: StateDict;
  /** Weights whose zeros stay zero, by name. All others are taken as live. */
  readonly frozen: ReadonlySet<string>;
}

/** A smaller model for training. */
export interface TrainingCompaction {
  /** Sizes of the layers that change, for `applyCompaction`. */
  readonly sizes: CompactSizes;
  /** Positions of the elements that stay, in the old tensor, by state_dict name; of tensors that change. */
  readonly positions: ReadonlyMap<string, Int32Array>;
}

/** Return the positions of a layer's weights that stay. */
function weightPositions(layer: LayerUse, isGone: Removal["isGone"]): Int32Array {
  const { output, groupInputs, taps } = layer;
  const kept: number[] = [];
  for (const o of keptPositions(output, isGone)) {
    for (const j of keptInputs(layer, o, isGone)) {
      const first = (o * groupInputs + j) * taps;
      for (let i = first; i < first + taps; i++) kept.push(i);
    }
  }
  return Int32Array.from(kept);
}

/** List the positions that stay in all tensors of the layers and norms of a walk. */
function allPositions({ layers, norms }: Walk, { isGone }: Removal): [string, Int32Array][] {
  const ofLayers = layers.flatMap((layer): [string, Int32Array][] => [
    [below(layer.path, "weight"), weightPositions(layer, isGone)],
    [below(layer.path, "bias"), Int32Array.from(keptPositions(layer.output, isGone))],
  ]);
  const ofNorms = norms.flatMap(({ path, ids }) =>
    ["weight", "bias", "running_mean", "running_var"].map((name): [string, Int32Array] => [
      below(path, name),
      Int32Array.from(keptPositions(ids, isGone)),
    ]),
  );
  return [...ofLayers, ...ofNorms];
}

/**
 * Plan a smaller network to train on, with the same outputs in evaluation and in training mode up to the order of sums. Null if
 * nothing can go. No GPU is needed, and the model is not changed.
 *
 * A channel goes if nothing reads it, or if it is zero with batch statistics and with running ones: a dead filter whose batch norm
 * has a bias below 0 before ReLU. A channel that is constant but not zero stays: a new bias would take its place, which the original
 * does not train.
 */
export function planTrainingCompaction(
  model: Module,
  { sample, weights, frozen }: TrainingCompactionOptions,
): TrainingCompaction | null {
  const state: StateDict = new Map([...model.namedState()].map(([name]) => [name, weights.get(name)!]));
  // A zero that training may move reads its input.
  for (const [name, p] of model.namedParameters())
    if (p.prunable && !frozen.has(name)) state.set(name, { data: new Float32Array(p.numel).fill(1), shape: p.shape });
  const { walk, isDead } = walkModel(model, { sample, weights: state, training: true });
  if (isDead) return null;
  const removal = findRemoval(walk);
  const { sizes } = rewrite(walk, removal, state, false);
  if (Object.keys(sizes).length === 0) return null;
  const positions = allPositions(walk, removal).filter(([name, kept]) => {
    const old = state.get(name);
    return old && kept.length < old.data.length;
  });
  return { sizes, positions: new Map(positions) };
}
