// The watchdog: notices work that was submitted and does not end. A GPU that hangs says nothing by itself, and whoever
// waits for it waits for ever.
import { ArgumentError } from "../text/index.ts";
import { GpuHangError } from "./errors.ts";

/** Seconds without progress that are too many; or "auto": 120 on hardware, as long as its steps need on a CPU. */
export type WatchdogLimit = number | "auto";

/** Of hardware. */
const HARDWARE_SECONDS = 120;
/** Of a software adapter until some work has ended: its first submit may be a large network's. */
const UNKNOWN_SECONDS = 600;
/** Submits that have to end before their time counts, and how many times the longest of them one may take. */
const KNOWN_SUBMITS = 16;
const PATIENCE = 20;
/** A buffer is mapped as soon as its copy is done: this much later, it never will be. */
const MAP_SECONDS = 30;
/** The device is asked about work at most this often, in ms: each question keeps the host busy until it is answered. */
const ASK_MS = 20;
/** Once somebody is in a hurry (a signal asked the program to end): seconds, and times the longest submit so far. */
const HURRY_SECONDS = 10;
const HURRY_PATIENCE = 3;
/** Kernels that the error names. */
const NAMED = 8;

/** The clock, for tests. Times in milliseconds. */
export interface WatchdogClock {
  now(): number;
  every(ms: number, tick: () => void): unknown;
  clear(timer: unknown): void;
}

const clock: WatchdogClock = {
  now: () => performance.now(),
  every: (ms, tick) => setInterval(tick, ms),
  clear: (timer) => clearInterval(timer as ReturnType<typeof setInterval>),
};

interface Submit {
  readonly serial: number;
  readonly started: number;
  readonly kernels: readonly string[];
}

export interface WatchdogOptions {
  readonly limit: WatchdogLimit;
  readonly software: boolean;
  /** Settles when all that was submitted until now has run, however it ended. */
  readonly workDone: () => Promise<unknown>;
  readonly onHang: (error: GpuHangError) => void;
  readonly clock?: WatchdogClock;
}

/** The last kernels of a submit, each once, in order. */
function lastKernels(kernels: readonly string[]): string {
  const distinct = [...new Set([...kernels].reverse())].slice(0, NAMED).reverse();
  return distinct.length === 0 ? "copies only" : distinct.join(", ");
}

/**
 * Counts the time in which nothing that was submitted ends while something is waited for. Time in which the host itself
 * stands still (a compilation, a machine that sleeps) does not count: only ticks of a timer do.
 */
export class Watchdog {
  private readonly options: WatchdogOptions;
  private readonly clock: WatchdogClock;
  private readonly tickMs: number;
  private readonly submits: Submit[] = [];
  private waits = 0;
  private serial = 0;
  /** Submits up to this one are asked about. */
  private asked = 0;
  private lastAsked = Number.NEGATIVE_INFINITY;
  private done = 0;
  private longest = 0;
  private lastEnd = 0;
  private lastTick = 0;
  private idleMs = 0;
  private timer: unknown = null;
  private last: readonly string[] = [];
  private hurried = false;

  constructor(options: WatchdogOptions) {
    const { limit } = options;
    if (limit !== "auto" && !(Number.isFinite(limit) && limit > 0)) {
      throw new ArgumentError(`watchdog: expected a number of seconds > 0 or "auto", got ${limit}`);
    }
    this.options = options;
    this.clock = options.clock ?? clock;
    this.tickMs = limit === "auto" ? 1000 : Math.min(1000, Math.max(5, (1000 * limit) / 8));
  }

  /** Seconds without progress so far, of work that is pending. */
  get idleSeconds(): number {
    return this.idleMs / 1000;
  }

