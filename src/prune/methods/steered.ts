// Soft thresholds with a target share of zeros in place of a final threshold D.
import type { GroupRule } from "../../optim/group_rule.ts";
import { scheduledThreshold } from "../../optim/hyper.ts";
import type { Tensor } from "../../tensor/index.ts";
import { check, type PruneConfig, type RunShape, STEERINGS, spanOf, thresholdConfig } from "../config.ts";
import type { PruningMethod, PruningRun } from "../method.ts";
import { prefixSum } from "../schedules/prefix_sum.ts";
import { SteeredThreshold } from "../steer.ts";
import { SearchedThreshold } from "../steer_search.ts";
import type { ThresholdSchedule } from "../threshold_schedule.ts";
import { type RankedAim, rankedAim } from "./ranked.ts";

/** Common part of the two ways: they move the threshold on the GPU before each step. */
type Steering = Pick<PruningMethod, "heldStep"> & {
  begin(run: PruningRun): Pick<SteeredThreshold | SearchedThreshold, "state" | "dispose">;
  step(n: number): void;
  /** Counts that the next step reads and the checkpoint lacks. */
  readonly counts?: readonly Tensor[];
  read(n: number): Promise<number>;
};

/** Return the method with the settings' target share of zeros. */
export function steered(
  method: PruningMethod,
  schedule: ThresholdSchedule,
  config: PruneConfig,
  run: RunShape,
): PruningMethod {
  const { steer = "lambda" } = config;
  const aim = rankedAim(config, method.name);
  check("mode", "latent with a target sparsity", method.group.mode, method.group.mode === "latent");
  check("schedule", "a schedule that rises from 0, with a target sparsity", "constant", config.schedule !== "constant");
  check("steer", `one of ${STEERINGS.join(", ")}`, steer, STEERINGS.includes(steer));
  const { freeze } = spanOf(config, run);
  const how = steer === "lambda" ? bySearch(aim, schedule, config, run) : byThreshold(aim, schedule, freeze);
  const zero = { threshold: 0, thresholdNext: 0, tau: 0 };
  const { setFinal: _aimsAtTheTarget, ...common } = method;
  let made: ReturnType<Steering["begin"]> | undefined;
  return {
    ...common,
    values: () => zero,
    thresholdAt: () => null,
    progressAt: (n) => schedule.fraction(Math.min(n, freeze)),
    increment: () => 0,
    ...(how.heldStep ? { heldStep: how.heldStep } : {}),
    begin(given) {
      made = how.begin(given);
    },
    beforeStep(n) {
      if (made && n < freeze) how.step(n);
    },
    readThreshold: async (n) => (made && n > 0 ? how.read(Math.min(n, freeze)) : 0),
    state() {
      const counts = (how.counts ?? []).map((t, i) => [`steer.counts.${i}`, t] as const);
      return new Map(made ? [[`steer.${steer}`, made.state], ...counts] : []);
    },
    dispose() {
      made?.dispose();
      for (const t of how.counts ?? []) t.dispose();
    },
  };
}

/** Return where the thresholds of the pruned groups are on the GPU. */
const targetsOf = ({ optimizer }: PruningRun) =>
  optimizer.groups
    .filter((g) => g.options.mode !== "none")
    .flatMap((g) => g.chunks.map((c) => scheduledThreshold(c.hyper)));

function byThreshold(aim: RankedAim, schedule: ThresholdSchedule, freeze: number): Steering {
  let steer: SteeredThreshold;
  return {
    begin(run) {
      const { chunks, target } = aim(run);
      const arenas = chunks.map((c) => c.arena);
      steer = new SteeredThreshold(arenas, targetsOf(run), { target });
      return steer;
    },
    step(n) {
      // Always measure in the last step of the schedule and of pruning.
      const ends = (schedule.fraction(n + 1) === 1 && schedule.fraction(n) < 1) || n + 1 === freeze;
      steer.step(n, schedule.fraction(n + 1), ends ? { measure: true } : {});
    },
    // The state holds the threshold after the last step enqueued.
    read: async () => (await steer.state.data())[0]!,
  };
}

/** Compute the share by which weight decay shrinks an idle latent weight, per learning rate. */
function shrinkageOf({ settings, addsDecay }: GroupRule): number {
  const { weightDecay, momentum, decayTarget } = settings;
  return addsDecay && decayTarget === "latent" ? weightDecay / (1 - momentum) : 0;
}

function bySearch(aim: RankedAim, schedule: ThresholdSchedule, config: PruneConfig, run: RunShape): Steering {
  const { pruningStartStep: start = 0, windowSteps: steps = 1 } = thresholdConfig(config, run);
  const { fraction } = schedule;
  const rates = prefixSum(steps, (i) => run.lr(start + i));
  const squares = prefixSum(steps, (i) => run.lr(start + i) ** 2);
  const inWindow = (n: number) => Math.min(Math.max(0, n - start), steps);
  const spent = config.schedule === "lats" ? fraction : (n: number) => rates.fraction(inWindow(n));
  let steer: SearchedThreshold;
  const live: Tensor[] = [];
  /** D and the step from which it is held, once they were read. */
  let held: { readonly final: number; readonly from: number } | null = null;
  return {
    begin(own) {
      const { chunks, target, members } = aim(own);
      // Counts of groups are no part of the optimiser's state.
      for (const { counts, from, layers } of chunks) if (from > 0) live.push(counts.alias([layers], false, from));
      const { rule } = own.optimizer.groups.find((g) => g.options.mode !== "none")!;
      // Adaptive steps divide by the size of the gradients, so they fall with the rate only.
      const squared = rule.buffers.moments > 0 ? spent : (n: number) => squares.fraction(inWindow(n));
      const decay = shrinkageOf(rule) * rates.total;
      steer = new SearchedThreshold(chunks, targetsOf(own), {
        target,
        start,
        steps,
        fraction,
        spent,
        squared,
        members,
        decay,
      });
      return steer;
    },
    step: (n) => steer.step(n),
    counts: live,
    async read(n) {
      const { threshold, final, heldFrom } = await steer.read();
      if (heldFrom === null || n < heldFrom) return threshold;
      held = { final, from: heldFrom };
      return final * fraction(n);
    },
    heldStep(n) {
      if (held === null || n < held.from) return null;
      return { threshold: held.final * fraction(n), increment: held.final * schedule.increment(n) };
    },
  };
}
