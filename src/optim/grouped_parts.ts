// Connects SGD with thresholds on groups of weights: pages without them do not load their kernels.
import { OpError } from "../gpu/index.ts";
import type { GroupRule } from "./group_rule.ts";
import type { GroupSettings } from "./sgd_options.ts";

/** Makes the rule of a parameter group with thresholds on groups of weights, from that with thresholds on single weights. */
type Grouping = (rule: GroupRule, settings: GroupSettings) => GroupRule;

let grouping: Grouping | null = null;

/** Provide the rule. `enableWeightGroups` does this. */
export function setGrouping(given: Grouping): void {
  grouping = given;
}

/** Return the rule, with thresholds on groups of weights if the settings have them. Throws OpError if they are not loaded. */
export function groupedRule(rule: GroupRule, settings: GroupSettings): GroupRule {
  const { group, groupShare } = settings;
  if (!group) {
    if (groupShare === undefined) return rule;
    throw new OpError("SGD", "groupShare: expected nothing without group");
  }
  if (grouping) return grouping(rule, settings);
  throw new OpError("SGD", "group: expected groups made by pruningGroups(), which loads group thresholds");
}
