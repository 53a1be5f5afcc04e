// Plays a film by the clock: calls back with each step.

/** Time between two calls, in ms. */
const TICK_MS = 80;

export class Player {
  private timer: ReturnType<typeof setInterval> | null = null;

  get playing(): boolean {
    return this.timer !== null;
  }

  /** Play the steps `from` to `to` within `ms`; then call `ended`. A film that plays is stopped first. */
  play(from: number, to: number, ms: number, show: (step: number) => void, ended: () => void): void {
    this.stop();
    const began = performance.now();
    this.timer = setInterval(() => {
      const share = Math.min(1, (performance.now() - began) / ms);
      show(from + (to - from) * share);
      if (share < 1) return;
      this.stop();
      ended();
    }, TICK_MS);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
