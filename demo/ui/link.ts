// Starts the worker and exchanges messages with it.
import type { Command, Report } from "../shared/protocol.ts";

export class WorkerLink {
  private readonly worker: Worker;

  /** `onFailure` is called if the worker does not start or has an uncaught error. */
  constructor(onReport: (report: Report) => void, onFailure: (reason: string) => void) {
    this.worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", (event: MessageEvent<Report>) => onReport(event.data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      onFailure(event.message || "its script could not be loaded");
    });
    this.worker.addEventListener("messageerror", () => onFailure("a report could not be read"));
  }

  send(command: Command, transfer: Transferable[] = []): void {
    this.worker.postMessage(command, transfer);
  }
}
