// A question before a long unfinished run is discarded.
import { t } from "../texts/text.ts";

/** A run that took longer than this is not discarded without a question, in ms. */
const LONG_MS = 180_000;

export class LongRun {
  /** Time of the first step, in ms; 0 before it and after the end. */
  private since = 0;

  constructor() {
    window.addEventListener("beforeunload", (event) => {
      if (this.long) event.preventDefault();
    });
  }

  /** Follow the state of the run. */
  follow({ running, finished }: { readonly running: boolean; readonly finished: boolean }): void {
    if (finished) this.since = 0;
    else if (running && this.since === 0) this.since = performance.now();
  }

  /** Forget the run: its networks are built again. */
  forget(): void {
    this.since = 0;
  }

  /** Return true if the run is short or finished, or the visitor agrees. */
  mayDiscard(): boolean {
    return !this.long || confirm(t("message.discard"));
  }

  private get long(): boolean {
    return this.since > 0 && performance.now() - this.since > LONG_MS;
  }
}
