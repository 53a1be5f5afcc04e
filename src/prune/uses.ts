// The methods that read each setting of a PruneConfig. A setting that the method does not read is refused, since it is probably
// a mistake.
import { ArgumentError, type SettingUse, type UsesOf, useFault } from "../text/index.ts";
import { mayHaveBlocks, type PruneConfig, type PruningMethodName } from "./config.ts";

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
/** Return true for a method that is given its share of zeros. */
const byShare = isOne("gmp", "one-shot", "imp", "snip", "grasp", "synflow", "random");
const ofDivided: Use = {
  what: "method gmp, one-shot, imp and random",
  when: isOne("gmp", "one-shot", "imp", "random"),
};
const ofThresholds: Use = { what: "the soft thresholds of method soft and at-init", when: scheduled };

export const PRUNE_USES: UsesOf<PruneConfig> = {
  method: null,
  schedule: { what: "method soft and at-init", when: isOne("soft", "at-init") },
  threshold: {
    what: "the soft thresholds of method soft, at-init and grad-r",
    when: (config) => scheduled(config) || isOne("grad-r")(config),
    // 0 without thresholds means that no weight is pruned.
    idle: 0,
  },
  lambda: { ...ofThresholds, idle: 0 },
  sparsity: {
    what: "soft thresholds and method str, ltp, gmp, one-shot, imp, snip, grasp, synflow and random",
    when: (config) => scheduled(config) || byShare(config) || isOne("str", "ltp")(config),
  },
  group: {
    what: "the soft thresholds of method soft and at-init, and method str, gmp, one-shot, imp, snip and random",
    when: (config) => scheduled(config) || isOne("str", "gmp", "one-shot", "imp", "snip", "random")(config),
  },
  groupShare: {
    what: "the soft thresholds of method soft and at-init, and method str",
    when: (config) => scheduled(config) || isOne("str")(config),
  },
  groupSparsity: ofThresholds,
  steer: ofThresholds,
  mode: ofThresholds,
  gradient: {
    what: "the soft thresholds of method soft and at-init in mode latent",
    when: (config) => scheduled(config) && config.mode === "latent",
    idle: "straight-through",
  },
  decayTarget: {
    what: "the soft thresholds of method soft and at-init, except FISTA",
    when: (config) => scheduled(config) && config.accelerated !== true,
  },
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
    what: "soft thresholds and method str, ltp, gmp and grad-r",
    when: (config) => soft(config) || isOne("str", "ltp", "gmp", "grad-r")(config),
  },
  compact: {
    what: "pruning whose zeros become final, without method imp",
    when: (config) => !isOne("imp")(config) && (soft(config) || methodOf(config) !== "soft"),
    idle: false,
  },
  kernels: {
    what: "pruning by groups block8 and block4, and method masked",
    when: (config) => mayHaveBlocks(config) && (soft(config) || methodOf(config) !== "soft"),
    idle: "dense",
  },
  scope: ofDivided,
  shares: ofDivided,
  rounds: { what: "method imp and synflow", when: isOne("imp", "synflow") },
  rewindEpoch: ofMethod("imp"),
  shrink: ofMethod("grad-r"),
  dense: { what: "runs that prune", when: (config) => soft(config) || methodOf(config) !== "soft", idle: [] },
  every: ofMethod("gmp"),
  str: ofMethod("str"),
  ltp: ofMethod("ltp"),
  snipBatches: { what: "method snip and grasp", when: isOne("snip", "grasp") },
  initEpochs: ofMethod("at-init"),
};

/** The type requires these two keys for every method. */
const IN_EVERY_CONFIG: UsesOf<PruneConfig> = { ...PRUNE_USES, schedule: null, mode: null };

/** Check the keys. Errors: ArgumentError for a setting that is unknown, or that the method does not read. */
export function checkPruneConfig(config: PruneConfig): void {
  const fault = useFault(config, IN_EVERY_CONFIG);
  if (fault !== null) throw new ArgumentError(`pruning: ${fault}`);
}
