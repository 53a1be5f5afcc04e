// Changes the model of a session between two epochs: layers get other kernels, or tensors other shapes. All captured steps are recorded
// again, and the optimiser, its state and the masks follow.
import type { LazyTensor, Module, Parameter } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import {
  type OptimizerState,
  type Positions,
  type Replacement,
  readOptimizerState,
  replaceParameters,
} from "../optim/replace_parameters.ts";
import { noteGroups } from "../prune/groups.ts";
import { readAll, type TypedArray } from "../tensor/index.ts";
import type { ModelChange } from "./model_change.ts";
import type { SessionParts } from "./session_build.ts";
import type { SessionRecalibration } from "./session_recalibration.ts";

type Parts = Pick<SessionParts, "model" | "optimizer" | "step" | "evaluator" | "masks" | "config" | "kernels">;

/** Dispose the recordings of a session's steps; the next run of each records it again. */
function forgetSteps({ step, evaluator }: Parts, recalibration: SessionRecalibration): void {
  step.captured.dispose();
  step.sum?.captured.dispose();
  evaluator?.captured.dispose();
  recalibration.dispose();
  recalibration.forget();
}

const stateOf = (model: Module) => new Map<string, LazyTensor>(model.namedState());

/** Return the new parameter in place of each old one. */
function replacements(
  before: ReadonlyMap<string, Parameter>,
  after: ReadonlyMap<string, Parameter>,
  positions: ReadonlyMap<string, Positions>,
): Map<Parameter, Replacement> {
  const found = new Map<Parameter, Replacement>();
  for (const [name, old] of before) {
    const param = after.get(name)!;
    if (param !== old) found.set(old, { param, positions: positions.get(name)! });
  }
  return found;
}

/** Apply a change to the model and give the optimiser its new parameters. Without `state`, all of it is 0, to be loaded. */
function applyChange(
  parts: Parts,
  recalibration: SessionRecalibration,
  { apply, positions = new Map() }: ModelChange,
  state: OptimizerState | null,
): void {
  const { model, optimizer, masks, config } = parts;
  forgetSteps(parts, recalibration);
  // Kernels are for the shapes that they were made for.
  if (!state || positions.size > 0) parts.kernels?.dispose();
  const before = new Map(model.namedParameters());
  apply();
  const replaced = replacements(before, new Map(model.namedParameters()), positions);
  if (replaced.size === 0) return;
  if (config.prune.group)
    noteGroups(
      model,
      [...replaced.values()].map(({ param }) => param),
    );
  replaceParameters(optimizer, replaced, state);
  masks?.follow(model);
}

/** Take the elements of a buffer that stay. */
const picked = (values: TypedArray, positions: Positions, missing: number): Float32Array =>
  Float32Array.from(positions, (at) => (at < 0 ? missing : values[at]!));

/** Read what a change of shapes moves. Waits for the GPU. */
async function readMoved(model: Module, optimizer: Optimizer, positions: ReadonlyMap<string, Positions>) {
  const params = new Map(model.namedParameters());
  const moved = [...positions.keys()];
  const buffers = moved.filter((name) => !params.has(name));
  const tensors = stateOf(model);
  const held = new Set(moved.flatMap((name) => params.get(name) ?? []));
  const [state, values] = await Promise.all([
    readOptimizerState(optimizer, held),
    readAll(...buffers.map((name) => tensors.get(name)!)),
  ]);
  return { state, buffers: new Map(buffers.map((name, i) => [name, values[i]!])) };
}

/**
 * Change the model of a session between two steps, such as at the end of an epoch: to kernels for its mask, or to a smaller network.
 * The captured steps (training, micro-batches, tests, re-estimation of batch norm) are disposed, and recorded again at their next run.
 * Weights, latent weights, momentum, moments, counts and learned thresholds follow the positions, and so do the buffers of the
 * model; new elements are 0, and running variances 1. The masks of the last epoch record become those of the changed model. Waits for the GPU.
 *
 * Steps     enqueue none meanwhile. `Session.change` calls this, and then lets the tuner try kernels for the new shapes.
 * Identity  the session's model, optimizer, training step and method stay; parameters whose shapes change are others. A
 *           pruning method that holds tensors of the optimizer must not need them any more: see `PruningMethod.isFrozen`.
 */
export async function changeModel(
  parts: Parts,
  recalibration: SessionRecalibration,
  change: ModelChange,
): Promise<void> {
  const { model, optimizer, masks } = parts;
  const { positions = new Map<string, Positions>() } = change;
  const { state, buffers } = await readMoved(model, optimizer, positions);
  applyChange(parts, recalibration, change, state);
  const tensors = stateOf(model);
  for (const [name, values] of buffers)
    tensors.get(name)!.set(picked(values, positions.get(name)!, name.endsWith("running_var") ? 1 : 0));
  if (masks && positions.size > 0) await optimizer.hardened(() => masks.compare());
}

/** Change the shapes of a model whose whole state is loaded afterwards. Does not wait. */
export function changeShapes(parts: Parts, recalibration: SessionRecalibration, apply: () => void): void {
  applyChange(parts, recalibration, { apply }, null);
}

/** Give the model its dense kernels back, if it has sparse ones. Does not wait. */
export function restoreKernels(parts: Parts, recalibration: SessionRecalibration): void {
  if (parts.kernels?.isUsed) changeShapes(parts, recalibration, () => {});
}