  /** Seconds without progress that are too many now. */
  get limitSeconds(): number {
    const { limit, software } = this.options;
    const known = this.done >= KNOWN_SUBMITS ? Math.max(HARDWARE_SECONDS, PATIENCE * this.longest) : UNKNOWN_SECONDS;
    const seconds = limit === "auto" ? (software ? known : HARDWARE_SECONDS) : limit;
    const patient = this.submits.length > 0 ? seconds : Math.min(seconds, MAP_SECONDS);
    return this.hurried ? Math.min(patient, Math.max(HURRY_SECONDS, HURRY_PATIENCE * this.longest)) : patient;
  }

  /** From now on ten seconds are enough, or three times the longest submit so far: the program has been asked to end. */
  hurry(): void {
    this.hurried = true;
  }

  /** Notes a submit of these kernels. */
  submitted(kernels: readonly string[]): void {
    const now = this.clock.now();
    if (kernels.length > 0) this.last = kernels;
    this.submits.push({ serial: ++this.serial, started: now, kernels });
    this.arm();
    if (now - this.lastAsked >= ASK_MS) this.ask(now);
  }

  private ask(now: number): void {
    const { serial } = this;
    this.asked = serial;
    this.lastAsked = now;
    const end = () => this.ended(serial);
    this.options.workDone().then(end, end);
  }

  /** Notes a wait for something that follows all submits so far; the function returned says that it is over. */
  waiting(): () => void {
    const { serial } = this;
    this.waits++;
    this.arm();
    return () => {
      this.waits--;
      this.ended(serial);
    };
  }

  /** Work runs in order: what was submitted before has ended too. */
  private ended(serial: number): void {
    const now = this.clock.now();
    while ((this.submits[0]?.serial ?? Number.POSITIVE_INFINITY) <= serial) {
      const { started } = this.submits.shift()!;
      this.longest = Math.max(this.longest, (now - Math.max(started, this.lastEnd)) / 1000);
      this.lastEnd = now;
      this.done++;
    }
    this.idleMs = 0;
    if (!this.isPending) this.rest();
  }

  private get isPending(): boolean {
    return this.submits.length > 0 || this.waits > 0;
  }

  /** A timer that is awake keeps a program alive which nothing else does: one that waits for a lost reading. */
  private arm(): void {
    if (this.timer === null) {
      this.lastTick = this.clock.now();
      this.timer = this.clock.every(this.tickMs, () => this.tick());
    }
    (this.timer as { ref?: () => void }).ref?.();
  }
  private rest(): void {
    (this.timer as { unref?: () => void } | null)?.unref?.();
  }

  private tick(): void {
    const now = this.clock.now();
    const passed = Math.min(now - this.lastTick, 2 * this.tickMs);
    this.lastTick = now;
    if (!this.isPending) {
      this.idleMs = 0;
      return;
    }
    if (this.asked < this.serial) this.ask(now);
    this.idleMs += passed;
    if (this.idleMs < 1000 * this.limitSeconds) return;
    const error = this.describe();
    this.stop();
    this.options.onHang(error);
  }

  private describe(): GpuHangError {
    const seconds = `${Number(this.idleSeconds.toPrecision(3))} s`;
    const first = this.submits[0];
    if (!first) {
      return new GpuHangError(
        `the GPU hangs: a reading has not arrived ${seconds} after all work was done; last submitted: ${lastKernels(this.last)}`,
        this.last,
      );
    }
    // A submit of copies alone says little: the kernels behind it are named then, or the last ones before it.
    const kernels = this.submits.find((submit) => submit.kernels.length > 0)?.kernels ?? this.last;
    const more = this.submits.length - 1;
    return new GpuHangError(
      `the GPU hangs: it has finished nothing for ${seconds}, at submit ${first.serial}: ${lastKernels(kernels)}${more > 0 ? ` (and ${more} more behind it)` : ""}`,
      kernels,
    );
  }

  /** Looks no longer. */
  stop(): void {
    if (this.timer !== null) this.clock.clear(this.timer);
    this.timer = null;
    this.submits.length = 0;
    this.waits = 0;
  }
}
