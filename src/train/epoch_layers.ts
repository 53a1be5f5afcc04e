// What each layer looks like at the end of an epoch: its mask against the last one, its own threshold, and how near the
// hidden weights are to a change of mind.
import type { Module } from "../nn/index.ts";
import type { SGD } from "../optim/sgd.ts";
import type { MaskChange, MaskWatch } from "../prune/mask_watch.ts";
import { readAll, type TypedArray } from "../tensor/index.ts";

export interface EpochLayer extends MaskChange {
  /** Threshold on |w| where each layer has its own, else null. */
  readonly threshold: number | null;
  /** Of the stored weights that the threshold hides: mean and largest magnitude; null where nothing is hidden. */
  readonly hiddenMean: number | null;
  readonly hiddenMax: number | null;
  /** LTP while it prunes: share of the weights whose gate is neither open nor shut, |w² - tau| < 4 T. At 0 the threshold stands still. */
  readonly transition: number | null;
}

/** Looks at all prunable layers. Enqueues its reads at once, then waits for the GPU. */
export async function epochLayers(model: Module, optimizer: SGD, masks: MaskWatch): Promise<EpochLayer[]> {
  const named = new Map(model.namedParameters());
  const prunable = [...named.values()].filter((p) => p.prunable);
  // LTP is seen as it is tested: kept or zero.
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
      threshold: own?.threshold ?? null,
      ...hidden(theta, w),
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
