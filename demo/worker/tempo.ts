// The tempo of a run: a run takes about the same time by the clock on every GPU that is fast enough.
import type { Tempo } from "../shared/protocol.ts";
import type { Turns } from "./turns.ts";

/** Duration of a whole run, in ms; absent: as fast as possible. */
const RUN_MS: Readonly<Partial<Record<Tempo, number>>> = { slow: 100_000, normal: 25_000 };
/** Least steps per second: a run of few steps is shorter. */
const LEAST_RATE = 4;
/** Time between two grants of steps, in ms: one frame. */
const FRAME_MS = 16;
/** Steps that a slow GPU may lag behind, in seconds of the tempo: a pause of the GPU causes no burst afterwards. */
const LAG_S = 0.1;

/** Return the steps per second of a run of `totalSteps`; infinity without a limit. */
export function stepsPerSecond(tempo: Tempo, totalSteps: number): number {
  const ms = RUN_MS[tempo];
  return ms === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST_RATE, (1000 * totalSteps) / ms);
}

/** Grants steps to running lanes, some each frame. The GPU is never made to wait within a step. */
export class Metronome {
  private readonly turns: Turns;
  private readonly totalSteps: number;
  private rate = Number.POSITIVE_INFINITY;
  private timer: ReturnType<typeof setInterval> | null = null;
  private last = 0;
  private credit = 0;

  constructor(turns: Turns, totalSteps: number) {
    this.turns = turns;
    this.totalSteps = totalSteps;
  }

  set(tempo: Tempo): void {
    this.rate = stepsPerSecond(tempo, this.totalSteps);
    if (this.turns.running) this.start();
  }

  /** Begin to grant steps. Call it when the lanes start to run. */
  start(): void {
    this.stop();
    if (this.rate === Number.POSITIVE_INFINITY) return;
    this.last = performance.now();
    this.credit = this.turns.step + 1;
    this.turns.grantUpTo(this.credit);
    this.timer = setInterval(() => this.tick(), FRAME_MS);
  }

  /** Grant every step. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.turns.grantUpTo(Number.POSITIVE_INFINITY);
  }

  private tick(): void {
    const { turns, rate } = this;
    if (!turns.running || turns.finished) {
      this.stop();
      return;
    }
    const now = performance.now();
    const most = turns.step + Math.max(1, rate * LAG_S);
    this.credit = Math.min(most, this.credit + (rate * (now - this.last)) / 1000);
    this.last = now;
    turns.grantUpTo(Math.floor(this.credit));
  }
}
