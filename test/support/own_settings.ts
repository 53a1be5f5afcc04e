// Settings that belong to some schedules alone, for tests that go through all of them: others refuse them.
import type { LrConfig } from "../../src/optim/lr_scheduler.ts";
import type { SGDOptions, ThresholdMode } from "../../src/optim/sgd.ts";
import type { ThresholdScheduleName } from "../../src/prune/threshold_schedule.ts";

/** The factor of threshold schedules that bend the pressure. */
export const bent = (schedule: ThresholdScheduleName, beta: number): { readonly beta?: number } =>
  schedule === "pgh" || schedule === "pgh-general" ? { beta } : {};

const OWN: Record<LrConfig["schedule"], readonly string[]> = {
  constant: [],
  cosine: ["min"],
  multistep: ["milestones", "gamma"],
  step: ["every", "gamma"],
};

/** A learning-rate schedule without the settings of the others. */
export function ownRates(config: LrConfig): LrConfig {
  const others = ["min", "milestones", "every", "gamma"].filter((key) => !OWN[config.schedule].includes(key));
  return Object.fromEntries(Object.entries(config).filter(([key]) => !others.includes(key))) as unknown as LrConfig;
}

/** Options of learned thresholds, those of the mode alone. */
export function ownLearned(
  mode: ThresholdMode | undefined,
  options: Pick<SGDOptions, "str" | "ltp">,
): Pick<SGDOptions, "str" | "ltp"> {
  if (mode === "str" && options.str) return { str: options.str };
  return mode === "ltp" && options.ltp ? { ltp: options.ltp } : {};
}
