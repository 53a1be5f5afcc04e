// A threshold schedule whose final value may change during the run.
import type { StepValues } from "../optim/index.ts";
import type { ThresholdSchedule } from "./threshold_schedule.ts";

/**
 * d(n) = D f(n) by the schedule until `setFinal` changes D. Each later step takes the new D f(n + 1), or the threshold in force
 * if that is higher: the threshold never falls, so a short move of a slider regrows no weight.
 */
export class LiveThreshold {
  private readonly schedule: ThresholdSchedule;
  /** D of the latest change, and the threshold after each step since. */
  private moved: { readonly final: number; readonly from: number; readonly after: Map<number, number> } | null = null;
  private latest = 0;

  constructor(schedule: ThresholdSchedule) {
    this.schedule = schedule;
  }

  setFinal(final: number): void {
    const after = new Map([[this.latest, this.at(this.latest)]]);
    this.moved = { final, from: this.latest, after };
  }

  /** Return the threshold in force after n steps; before the last change, that of the schedule. */
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

  /** Return the numbers of step n for the optimiser. */
  step(n: number): StepValues {
    this.latest = n + 1;
    return { threshold: this.at(n), thresholdNext: this.at(n + 1), tau: this.increment(n) };
  }
}
