// Names of the two networks in plain words: "Pruned" and "Not pruned", with the method only where both are pruned.
import { named, t } from "../texts/text.ts";

export const methodName = (method: string): string => named("method", method);

/** Return a different name for each network, by the names of their methods. */
export function laneNames(methods: readonly string[]): string[] {
  const pruned = methods.filter((method) => method !== "dense").length;
  const names = methods.map((method) => {
    if (method === "dense") return t("lane.whole");
    return pruned > 1 ? t("lane.by", { method: methodName(method) }) : t("lane.pruned");
  });
  const twins = names.length > 1 && names[0] === names[1];
  return twins ? names.map((name, i) => t("lane.twin", { name, n: i + 1 })) : names;
}
