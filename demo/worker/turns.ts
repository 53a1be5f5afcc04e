// Decides which lane takes the next step. Lanes run in lockstep: both see the same batch at the same time, and both can be
// paused at an exact step.

/**
 * Step n of a lane comes after step n - 1 of every lane, and after step n of the lanes before it. No lane takes step `limit`
 * or a later one. The others do not wait for a lane that has ended.
 */
export class Turns {
  /** Steps that each lane has taken; `granted` includes the step it is about to take. */
  private readonly done: number[];
  private readonly granted: number[];
  private readonly ended: boolean[];
  private readonly parked: boolean[];
  private readonly wakers: (() => void)[] = [];
  private readonly onIdle: () => void;
  private limit: number;
  /** Steps that the tempo of the run allows by now. */
  private due = Number.POSITIVE_INFINITY;
  private reported = true;

  /** Start with all lanes paused at `start`. `onIdle` is called each time all lanes have paused or ended. */
  constructor(lanes: number, start: number, onIdle: () => void) {
    this.done = new Array<number>(lanes).fill(start);
    this.granted = [...this.done];
    this.ended = new Array<boolean>(lanes).fill(false);
    this.parked = new Array<boolean>(lanes).fill(false);
    this.limit = start;
    this.onIdle = onIdle;
  }

  /** Number of steps that all lanes have taken. */
  get step(): number {
    return Math.min(...this.done);
  }
  /** True if lanes may run without a limit. */
  get running(): boolean {
    return this.limit === Number.POSITIVE_INFINITY;
  }
  /** True if every lane has ended. */
  get finished(): boolean {
    return this.ended.every(Boolean);
  }
  /** True if all lanes wait at the limit or have ended. */
  get idle(): boolean {
    return this.done.every((n, i) => this.ended[i] || (this.parked[i] && n >= this.limit));
  }

  run(): void {
    this.setLimit(Number.POSITIVE_INFINITY);
  }
  /** Pause all lanes at the same step: lanes that are a step behind still take it. */
  pause(): void {
    this.setLimit(Math.max(...this.granted));
  }
  /** Allow `steps` more steps of each lane. */
  allow(steps: number): void {
    this.setLimit(Math.max(...this.granted) + steps);
  }

  /** Let running lanes take this many steps in all by now; single steps are not limited. */
  grantUpTo(steps: number): void {
    const more = steps > this.due;
    this.due = steps;
    if (more) this.wake();
  }

  private setLimit(limit: number): void {
    this.limit = limit;
    this.reported = false;
    this.wake();
    this.reportIdle();
  }

  /** Return true if the limit forbids this step. */
  holds(step: number): boolean {
    return step >= this.limit;
  }

  mayStep(lane: number, step: number): boolean {
    if (step >= this.limit || (this.running && step >= this.due)) return false;
    return this.done.every((n, other) => other === lane || this.ended[other] || n >= (other < lane ? step + 1 : step));
  }

  /** Record that the lane is about to take this step: a pause from now on does not stop it. */
  grant(lane: number, step: number): void {
    this.granted[lane] = step + 1;
  }

  /** Record the number of steps that the lane has taken. */
  setDone(lane: number, done: number): void {
    this.done[lane] = done;
    this.granted[lane] = done;
    this.wake();
  }

  /** Record that the lane takes no more steps. */
  end(lane: number): void {
    this.ended[lane] = true;
    this.wake();
    this.reportIdle();
  }

  /** Wait for a change; the lane counts as waiting meanwhile. */
  async change(lane: number): Promise<void> {
    this.parked[lane] = true;
    const changed = new Promise<void>((resolve) => this.wakers.push(resolve));
    this.reportIdle();
    await changed;
    this.parked[lane] = false;
  }

  /** Wake waiting lanes. */
  wake(): void {
    for (const waker of this.wakers.splice(0)) waker();
  }

  private reportIdle(): void {
    if (this.reported || !this.idle) return;
    this.reported = true;
    this.onIdle();
  }
}
