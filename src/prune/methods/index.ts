// The pruning methods by name. To add one: a file here that makes a PruningMethod, a name in ../config.ts, a line below.
import { check, PRUNING_METHODS, type PruneConfig, type PruningMethodName, type RunShape } from "../config.ts";
import type { PruningMethod } from "../method.ts";
import { checkPruneConfig } from "../uses.ts";
import { atInit } from "./at_init.ts";
import { gmp, oneShot } from "./gmp.ts";
import { gradR } from "./grad_r.ts";
import { grasp } from "./grasp.ts";
import { imp } from "./imp.ts";
import { ltp } from "./ltp.ts";
import { masked } from "./masked.ts";
import { random } from "./random.ts";
import { snip } from "./snip.ts";
import { soft } from "./soft.ts";
import { str } from "./str.ts";
import { synflow } from "./synflow.ts";

const methods: Readonly<Record<PruningMethodName, (config: PruneConfig, run: RunShape) => PruningMethod>> = {
  soft,
  str,
  ltp,
  gmp,
  "one-shot": oneShot,
  imp,
  snip,
  grasp,
  synflow,
  random,
  "at-init": atInit,
  masked,
  "grad-r": gradR,
};

/**
 * Make the method of a configuration. Throws ArgumentError naming the setting, the expected and the actual value.
 *
 * @example
 * const run = { totalSteps: 100, mainSteps: 100, stepsPerEpoch: 10, lr: () => 0.1, momentum: 0.9, seed: 0 };
 * const method = makePruningMethod({ schedule: "lats", threshold: 0.1, mode: "latent" }, run);
 * console.log(method.thresholdAt(0), method.thresholdAt(100)); // 0 0.1
 */
export function makePruningMethod(config: PruneConfig, run: RunShape): PruningMethod {
  const { method = "soft" } = config;
  check("method", `one of ${PRUNING_METHODS.join(", ")}`, method, PRUNING_METHODS.includes(method));
  const made = methods[method](config, run);
  // Last: a value that no method accepts is reported first.
  checkPruneConfig(config);
  return made;
}
