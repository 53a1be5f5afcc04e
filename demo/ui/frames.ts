// Schedules drawing: at most once a frame, for a few milliseconds, and only what changed and is visible.

/** Draws. Returns true to be drawn again in the next frame, as during an animation. */
type Draw = (now: number) => boolean;

/** Drawing time per frame, in ms; scrolling and typing stay smooth. */
const BUDGET_MS = 8;

interface Job {
  readonly draw: Draw;
  /** Least time between two drawings, in ms. */
  readonly every: number;
  last: number;
  dirty: boolean;
  seen: boolean;
}

export class Frames {
  private readonly jobs = new Map<Element, Job>();
  private readonly observer: IntersectionObserver;
  private requested = false;
  private next = 0;

  constructor() {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const job = this.jobs.get(entry.target);
          if (!job) continue;
          job.seen = entry.isIntersecting;
        }
        this.request();
      },
      { rootMargin: "120px" },
    );
  }

  /** Add a drawing. `element` decides if it is visible. `every`: least time between two drawings, in ms. */
  add(element: Element, draw: Draw, every = 0): void {
    this.jobs.set(element, { draw, every, last: Number.NEGATIVE_INFINITY, dirty: true, seen: false });
    this.observer.observe(element);
  }

  remove(element: Element): void {
    this.jobs.delete(element);
    this.observer.unobserve(element);
  }

  /** Draw an element again in the next frame. */
  mark(element: Element): void {
    const job = this.jobs.get(element);
    if (!job) return;
    job.dirty = true;
    if (job.seen) this.request();
  }

  markAll(): void {
    for (const job of this.jobs.values()) job.dirty = true;
    this.request();
  }

  private request(): void {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame((now) => this.frame(now));
  }

  private frame(now: number): void {
    this.requested = false;
    const jobs = [...this.jobs.values()];
    const started = performance.now();
    let again = false;
    let i = 0;
    for (; i < jobs.length; i++) {
      // Continue after the last drawing of the previous frame, so that every element gets its turn.
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
    if (again || i < jobs.length) this.request();
  }
}
