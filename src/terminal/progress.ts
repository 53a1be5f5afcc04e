// Shows how far a run is: a bar that redraws itself on a terminal, a plain line every few seconds in a log file.
import { MultiBar, type SingleBar } from "cli-progress";
import { ArgumentError, duration, significant, visibleLines } from "../text/index.ts";
import { printable, type Screen, terminalStyle, writeLine } from "./terminal.ts";

/** Values shown beside the progress, e.g. { loss: 0.0812, sparsity: "93.1 %" }. Numbers are cut to 4 digits. */
type ProgressPayload = Readonly<Record<string, number | string>>;

export interface Progress {
  /** `done` of `total` steps. Cheap: drawing happens on a timer. */
  update(done: number, total: number, payload?: ProgressPayload): void;
  /** Print a line above the bar. */
  log(line: string): void;
  /** Show the last state and release the terminal. May be called twice. */
  stop(): void;
}

/** A display that shows nothing. */
export const silent: Progress = { update: () => {}, log: () => {}, stop: () => {} };

export interface ProgressOptions {
  /** Name of the work, e.g. "train". */
  readonly label?: string | undefined;
  /** Default process.stderr, so that results on stdout stay clean. */
  readonly stream?: (NodeJS.WritableStream & Screen) | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Seconds between two lines without a terminal; default 10. */
  readonly everySeconds?: number | undefined;
  /** Clock in milliseconds, for tests. */
  readonly now?: (() => number) | undefined;
}

/**
 * Make the display that fits the stream: a bar on a terminal, else lines. Remaining time = time since the first update / steps
 * since then * steps left, so the compilation before the first step does not count.
 *
 * A bar runs a timer: call stop(), also when the run fails.
 * Errors   ArgumentError for everySeconds < 0; from update() unless 0 <= done <= total, both finite.
 */
export function createProgress(options: ProgressOptions = {}): Progress {
  const { label = "", stream = process.stderr, everySeconds = 10, now = Date.now } = options;
  if (!(everySeconds >= 0))
    throw new ArgumentError(`progress: everySeconds: expected a number >= 0, got ${everySeconds}`);
  const prefix = label === "" ? "" : `${printable(label)} `;
  const describe = describer(now);
  const write = (line: string) => writeLine(stream, line);
  return terminalStyle(stream, options.env).interactive
    ? barProgress(prefix, stream, describe, write)
    : lineProgress(prefix, everySeconds * 1000, now, describe, write);
}

interface State {
  readonly percent: number;
  /** "437/705  62 %" and what follows it. */
  readonly count: string;
  readonly values: string;
}

type Describe = (done: number, total: number, payload: ProgressPayload) => State;

function describer(now: () => number): Describe {
  let first: { done: number; at: number } | undefined;
  return (done, total, payload) => {
    if (!Number.isFinite(total) || !(done >= 0 && done <= total))
      throw new ArgumentError(`progress: done: expected a number in [0, total], got ${done} of ${total}`);
    const time = now();
    first ??= { done, at: time };
    const steps = done - first.done;
    const left = steps > 0 ? ((time - first.at) / steps) * (total - done) : Number.NaN;
    const values = Object.entries(payload).map(([name, value]) => `${printable(name)} ${format(value)}`);
    if (done < total && Number.isFinite(left)) values.push(`${duration(left / 1000, 0)} left`);
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    return { percent, count: `${done}/${total}`, values: values.map((v) => `  ${v}`).join("") };
  };
}

const CELLS = 24;

function barProgress(
  prefix: string,
  stream: NodeJS.WritableStream,
  describe: Describe,
  write: (line: string) => void,
): Progress {
  // The application decides what an interrupt does, so cli-progress must not take the signal (gracefulExit).
  const bars = new MultiBar({
    stream,
    fps: 8,
    gracefulExit: false,
    forceRedraw: true,
    hideCursor: null,
    format: (_o, _p, payload: { text: string }) => payload.text,
  });
  let bar: SingleBar | undefined;
  let stopped = false;
  return {
    update(done, total, payload = {}) {
      const { percent, count, values } = describe(done, total, payload);
      if (stopped) return;
      const full = Math.round((CELLS * percent) / 100);
      const text = `${prefix}${"█".repeat(full)}${"░".repeat(CELLS - full)} ${percent}% ${count}${values}`;
      bar ??= bars.create(total, done, { text });
      bar.setTotal(total);
      bar.update(done, { text });
    },
    log(line) {
      if (!bar || stopped) return write(line);
      bars.log(`${visibleLines(line)}\n`);
      bars.update(); // stop() would drop lines that still wait for the timer
    },
    stop() {
      if (!stopped && bar) bars.stop();
      stopped = true;
    },
  };
}

function lineProgress(
  prefix: string,
  everyMs: number,
  now: () => number,
  describe: Describe,
  write: (line: string) => void,
): Progress {
  let last = Number.NEGATIVE_INFINITY;
  let waiting: string | undefined;
  let written: string | undefined;
  let stopped = false;
  const flush = () => {
    if (waiting !== undefined && waiting !== written) write(waiting);
    written = waiting;
    waiting = undefined;
  };
  return {
    update(done, total, payload = {}) {
      const { percent, count, values } = describe(done, total, payload);
      if (stopped) return;
      waiting = `${prefix}${count} (${percent} %)${values}`;
      if (now() - last < everyMs && done < total) return;
      last = now();
      flush();
    },
    log: write,
    stop() {
      if (!stopped) flush();
      stopped = true;
    },
  };
}

function format(value: number | string): string {
  if (typeof value === "string") return printable(value);
  return Number.isInteger(value) ? String(value) : significant(value, 4);
}
