// The time budget of `npm run bench:gpu`: parts run in order of importance, and each has to end by a share of the whole.

/** Parts in order, and the share of the budget by which each has to end. */
export const PARTS = {
  doctor: 0.05,
  peaks: 0.13,
  "layers f32": 0.28,
  "layers f16": 0.42,
  "steps f32": 0.55,
  "steps f16": 0.68,
  overhead: 0.71,
  pytorch: 0.84,
  tuned: 1,
} as const;
export type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as Part[];

/** Work that was left out, and why. */
export interface Skipped {
  readonly part: string;
  readonly reason: string;
}

export class Budget {
  readonly skipped: Skipped[] = [];
  private readonly start: number;
  private readonly seconds: number;
  private readonly now: () => number;

  /** `now` returns seconds. */
  constructor(seconds: number, now: () => number = () => performance.now() / 1000) {
    this.seconds = seconds;
    this.now = now;
    this.start = now();
  }

  /** Return the seconds since the start. */
  get spent(): number {
    return this.now() - this.start;
  }

  /** Return the seconds that a part has left. */
  left(part: Part): number {
    return this.seconds * PARTS[part] - this.spent;
  }

  /** Return true if a part has the given seconds left; otherwise note that the work is skipped. */
  allows(part: Part, work: string, seconds: number): boolean {
    const left = this.left(part);
    if (left >= seconds) return true;
    this.skip(
      `${part}: ${work}`,
      `needs about ${seconds.toFixed(1)} s, the part has ${Math.max(0, left).toFixed(1)} s`,
    );
    return false;
  }

  skip(part: string, reason: string): void {
    this.skipped.push({ part, reason });
  }
}
