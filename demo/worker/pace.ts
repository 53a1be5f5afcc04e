// How often something optional is done: not more often than wanted, and not so often that it costs more than its share.

export interface PaceOptions {
  /** Least time between two beginnings, in ms. */
  readonly every: number;
  /** Largest share of the time that it may take, 0 to 1. Default 1. */
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
  /** It begins now. */
  begin(now: number): void {
    this.began = now;
    this.next = now + this.every;
  }
  /** It has taken so many ms since it began. */
  cost(ms: number): void {
    this.next = Math.max(this.next, this.began + ms / this.share);
  }
}

/** Images per second over about the last second, from the steps that are known to be done. */
export class SpeedMeter {
  private readonly marks: { readonly step: number; readonly at: number }[] = [];

  /** The rate up to this mark, in steps per second; null before there are two marks. */
  mark(step: number, at: number): number | null {
    const { marks } = this;
    marks.push({ step, at });
    // The oldest mark that counts is the youngest at least a second old.
    while (marks.length > 2 && (marks[1] as { at: number }).at <= at - 1000) marks.shift();
    const first = marks[0] as { step: number; at: number };
    return at > first.at && step > first.step ? ((step - first.step) * 1000) / (at - first.at) : null;
  }

  /** After a rest: what was before does not count. */
  reset(): void {
    this.marks.length = 0;
  }
}
