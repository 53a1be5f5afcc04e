// Signals: Ctrl-C, the one by which a machine ends its programs, a terminal that is closed, and those that batch systems send
// ahead of a time limit. A command stops at a good place, or saves and goes on.
import { hurryGpu } from "../node/adapter.ts";
import { exitCodeOf, Interrupted, type StopSignal } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";

const STOP: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SAVE = ["SIGUSR1", "SIGUSR2"] as const;

export interface Stopping extends Disposable {
  /** Aborted by the first of SIGINT, SIGTERM and SIGHUP; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Whether SIGUSR1 or SIGUSR2 came since this was last asked: a checkpoint is due, and the work goes on. */
  takeSaveRequest(): boolean;
  /** The error that a command ends with after a signal; it has the exit code of that signal. */
  interrupted(message: string): Interrupted;
  /**
   * What `work` comes to; after a signal, `interrupted(message)` at once. The work then runs on unheard until the process
   * ends: for work that leaves nothing half done.
   */
  orStop<T>(work: Promise<T>, message: string): Promise<T>;
}

/** `when`: when it will stop, in words. Disposed, signals do again what they do by themselves. */
export function stopAtSignals(out: Output, when = ""): Stopping {
  const abort = new AbortController();
  let stoppedBy: StopSignal = "SIGINT";
  let saveAsked = false;
  const listeners: [NodeJS.Signals, () => void][] = STOP.map((signal) => [
    signal,
    () => {
      if (abort.signal.aborted) process.exit(exitCodeOf(signal));
      stoppedBy = signal;
      abort.abort();
      hurryGpu();
      out.say(`\nstopping${when === "" ? "" : ` ${when}`}; once more to stop at once`);
    },
  ]);
  for (const signal of SAVE)
    listeners.push([
      signal,
      () => {
        saveAsked = true;
      },
    ]);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  const interrupted = (message: string) => new Interrupted(message, stoppedBy);
  return {
    signal: abort.signal,
    interrupted,
    takeSaveRequest() {
      const asked = saveAsked;
      saveAsked = false;
      return asked;
    },
    async orStop(work, message) {
      let onAbort = () => {};
      const stopped = new Promise<never>((_, reject) => {
        onAbort = () => reject(interrupted(message));
        if (abort.signal.aborted) onAbort();
        else abort.signal.addEventListener("abort", onAbort);
      });
      work.catch(() => {}); // Its failure is no longer heard after a signal.
      try {
        return await Promise.race([work, stopped]);
      } finally {
        abort.signal.removeEventListener("abort", onAbort);
      }
    },
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
