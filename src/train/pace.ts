// How much work lies before the GPU of a run that may be stopped: about a second's, so that a signal is not waited for longer.
import { currentGpu } from "../gpu/index.ts";

/** Seconds of work that may lie before the GPU. */
const AHEAD = 1;
const MOST = 4096;

/** What is waited for, and the time; for tests. */
export interface PaceHost {
  readonly wait: () => Promise<void>;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * Waits for the GPU after ever more pieces of work until they take a second. It changes no number, and costs a moment once a
 * second: on a GPU where a step takes a millisecond it waits every 512 steps or so, where it takes seconds after each.
 */
export class Pace {
  private readonly host: PaceHost;
  private stride = 1;
  private ahead = 0;
  private began: number;

  constructor(host: PaceHost = { wait: () => currentGpu().wait(), now: () => performance.now() }) {
    this.host = host;
    this.began = host.now();
  }

  /** Called after each piece that was enqueued. */
  async enqueued(): Promise<void> {
    if (++this.ahead < this.stride) return;
    await this.host.wait();
    const now = this.host.now();
    const seconds = (now - this.began) / 1000;
    if (seconds < AHEAD / 2) this.stride = Math.min(2 * this.stride, MOST);
    else if (seconds > AHEAD) this.stride = Math.max(1, Math.floor(this.stride / 2));
    this.ahead = 0;
    this.began = now;
  }
}
