// When things are drawn: once a frame at most, a few milliseconds of it, only what changed and can be seen.

/** Draws; true where it has to be drawn again in the next frame, as while something fades. */
export type Draw = (now: number) => boolean;

/** Of one frame, so that scrolling and typing stay smooth. */
const BUDGET_MS = 8;

interface Job {
  readonly draw: Draw;
  /** Least time from one drawing to the next, in ms, and when the last one was. */
  readonly every: number;
  last: number;
  dirty: boolean;
  seen: boolean;
}

export class Frames {
  private readonly jobs = new Map<Element, Job>();
  private readonly observer: IntersectionObserver;
  private asked = false;
  private next = 0;

  constructor() {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const job = this.jobs.get(entry.target);
          if (!job) continue;
          job.seen = entry.isIntersecting;
        }
        this.ask();
      },
      { rootMargin: "120px" },
    );
  }

  /** `element` decides whether it can be seen. `every`: least time from one drawing to the next, in ms. */
  add(element: Element, draw: Draw, every = 0): void {
    this.jobs.set(element, { draw, every, last: Number.NEGATIVE_INFINITY, dirty: true, seen: false });
    this.observer.observe(element);
  }

  remove(element: Element): void {
    this.jobs.delete(element);
    this.observer.unobserve(element);
  }

  /** To be drawn in the next frame. */
  mark(element: Element): void {
    const job = this.jobs.get(element);
    if (!job) return;
    job.dirty = true;
    if (job.seen) this.ask();
  }

  markAll(): void {
    for (const job of this.jobs.values()) job.dirty = true;
    this.ask();
  }

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  private frame(now: number): void {
    this.asked = false;
    const jobs = [...this.jobs.values()];
    const started = performance.now();
    let again = false;
    let i = 0;
    for (; i < jobs.length; i++) {
      // Turns go on where the last frame stopped: nothing starves.
      const job = jobs[(this.next + i) % jobs.length]!;
      if (!job.dirty || !job.seen) continue;
      if (now - job.last < job.every) {
        again = true;
        continue;
      }
      if (performance.now() - started > BUDGET_MS) break;
      job.last = now;
      job.dirty = job.draw(now);
      again ||= job.dirty;
    }
    this.next = jobs.length > 0 ? (this.next + i) % jobs.length : 0;
    if (again || i < jobs.length) this.ask();
  }
}
