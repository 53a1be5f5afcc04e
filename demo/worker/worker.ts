// The worker's door: commands of the page in, reports out.
import type { Command, Report } from "../shared/protocol.ts";
import { Studio } from "./studio.ts";

/** What a worker's global scope has, of which the page's types know nothing. */
interface WorkerScope {
  postMessage(message: Report, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Command>) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "unhandledrejection", listener: (event: PromiseRejectionEvent) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

const send = (report: Report, transfer: readonly ArrayBuffer[] = []) => scope.postMessage(report, [...transfer]);
const studio = new Studio({ report: send });

const tell = (error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  send({ kind: "problem", what: "worker", message });
};
scope.addEventListener("error", (event) => {
  event.preventDefault();
  tell(event.error ?? event.message);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  tell(event.reason);
});
scope.addEventListener("message", ({ data }) => void studio.handle(data));
