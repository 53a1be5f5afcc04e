// The methods that read each setting of a PruneConfig. A setting that the method does not read is refused, since it is probably
// a mistake.
import { ArgumentError, type SettingUse, type UsesOf, useFault } from "../text/index.ts";
import type { PruneConfig, PruningMethodName } from "./config.ts";

type Use = SettingUse<PruneConfig>;

const methodOf = ({ method = "soft" }: PruneConfig): PruningMethodName => method;
/** Return true for method soft with a schedule. Dense training is soft with schedule none. */
const soft = (config: PruneConfig) => methodOf(config) === "soft" && config.schedule !== "none";
const isOne =
  (...methods: readonly PruningMethodName[]) =>
  (config: PruneConfig) =>
    methods.includes(methodOf(config));
const scheduled = (config: PruneConfig) => soft(config) || methodOf(config) === "at-init";
const ofMethod = (name: PruningMethodName): Use => ({ what: `method ${name}`, when: isOne(name) });
/** Accept 0 without thresholds: it means that no weight is pruned. */
const ofAims = (): Use => ({ ...ofThresholds, idle: 0 });
const ofThresholds: Use = { what: "the soft thresholds of method soft and at-init", when: scheduled };

export const PRUNE_USES: UsesOf<PruneConfig> = {
  method: null,
  schedule: { what: "method soft and at-init", when: isOne("soft", "at-init") },
  threshold: ofAims(),
  lambda: ofAims(),
  sparsity: {
    what: "soft thresholds and method gmp, one-shot, snip and random",
    when: (config) => soft(config) || isOne("at-init", "gmp", "one-shot", "snip", "random")(config),
  },
  mode: ofThresholds,
  accelerated: { what: "the soft thresholds of method soft", when: soft, idle: false },
  startEpoch: {
    what: "soft thresholds and method str, ltp, gmp and one-shot",
    when: (config) => soft(config) || isOne("str", "ltp", "gmp", "one-shot")(config),
    idle: 0,
  },
  beta: {
    what: "schedule pgh and pgh-general",
    when: (config) => scheduled(config) && (config.schedule === "pgh" || config.schedule === "pgh-general"),
  },
  window: {
    what: "soft thresholds that rise and method gmp",
    // With a constant threshold the window matters if D is lambda times the sum of its learning rates.
    when: (config) =>
      (soft(config) && (config.schedule !== "constant" || config.lambda !== undefined)) || isOne("gmp")(config),
  },
  freezeEpoch: {
    what: "soft thresholds and method str, ltp and gmp",
    when: (config) => soft(config) || isOne("str", "ltp", "gmp")(config),
  },
  dense: { what: "runs that prune", when: (config) => soft(config) || methodOf(config) !== "soft", idle: [] },
  every: ofMethod("gmp"),
  str: ofMethod("str"),
  ltp: ofMethod("ltp"),
  snipBatches: ofMethod("snip"),
  initEpochs: ofMethod("at-init"),
};

/** The type requires these two keys for every method. */
const IN_EVERY_CONFIG: UsesOf<PruneConfig> = { ...PRUNE_USES, schedule: null, mode: null };

/** Check the keys. Errors: ArgumentError for a setting that is unknown, or that the method does not read. */
export function checkPruneConfig(config: PruneConfig): void {
  const fault = useFault(config, IN_EVERY_CONFIG);
  if (fault !== null) throw new ArgumentError(`pruning: ${fault}`);
}
