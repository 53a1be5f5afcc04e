// Work of a session between two epochs, which may change the model: a resumed run does the same at the same steps.
import type { ModelChange } from "./model_change.ts";
import type { SessionParts } from "./session_build.ts";
import { compactBetween } from "./session_compact.ts";
import { useSparseKernels } from "./session_sparsify.ts";

/**
 * Work after `step` steps, between two epochs. `change` changes the model and waits for the GPU: see `changeModel`. The modules are
 * imported statically: esbuild without splitting would wrap the whole engine for a dynamic import, also in pages without a session. The
 * demo's build loads them later: see tools/later_vite.ts.
 */
type EpochWork = (parts: SessionParts, step: number, change: (change: ModelChange) => Promise<void>) => Promise<void>;

/** Give the model the kernels of the epoch that begins after `step` steps, once zeros stay zero. */
export const sparsifyBetween: EpochWork = async ({ kernels, plan, ...parts }, step, change) => {
  if (!kernels || plan.method.phase(step) !== "mask") return;
  await useSparseKernels(kernels, parts, change);
};

/** Work in order; each checks the settings itself. */
const WORKS: readonly EpochWork[] = [
  async (parts, step, change) => {
    if (!parts.shrunk || !parts.plan.method.isFrozen?.(step)) return;
    await compactBetween(parts, change);
  },
  // Last: for the shapes that are left.
  sparsifyBetween,
];

/** Do the work between two epochs, after `step` steps. */
export const betweenEpochs: EpochWork = async (parts, step, change) => {
  for (const work of WORKS) await work(parts, step, change);
};
