// A target share of zeros for the methods with learned thresholds, which have no final threshold: a controller moves STR's decay
// or LTP's price. ln(live weights) falls evenly to its target in the first part of pruning and is held there.
//     aim(x) = weights · (1 - target)^min(1, x / ramp)      x: progress from the start of pruning to its end
import { HYPER } from "../../optim/hyper.ts";
import type { CommonSettings } from "../../optim/optimizer_options.ts";
import { stretch } from "../../tensor/index.ts";
import { type PruneConfig, targetOf } from "../config.ts";
import type { PruningMethod } from "../method.ts";
import { SteeredKnob } from "../steer_knob.ts";
import { prunedArenas, shareOfPruned } from "./pruned.ts";

/** The number that a method aims by. */
interface Knob {
  /** Its field in the hyper buffer. */
  readonly field: "raw_decay" | "l0";
  /** Return its first value. */
  start(settings: CommonSettings): number;
  /** Return its largest value in step n; default: none. */
  most?(n: number): number;
  /** First step of pruning, and the first step after it. */
  readonly from: number;
  readonly until: number;
  /** Progress at which the target is reached. */
  readonly ramp: number;
}

/** Return the method with the settings' target share, if there is one. */
export function aimed(method: PruningMethod, config: PruneConfig, knob: Knob): PruningMethod {
  const { field, from, until, ramp } = knob;
  if (config.sparsity === undefined) return method;
  const target = targetOf(config, method.name);
  const span = until - from;
  let steer: SteeredKnob | undefined;
  let aim = (_n: number): number => 1;
  return {
    ...method,
    begin(run) {
      method.begin?.(run);
      const { model, optimizer } = run;
      const arenas = prunedArenas(optimizer);
      const weights = arenas.flatMap((a) => a.elements).reduce((sum, n) => sum + n, 0);
      const live = 1 - shareOfPruned(target, model, arenas);
      aim = (n) => Math.max(1, weights * live ** Math.min(1, (n - from) / (ramp * span)));
      const groups = optimizer.groups.filter((g) => g.options.mode !== "none");
      const chunks = groups.flatMap((g) =>
        g.chunks.map(({ counts, layers, hyper }) => ({
          counts,
          layers,
          target: stretch(hyper, HYPER.wordOf(field), 1),
        })),
      );
      const start = knob.start(groups[0]!.options);
      steer = new SteeredKnob(chunks, { start, most: knob.most?.(from), unit: field === "l0" ? 1 / weights : 1 });
    },
    beforeStep(n) {
      // Before the first update there are no counts.
      if (n >= from && n < until) steer?.step(aim(n), 1 / span, n > 0, knob.most?.(n));
    },
    state: () => new Map([...(method.state?.() ?? []), ...(steer ? [["steer.knob", steer.state] as const] : [])]),
    dispose() {
      method.dispose?.();
      steer?.dispose();
    },
  };
}
