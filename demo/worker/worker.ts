// Entry of the worker: receives commands of the page and sends reports.
import type { Command, Report } from "../shared/protocol.ts";
import { Studio } from "./studio.ts";

/** Global scope of a worker; the types of a page lack it. */
interface WorkerScope {
  postMessage(message: Report, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Command>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

const send = (report: Report, transfer: readonly ArrayBuffer[] = []) => scope.postMessage(report, [...transfer]);
const studio = new Studio({ report: send });

const reportError = (error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  send({ kind: "problem", what: "worker", message });
};
scope.addEventListener("error", (event) => {
  event.preventDefault();
  reportError(event.error ?? event.message);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  reportError(event.reason);
});
scope.addEventListener("message", ({ data }) => void studio.handle(data));
