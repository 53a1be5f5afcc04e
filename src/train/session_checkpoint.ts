// Checkpoints of a session: its state as the parts of a file, and back.
import type { FileParts } from "../io/index.ts";
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { applyCompaction } from "../prune/compact/description.ts";
import type { MaskWatch } from "../prune/mask_watch.ts";
import type { PruningMethod } from "../prune/method.ts";
import {
  CheckpointError,
  type CheckpointFile,
  checkpointParts,
  type LoadedCheckpoint,
  loadCheckpoint,
  readShrunk,
} from "./checkpoint.ts";
import type { RunPosition } from "./fit.ts";
import { type CounterState, checkedCounters } from "./fit_counters.ts";
import type { Shrunk } from "./shrunk.ts";

/** Parts of a session that a checkpoint holds. */
export interface Saveable {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly method: PruningMethod;
  readonly masks: MaskWatch | null;
  readonly shrunk: Shrunk | null;
  /** Changes the shapes of the model, whose state is loaded afterwards. */
  readonly reshape: (apply: () => void) => void;
}

/** State of a session besides its parts. */
export interface SessionState {
  readonly position: RunPosition;
  readonly bestAccuracy: number;
  readonly bestScore: number | null;
  readonly counters: CounterState | null;
  readonly seed: number;
  /** Configuration to save. */
  readonly config: unknown;
  /** State of the host, as JSON. */
  readonly host: Readonly<Record<string, unknown>> | undefined;
}

/** Return the parts of a checkpoint's file. Waits for the GPU. */
export function sessionParts(saved: Saveable, state: SessionState): Promise<FileParts> {
  const { model, optimizer, method, masks } = saved;
  const shrunk = saved.shrunk?.state();
  const { position, bestAccuracy, bestScore, counters, seed, config, host } = state;
  const progress = {
    ...position,
    seed,
    threshold: method.thresholdAt(position.step) ?? 0,
    config,
    bestAccuracy,
    ...(bestScore === null ? {} : { bestScore }),
    ...(shrunk ? { compact: shrunk.sizes } : {}),
    ...(counters ? { counters } : {}),
  };
  const extras = { masks: masks?.last ?? null, left: shrunk?.left ?? null, ...(host ? { host } : {}) };
  return checkpointParts(model, optimizer, progress, method.state?.(), extras);
}

/** A checkpoint in a session, with the counters of its epoch. */
export interface RestoredSession {
  readonly loaded: LoadedCheckpoint;
  readonly saved: { readonly counters: CounterState; readonly epochSeconds: number } | null;
}

/** Give the model the sizes of a checkpoint. Errors: CheckpointError for sizes of another model. */
function restoreShapes({ model, shrunk, reshape }: Saveable, file: CheckpointFile, name: string): void {
  const state = readShrunk(file, name);
  if (!shrunk) {
    if (state)
      throw new CheckpointError(
        `${name}: expected the sizes of the original network, got smaller ones of prune.compact`,
      );
    return;
  }
  const regrowth = shrunk.regrowth(model);
  if (regrowth) reshape(regrowth.apply);
  shrunk.forget();
  if (!state) return;
  try {
    const sizes = shrunk.restore(state);
    reshape(() => applyCompaction(model, sizes));
    shrunk.measure(model);
  } catch (cause) {
    throw new CheckpointError(`${name}: sizes of the smaller network: ${(cause as Error).message}`);
  }
}

/** Load a checkpoint. Errors: CheckpointError if it does not fit the parts or the length of an epoch. */
export function restoreSession(
  saveable: Saveable,
  file: CheckpointFile,
  name: string,
  stepsPerEpoch: number,
): RestoredSession {
  const { model, optimizer, method, masks: watch } = saveable;
  restoreShapes(saveable, file, name);
  // From phase `mask`, setting a phase leaves the weights alone: they are those of the checkpoint.
  optimizer.setPhase("mask");
  const loaded = loadCheckpoint(file, name, model, optimizer, method.state?.());
  const { step, epoch, batch, counters, masks, host } = loaded;
  if (step !== epoch * stepsPerEpoch + batch || batch > stepsPerEpoch) {
    const problem = `${name}: expected epochs of ${stepsPerEpoch} steps, got step ${step} at batch ${batch} of epoch ${epoch + 1}: its batch size or its data differ`;
    throw new CheckpointError(problem);
  }
  if (masks) watch?.restore(masks);
  const seconds = (host as { epochSeconds?: unknown } | null | undefined)?.epochSeconds;
  const epochSeconds = typeof seconds === "number" && seconds > 0 ? seconds : 0;
  try {
    return { loaded, saved: counters ? { counters: checkedCounters(counters), epochSeconds } : null };
  } catch (cause) {
    throw new CheckpointError(`${name}: its progress record: ${(cause as Error).message}`);
  }
}
