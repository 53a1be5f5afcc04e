// Starts the worker and exchanges messages with it.
import type { Command, Report } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";

export class WorkerLink {
  private readonly worker: Worker;

  /** `onFailure` is called if the worker does not start or has an uncaught error. */
  constructor(onReport: (report: Report) => void, onFailure: (reason: string) => void) {
    this.worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", (event: MessageEvent<Report>) => onReport(event.data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      onFailure(event.message || t("worker.script"));
    });
    this.worker.addEventListener("messageerror", () => onFailure(t("worker.report")));
  }

  send(command: Command, transfer: Transferable[] = []): void {
    this.worker.postMessage(command, transfer);
  }
}
