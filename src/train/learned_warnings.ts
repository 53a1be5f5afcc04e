// Warnings about LTP's thresholds, once per run: those that no weight is near, and those whose rise the step limit decides.
import { warnOnce } from "../gpu/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { PruningMethod } from "../prune/method.ts";
import type { EpochRecord } from "./fit.ts";

/** Share of the latest steps that the limit may cut on one side. */
const OFTEN = 0.5;
/** Steps of pruning after which a threshold that still rises at its limit is no start: 1.05^200 is 17,000. */
const START = 200;
/** Relative change of a threshold in an epoch that counts as none. */
const STILL = 1e-3;
const SHOWN = 4;

/** Thresholds without a weight near them at the end of the last epoch, by layer. */
const lonely = new WeakMap<Optimizer, ReadonlyMap<string, number>>();

function list(names: readonly string[]): string {
  return names.length <= SHOWN
    ? names.join(", ")
    : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;
}

/** Warn of thresholds that stall or that their step limit holds back, from the record of an epoch. */
export function warnOfLearned(
  optimizer: Optimizer,
  method: PruningMethod,
  { layers, step }: Pick<EpochRecord, "layers" | "step">,
): void {
  const ltp = optimizer.groups.find((g) => g.options.mode === "ltp")?.options.ltp;
  if (!ltp) return;
  const named = (is: (layer: EpochRecord["layers"][number]) => boolean) => layers.filter(is).map((l) => l.name);
  const prunes = (n: number) => n >= 0 && method.phase(n) === "prune";
  const before = lonely.get(optimizer);
  const alone = ltp.l0 > 0 ? layers.filter((l) => l.transition === 0 && l.zeros < l.weights) : [];
  lonely.set(optimizer, new Map(alone.map((l) => [l.name, l.threshold ?? 0])));
  const still = alone.filter(({ name, threshold }) => {
    const was = before?.get(name);
    return was !== undefined && Math.abs((threshold ?? 0) - was) <= STILL * was;
  });
  if (still.length > 0)
    warnOnce(
      optimizer,
      "stall",
      `SGD: mode ltp: the threshold of ${list(still.map((l) => l.name))} stayed for an epoch, since no weight is within 4 T of it: neither loss nor price moves it. A larger ltp.temperature (${ltp.temperature}) widens the gates`,
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
