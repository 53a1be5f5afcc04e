// The methods by name. To add one: a file beside these that makes a PruningMethod, a name in ../config.ts, a line here.
import { check, PRUNING_METHODS, type PruneConfig, type PruningMethodName, type RunShape } from "../config.ts";
import type { PruningMethod } from "../method.ts";
import { checkPruneConfig } from "../uses.ts";
import { atInit } from "./at_init.ts";
import { gmp, oneShot } from "./gmp.ts";
import { ltp } from "./ltp.ts";
import { masked } from "./masked.ts";
import { random } from "./random.ts";
import { snip } from "./snip.ts";
import { softThreshold } from "./soft.ts";
import { str } from "./str.ts";

const methods: Readonly<Record<PruningMethodName, (config: PruneConfig, run: RunShape) => PruningMethod>> = {
  soft: softThreshold,
  str,
  ltp,
  gmp,
  "one-shot": oneShot,
  snip,
  random,
  "at-init": atInit,
  masked,
};

/** The method that a configuration asks for. Throws ArgumentError naming the setting, what was wanted and what was given. */
export function makePruningMethod(config: PruneConfig, run: RunShape): PruningMethod {
  const { method = "soft" } = config;
  check("method", `one of ${PRUNING_METHODS.join(", ")}`, method, PRUNING_METHODS.includes(method));
  const made = methods[method](config, run);
  // Last: a value that no method takes is told before one that another method would.
  checkPruneConfig(config);
  return made;
}
