// A threshold schedule whose final value may change while it runs.
import type { StepValues } from "../optim/index.ts";
import type { ThresholdSchedule } from "./threshold_schedule.ts";

/**
 * d(n) = D f(n) as the schedule says, until someone moves D. From then on each step aims at the new D f(n + 1), and the
 * threshold in force is kept where that is lower: it never falls, so nothing that is pruned comes back by a slip of the hand.
 */
export class LiveThreshold {
  private readonly schedule: ThresholdSchedule;
  /** D by the latest change, and the threshold after each step since. */
  private moved: { readonly final: number; readonly from: number; readonly after: Map<number, number> } | null = null;
  private latest = 0;

  constructor(schedule: ThresholdSchedule) {
    this.schedule = schedule;
  }

  setFinal(final: number): void {
    const after = new Map([[this.latest, this.at(this.latest)]]);
    this.moved = { final, from: this.latest, after };
  }

  /** Threshold in force after n steps: of steps before the last change, what the schedule says. */
  at(n: number): number {
    const { moved, schedule } = this;
    if (!moved || n < moved.from) return schedule.at(n);
    const { after, final, from } = moved;
    for (let k = from + after.size; k <= n; k++) {
      after.set(k, Math.max(after.get(k - 1)!, final * schedule.fraction(k)));
    }
    return after.get(n)!;
  }

  increment(n: number): number {
    const { moved, schedule } = this;
    return !moved || n < moved.from ? schedule.increment(n) : this.at(n + 1) - this.at(n);
  }

  /** Numbers of step n for the optimiser. */
  step(n: number): StepValues {
    this.latest = n + 1;
    return { threshold: this.at(n), thresholdNext: this.at(n + 1), tau: this.increment(n) };
  }
}
