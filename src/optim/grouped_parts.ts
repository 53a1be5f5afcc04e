// Connects the optimisers with thresholds on groups of weights: pages without them do not load their kernels.
import { OpError } from "../gpu/index.ts";
import type { GroupRule } from "./group_rule.ts";

/** Class of an optimiser. */
export type GroupedName = "SGD" | "Adam" | "AdamW" | "RMSProp";

/** Makes the rule of a parameter group with thresholds on groups of weights, from that with thresholds on single weights. */
type Grouping = (name: GroupedName, rule: GroupRule) => GroupRule;

let grouping: Grouping | null = null;

/** Provide the rule. `enableWeightGroups` does this. */
export function setGrouping(given: Grouping): void {
  grouping = given;
}

/** Return the rule, with thresholds on groups of weights if its settings have them. Throws OpError if they are not loaded. */
export function groupedRule(name: GroupedName, rule: GroupRule): GroupRule {
  const { group, groupShare } = rule.settings;
  if (!group) {
    if (groupShare === undefined) return rule;
    throw new OpError(name, "groupShare: expected nothing without group");
  }
  if (grouping) return grouping(name, rule);
  throw new OpError(name, "group: expected groups made by pruningGroups(), which loads group thresholds");
}
