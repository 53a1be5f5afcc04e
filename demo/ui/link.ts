// The line to the worker, which has the GPU.
import type { Command, Report } from "../shared/protocol.ts";

export class WorkerLink {
  private readonly worker: Worker;

  /** `fail` hears of a worker that does not start or stops by an error of its own. */
  constructor(hear: (report: Report) => void, fail: (reason: string) => void) {
    this.worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", (event: MessageEvent<Report>) => hear(event.data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      fail(event.message || "its script could not be loaded");
    });
    this.worker.addEventListener("messageerror", () => fail("a report could not be read"));
  }

  send(command: Command, transfer: Transferable[] = []): void {
    this.worker.postMessage(command, transfer);
  }
}
