// A threshold schedule whose final value may change during the run.
import type { StepValues } from "../optim/index.ts";
import type { ThresholdSchedule } from "./threshold_schedule.ts";

/**
 * d(n) = D f(n) by the schedule until `setFinal` changes D. Each later step takes the new D f(n + 1). Unless the threshold may fall,
 * it takes the threshold in force if that is higher: weights in place have lost their stored values and cannot return.
 */
export class LiveThreshold {
  private readonly schedule: ThresholdSchedule;
  private readonly mayFall: boolean;
  /** D of the latest change, and the threshold after each step since. */
  private moved: { readonly final: number; readonly from: number; readonly after: Map<number, number> } | null = null;
  private latest = 0;

  /** `mayFall`: latent weights, where a lower threshold lets weights return. */
  constructor(schedule: ThresholdSchedule, { mayFall }: { readonly mayFall: boolean }) {
    this.schedule = schedule;
    this.mayFall = mayFall;
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
      const aim = final * schedule.fraction(k);
      after.set(k, this.mayFall ? aim : Math.max(after.get(k - 1)!, aim));
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
