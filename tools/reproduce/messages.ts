// The messages between the plan and its worker processes.
import { isExpected } from "../../src/terminal/fail.ts";
import { EspalierError } from "../../src/text/index.ts";
import type { Outcome } from "./loop.ts";

/** An error as data. */
interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** True for an error thrown on purpose; all others are faults of the program. */
  readonly expected: boolean;
}

/** Message of a worker: it is ready, a run has ended, or a run or the start has failed. A task is the message to it. */
export type WorkerMessage =
  | { readonly kind: "ready"; readonly adapter: string }
  | { readonly kind: "outcome"; readonly outcome: Outcome }
  | { readonly kind: "error"; readonly error: ErrorData };

/** Write an error as a message. */
export function errorMessage(cause: unknown): WorkerMessage {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const { name, message, stack } = error;
  return { kind: "error", error: { name, message, stack, expected: isExpected(error) } };
}

/** Return the error of a message, with the name, the text and the stack that it had in the worker. */
export function errorFrom({ expected, name, message, stack }: ErrorData): Error {
  const error = expected ? new EspalierError(message) : new Error(message);
  return Object.assign(error, { name }, stack === undefined ? {} : { stack });
}
