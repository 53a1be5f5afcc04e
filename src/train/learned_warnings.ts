// Warnings about LTP's thresholds, once per run: those that no weight is near, and those whose rise the step limit decides.
import { warnOnce } from "../gpu/index.ts";
import type { SGD } from "../optim/sgd.ts";
import type { PruningMethod } from "../prune/method.ts";
import type { EpochRecord } from "./fit.ts";

/** Share of the latest steps that the limit may cut on one side. */
const OFTEN = 0.5;
/** Steps of pruning after which a threshold that still rises at its limit is no start: 1.05^200 is 17,000. */
const START = 200;
const SHOWN = 4;

function list(names: readonly string[]): string {
  return names.length <= SHOWN
    ? names.join(", ")
    : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;
}

/** Warn of thresholds that stall or that their step limit holds back, from the record of an epoch. */
export function warnOfLearned(
  optimizer: SGD,
  method: PruningMethod,
  { layers, step }: Pick<EpochRecord, "layers" | "step">,
): void {
  const ltp = optimizer.groups.find((g) => g.options.mode === "ltp")?.options.ltp;
  if (!ltp) return;
  const named = (is: (layer: EpochRecord["layers"][number]) => boolean) => layers.filter(is).map((l) => l.name);
  const prunes = (n: number) => n >= 0 && method.phase(n) === "prune";
  const still = ltp.l0 > 0 ? named((l) => l.transition === 0 && l.zeros < l.weights) : [];
  if (still.length > 0)
    warnOnce(
      optimizer,
      "stall",
      `SGD: mode ltp: no weight is within 4 T of the threshold of ${list(still)}, so neither loss nor price moves it now: a larger ltp.temperature (${ltp.temperature}) widens the gates`,
    );
  // At first all thresholds rise as fast as they may.
  const isStart = prunes(step) && !prunes(step - START);
  const held = isStart ? [] : named((l) => Math.abs(l.limited ?? 0) > OFTEN);
  if (held.length > 0)
    warnOnce(
      optimizer,
      "limit",
      `SGD: mode ltp: the step limit decides the threshold of ${list(held)}, not loss and price: most of the latest steps of pruning were cut to ltp.clip (${ltp.clip}). Raise it, prune for more steps, or lower ltp.l0 (${ltp.l0}) or ltp.lr (${ltp.lr})`,
    );
}
