// Limits the work queued on the GPU to about a second, so that a run stops soon after a signal.
import { currentGpu } from "../gpu/index.ts";

/** Most seconds of work in the queue. */
const AHEAD = 1;
const MOST = 4096;

/** Replacements of the wait and the clock, for tests. */
interface PaceHost {
  readonly wait: () => Promise<void>;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * Waits for the GPU after a growing number of steps, until they take a second. Changes no result and costs one wait a second:
 * if a step takes a millisecond, after every 512 steps or so; if it takes seconds, after each.
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

  /** Call after each enqueued step. */
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
