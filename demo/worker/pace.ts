// Limits optional work to an interval and to a share of the time; measures training speed.

interface PaceOptions {
  /** Least time between two starts, in ms. */
  readonly every: number;
  /** Largest share of the time that the work may take, 0 to 1. Default 1. */
  readonly share?: number;
}

export class Pace {
  private readonly every: number;
  private readonly share: number;
  private next = Number.NEGATIVE_INFINITY;
  private began = Number.NEGATIVE_INFINITY;

  constructor({ every, share = 1 }: PaceOptions) {
    this.every = every;
    this.share = share;
  }

  due(now: number): boolean {
    return now >= this.next;
  }
  /** Record a start. */
  begin(now: number): void {
    this.began = now;
    this.next = now + this.every;
  }
  /** Record that the work took this many ms. */
  cost(ms: number): void {
    this.next = Math.max(this.next, this.began + ms / this.share);
  }
}

/** Steps per second over about the last second. */
export class SpeedMeter {
  private readonly marks: { readonly step: number; readonly at: number }[] = [];

  /** Record a finished step and return steps per second, or null at the first mark. */
  mark(step: number, at: number): number | null {
    const { marks } = this;
    marks.push({ step, at });
    // Keep one mark that is at least a second old.
    while (marks.length > 2 && marks[1]!.at <= at - 1000) marks.shift();
    const first = marks[0]!;
    return at > first.at && step > first.step ? ((step - first.step) * 1000) / (at - first.at) : null;
  }

  /** Forget all marks, after a pause. */
  reset(): void {
    this.marks.length = 0;
  }
}
