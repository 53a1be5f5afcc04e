// Who may take the next step: lanes go in lockstep, so that both see the same batch at the same time and either can be
// held at an exact step. It knows steps only, no networks.

/**
 * Step n of a lane comes after step n - 1 of every lane, and after step n of the lanes before it. Nobody takes step `limit`
 * or a later one. A lane that has ended holds nobody up.
 */
export class Turns {
  /** Steps that each lane has taken, and those with the one it was granted and is about to take. */
  private readonly done: number[];
  private readonly granted: number[];
  private readonly ended: boolean[];
  private readonly parked: boolean[];
  private readonly wakers: (() => void)[] = [];
  private readonly onStill: () => void;
  private limit: number;
  private told = true;

  /** All lanes stand at `start`, held. `onStill` is called once whenever all have come to stand after they could move. */
  constructor(lanes: number, start: number, onStill: () => void) {
    this.done = new Array<number>(lanes).fill(start);
    this.granted = [...this.done];
    this.ended = new Array<boolean>(lanes).fill(false);
    this.parked = new Array<boolean>(lanes).fill(false);
    this.limit = start;
    this.onStill = onStill;
  }

  /** Steps that all lanes have taken. */
  get step(): number {
    return Math.min(...this.done);
  }
  /** Whether lanes may go on without end. */
  get running(): boolean {
    return this.limit === Number.POSITIVE_INFINITY;
  }
  /** Whether every lane has ended. */
  get finished(): boolean {
    return this.ended.every(Boolean);
  }
  /** Whether nobody moves: all lanes wait at the limit, or have ended. */
  get still(): boolean {
    return this.done.every((n, i) => this.ended[i] || (this.parked[i] && n >= this.limit));
  }

  run(): void {
    this.setLimit(Number.POSITIVE_INFINITY);
  }
  /** Lanes that are a step behind still take it, so that all stand at the same one. */
  pause(): void {
    this.setLimit(Math.max(...this.granted));
  }
  /** `steps` more of each lane from where they stand. */
  allow(steps: number): void {
    this.setLimit(Math.max(...this.granted) + steps);
  }

  private setLimit(limit: number): void {
    this.limit = limit;
    this.told = false;
    this.wake();
    this.tell();
  }

  /** Whether this step is one that nobody may take now. */
  holds(step: number): boolean {
    return step >= this.limit;
  }

  mayStep(lane: number, step: number): boolean {
    if (step >= this.limit) return false;
    return this.done.every((n, other) => other === lane || this.ended[other] || n >= (other < lane ? step + 1 : step));
  }

  /** The lane is about to take this step: a pause now holds the others behind it, not it. */
  grant(lane: number, step: number): void {
    this.granted[lane] = step + 1;
  }

  /** The lane has taken so many steps. */
  took(lane: number, done: number): void {
    this.done[lane] = done;
    this.granted[lane] = done;
    this.wake();
  }

  /** The lane takes no more steps. */
  end(lane: number): void {
    this.ended[lane] = true;
    this.wake();
    this.tell();
  }

  /** Resolves when anything has changed; the lane counts as waiting meanwhile. */
  async change(lane: number): Promise<void> {
    this.parked[lane] = true;
    const changed = new Promise<void>((resolve) => this.wakers.push(resolve));
    this.tell();
    await changed;
    this.parked[lane] = false;
  }

  /** Lets waiting lanes look again. */
  wake(): void {
    for (const waker of this.wakers.splice(0)) waker();
  }

  private tell(): void {
    if (this.told || !this.still) return;
    this.told = true;
    this.onStill();
  }
}
