// Shared part of the methods with learned thresholds: they are on the GPU, and the host reads them.
import type { PruningMethod, PruningRun } from "../method.ts";

export function learnedThresholdOf(): Pick<PruningMethod, "begin" | "thresholdAt" | "readThreshold"> {
  let run: PruningRun | undefined;
  return {
    begin(given) {
      run = given;
    },
    thresholdAt: () => null,
    /** Mean over the weights, so large layers count more. */
    async readThreshold() {
      if (!run) return 0;
      const thresholds = [...(await run.optimizer.learnedThresholds())];
      const weights = thresholds.reduce((n, [p]) => n + p.numel, 0);
      return thresholds.reduce((sum, [p, d]) => sum + d.threshold * p.numel, 0) / weights;
    },
  };
}
