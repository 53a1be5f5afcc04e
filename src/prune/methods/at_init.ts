// Pruning at initialisation: a short run under a soft threshold finds the weights that survive. Then weights, running statistics,
// momentum and data start again from the beginning, and only the survivors are trained.
//     mask = S(theta, D) is not 0 after the short run;   w = theta(0) · mask
import { aimsAtShare, check, type PruneConfig, type RunShape } from "../config.ts";
import { noThreshold, type PruningMethod, type PruningRun } from "../method.ts";
import { peakOf } from "../schedules/prefix_sum.ts";
import { prunedParameters } from "./pruned.ts";
import { soft } from "./soft.ts";

export function atInit(config: PruneConfig, run: RunShape): PruningMethod {
  const { initEpochs = 1, schedule } = config;
  const steps = Math.round(initEpochs * run.stepsPerEpoch);
  check("initEpochs", "a number > 0", initEpochs, initEpochs > 0 && steps >= 1);
  check(
    "schedule",
    "a schedule that moves, for method at-init",
    schedule,
    schedule !== "none" && schedule !== "constant",
  );
  check("mode", "latent, for method at-init", config.mode, config.mode === "latent");
  const steer = config.steer ?? (aimsAtShare(config) ? "threshold" : undefined);
  const peak = peakOf(run.mainSteps, run.lr);
  const search = soft(
    // Only the mask of the short run counts, not its coefficient: by default it is steered to the exact share.
    { ...config, steer, startEpoch: 0, window: undefined, freezeEpoch: undefined },
    // The learning rate stays at its later peak: the run is too short to decay it.
    { ...run, totalSteps: steps, mainSteps: steps, lr: () => peak },
  );
  return {
    ...noThreshold,
    name: "at-init",
    group: search.group,
    phase: () => "mask",
    isFrozen: () => true,
    begin: (own) => search.begin?.(own),
    async prepare(own: PruningRun) {
      const { model, optimizer } = own;
      const first = await model.stateDict();
      optimizer.setPhase("prune");
      await own.train(steps, {
        values: (n) => ({ ...search.values(n), lr: peak }),
        ...(search.beforeStep ? { before: search.beforeStep } : {}),
      });
      const names = new Map([...model.namedParameters()].map(([name, p]) => [p, name]));
      for (const p of prunedParameters(optimizer)) {
        const found = (await p.data()) as Float32Array;
        const w = first.get(names.get(p)!)?.data as Float32Array;
        found.forEach((v, i) => {
          if (v === 0) w[i] = 0;
        });
      }
      model.loadStateDict(first);
      optimizer.reset();
      optimizer.bake();
    },
    dispose: () => search.dispose?.(),
  };
}
