// Grad R: gradient rewiring (Chen et al. 2021), the baseline of STDS: a constant soft threshold mu, and a prior that draws latent
// weights to zero.
//     W = S(theta, mu);   theta' = theta - lr v - lr alpha sign(theta)
// The gradient of W goes straight through, so a weight within mu may grow back on either side. Initial latent weights are moved by
// mu, so that the first forward pass reads the initial weights. A live W shrinks by lr alpha in a step: alpha is its L1 coefficient.
import { check, type PruneConfig, type RunShape, spanOf } from "../config.ts";
import { inverseThreshold } from "../groups.ts";
import type { PruningMethod } from "../method.ts";

export function gradR(config: PruneConfig, run: RunShape): PruningMethod {
  const { threshold: mu, shrink: alpha } = config;
  check("threshold", "a number > 0, since the method is grad-r", mu, mu !== undefined && Number.isFinite(mu) && mu > 0);
  check(
    "shrink",
    "a number >= 0, since the method is grad-r",
    alpha,
    alpha !== undefined && Number.isFinite(alpha) && alpha >= 0,
  );
  const { freeze } = spanOf(config, run);
  const isFrozen = (n: number) => n >= freeze && freeze < run.totalSteps;
  const at = (n: number) => (isFrozen(n) ? 0 : mu!);
  return {
    name: "grad-r",
    group: { mode: "latent", shrink: alpha! },
    phase: (n) => (isFrozen(n) ? "mask" : "prune"),
    isFrozen,
    values: (n) => ({ threshold: at(n), thresholdNext: at(n), tau: 0 }),
    thresholdAt: () => mu!,
    increment: (n) => (isFrozen(n) ? 0 : alpha! * run.lr(n)),
    isL1: true,
    async prepare({ model }) {
      for (const p of model.parameters()) {
        if (p.latent) p.latent.set(inverseThreshold((await p.latent.data()) as Float32Array, mu!));
      }
    },
  };
}
