// The watchdog: detects submitted work that does not end. A hanging GPU reports nothing, and a wait for it would never
// end.
import { ArgumentError } from "../text/index.ts";
import { GpuHangError } from "./errors.ts";

/** Seconds without progress that are too many. "auto": 120 on hardware; on a CPU, adapted to the duration of its steps. */
export type WatchdogLimit = number | "auto";

/** Limit on hardware. */
const HARDWARE_SECONDS = 120;
/** Limit on a software adapter until some work has ended: its first submit may be that of a large network. */
const UNKNOWN_SECONDS = 600;
/** Submits that must end before their time counts, and the factor on the longest of them. */
const KNOWN_SUBMITS = 16;
const PATIENCE = 20;
/** A buffer is mapped as soon as its copy is done. After this delay it never will be. */
const MAP_SECONDS = 30;
/** Shortest time between two questions to the device, in ms: each keeps the host busy until it is answered. */
const ASK_MS = 20;
/** Limits after a signal to end the program: seconds, and the factor on the longest submit so far. */
const HURRY_SECONDS = 10;
const HURRY_PATIENCE = 3;
/** Kernels that the error names. */
const NAMED = 8;

/** The clock, for tests. Times in milliseconds. */
interface WatchdogClock {
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
  /** Resolves when everything submitted so far has run or failed. */
  readonly workDone: () => Promise<unknown>;
  readonly onHang: (error: GpuHangError) => void;
  readonly clock?: WatchdogClock;
}

/** Return the last kernels of a submit, each once, in order. */
function lastKernels(kernels: readonly string[]): string {
  const distinct = [...new Set([...kernels].reverse())].slice(0, NAMED).reverse();
  return distinct.length === 0 ? "copies only" : distinct.join(", ");
}

/**
 * Count the time in which no submitted work ends while something is waited for. Time in which the host itself
 * pauses (a compilation, a machine that sleeps) does not count: only ticks of a timer do.
 */
export class Watchdog {
  private readonly options: WatchdogOptions;
  private readonly clock: WatchdogClock;
  private readonly tickMs: number;
  private readonly submits: Submit[] = [];
  private waits = 0;
  private serial = 0;
  /** The device was asked about submits up to this one. */
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
    if (limit !== "auto" && !(Number.isFinite(limit) && limit > 0))
      throw new ArgumentError(`watchdog: expected a number of seconds > 0 or "auto", got ${limit}`);
    this.options = options;
    this.clock = options.clock ?? clock;
    this.tickMs = limit === "auto" ? 1000 : Math.min(1000, Math.max(5, (1000 * limit) / 8));
  }

  /** Return the seconds without progress so far, for pending work. */
  get idleSeconds(): number {
    return this.idleMs / 1000;
  }

  /** Return the current limit in seconds. */
  get limitSeconds(): number {
    const { limit, software } = this.options;
    const known = this.done >= KNOWN_SUBMITS ? Math.max(HARDWARE_SECONDS, PATIENCE * this.longest) : UNKNOWN_SECONDS;
    const seconds = limit === "auto" ? (software ? known : HARDWARE_SECONDS) : limit;
    const patient = this.submits.length > 0 ? seconds : Math.min(seconds, MAP_SECONDS);
    return this.hurried ? Math.min(patient, Math.max(HURRY_SECONDS, HURRY_PATIENCE * this.longest)) : patient;
  }

  /** Shorten the limit to ten seconds, or three times the longest submit so far, after a signal to end the program. */
  hurry(): void {
    this.hurried = true;
  }

  /** Note a submit of these kernels. */
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

  /** Note a wait for something that follows all submits so far. Returns a function that ends it. */
  waiting(): () => void {
    const { serial } = this;
    this.waits++;
    this.arm();
    return () => {
      this.waits--;
      this.ended(serial);
    };
  }

  /** Work runs in order: everything submitted before has ended too. */
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

  /** Keep a timer that does not keep the program alive, except during a wait for a lost reading. */
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
    // A submit of copies alone says little: the error then names the kernels behind it, or the last ones before it.
    const kernels = this.submits.find((submit) => submit.kernels.length > 0)?.kernels ?? this.last;
    const more = this.submits.length - 1;
    return new GpuHangError(
      `the GPU hangs: it has finished nothing for ${seconds}, at submit ${first.serial}: ${lastKernels(kernels)}${more > 0 ? ` (and ${more} more behind it)` : ""}`,
      kernels,
    );
  }

  /** Stop looking. */
  stop(): void {
    if (this.timer !== null) this.clock.clear(this.timer);
    this.timer = null;
    this.submits.length = 0;
    this.waits = 0;
  }
}
