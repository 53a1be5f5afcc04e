// Handles signals: Ctrl-C, the end of a machine, a closed terminal, and the warnings of batch systems before a time limit. A
// command stops at the next safe point, or saves and continues.
import { hurryGpu } from "../node/adapter.ts";
import { exitCodeOf, Interrupted, type StopSignal } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";

const STOP: readonly StopSignal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
const SAVE = ["SIGUSR1", "SIGUSR2"] as const;

export interface Stopping extends Disposable {
  /** Aborted by the first of SIGINT, SIGTERM and SIGHUP; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Return true if SIGUSR1 or SIGUSR2 arrived since the last call: a checkpoint is due, and the work continues. */
  takeSaveRequest(): boolean;
  /** The error that a command ends with after a signal; it has the exit code of that signal. */
  interrupted(message: string): Interrupted;
  /**
   * Wait for `work`; after a signal, throw `interrupted(message)` at once. The work then runs on unobserved until the process
   * ends: only for work that leaves nothing half done.
   */
  orStop<T>(work: Promise<T>, message: string): Promise<T>;
}

/** Listen to signals. `when`: text for when the command will stop. Disposal restores the default handling. */
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
      out.say(`\nstopping${when === "" ? "" : ` ${when}`}; send it again to stop at once`);
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
      work.catch(() => {}); // A failure after a signal is ignored.
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
