// The state of each layer at the end of an epoch: changes of its mask, its own threshold, and how close its hidden weights are
// to regrowing.
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { WeightGroupName } from "../optim/weight_groups.ts";
import type { MaskChange, MaskWatch } from "../prune/mask_watch.ts";
import { type GroupZeros, groupZeros } from "../prune/zero_groups.ts";
import { readAll, type TypedArray } from "../tensor/index.ts";

/** State of a prunable layer at the end of an epoch. */
export interface EpochLayer extends MaskChange, GroupZeros {
  /** Threshold on |w| if each layer has its own, else null. */
  readonly threshold: number | null;
  /** Mean and largest magnitude of the stored weights below the threshold; null if there are none. */
  readonly hiddenMean: number | null;
  readonly hiddenMax: number | null;
  /** LTP while it prunes: share of the weights whose gate is neither open nor shut, |w² - tau| < 4 T. At 0 the threshold no longer moves. */
  readonly transition: number | null;
  /** LTP: how often the step limit cut the threshold's steps of late, from -1 (all falls) to 1 (all rises); else null. */
  readonly limited: number | null;
}

/** Return the state of all prunable layers. Enqueues all reads, then waits for the GPU. */
export async function epochLayers(
  model: Module,
  optimizer: Optimizer,
  masks: MaskWatch,
  group?: WeightGroupName,
): Promise<EpochLayer[]> {
  const named = new Map(model.namedParameters());
  const prunable = [...named.values()].filter((p) => p.prunable);
  // LTP weights are read as they are tested, with hard masks.
  const weights = optimizer.hardened(() => readAll(...prunable));
  const stored = readAll(...prunable.flatMap((p) => (p.latent ? [p.latent] : [])));
  const [read, held, learned] = await Promise.all([weights, stored, optimizer.learnedThresholds()]);
  const latents = held[Symbol.iterator]();
  const details = new Map(
    prunable.map((p, i) => {
      const theta = p.latent ? latents.next().value! : null;
      return [p, { theta, w: read[i]! }] as const;
    }),
  );
  const prunes = optimizer.groups.some((g) => g.options.mode !== "none" && g.phase === "prune");
  return masks.compareTo(read).map((change) => {
    const p = named.get(change.name)!;
    const own = learned.get(p);
    const { theta, w } = details.get(p) ?? { theta: null, w: new Float32Array(0) };
    return {
      ...change,
      ...groupZeros(group, p, w),
      threshold: own?.threshold ?? null,
      ...hidden(theta, w),
      limited: own?.limited ?? null,
      transition: theta && own?.temperature && prunes ? inTransition(theta, own.threshold ** 2, own.temperature) : null,
    };
  });
}

function hidden(theta: TypedArray | null, w: TypedArray): { hiddenMean: number | null; hiddenMax: number | null } {
  let count = 0;
  let sum = 0;
  let max = 0;
  theta?.forEach((t: number, i: number) => {
    if (w[i] !== 0 || t === 0) return;
    count++;
    sum += Math.abs(t);
    max = Math.max(max, Math.abs(t));
  });
  return count === 0 ? { hiddenMean: null, hiddenMax: null } : { hiddenMean: sum / count, hiddenMax: max };
}

function inTransition(theta: TypedArray, tau: number, temperature: number): number {
  let inside = 0;
  for (const t of theta) if (Math.abs(t * t - tau) < 4 * temperature) inside++;
  return inside / theta.length;
}
