// Ctrl-C, and the signal by which a machine ends its programs: a command stops at a good place.
import type { Output } from "./json_log.ts";

export interface Stopping extends Disposable {
  /** Aborted by the first signal; a second one ends the process. */
  readonly signal: AbortSignal;
}

/** `when`: when it will stop, in words. Disposed, signals do again what they do by themselves. */
export function stopAtSignals(out: Output, when = ""): Stopping {
  const abort = new AbortController();
  const onSignal = () => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
    out.say(`\nstopping${when === "" ? "" : ` ${when}`}; once more to stop at once`);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: abort.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
