// The callbacks and loggers of a session, and the order in which they are called.
import { warnOnce } from "../gpu/index.ts";
import { ArgumentError, kindOf } from "../text/index.ts";
import { deadText } from "./dead_layers.ts";
import type { EpochRecord, FitResult, RunPosition, RunRecord } from "./fit.ts";
import type { Logger } from "./loggers.ts";

/** Callbacks of a run. */
export interface RunListeners {
  /** Called after each enqueued step; it does not wait for the GPU. A promise is awaited. */
  readonly onStep?: ((position: RunPosition) => unknown) | undefined;
  /** Called with each record: every `config.logEvery` steps, and at the end of each epoch. Awaited. */
  readonly onRecord?: ((record: RunRecord) => unknown) | undefined;
  /** Called at the end of each epoch, after the loggers. Awaited. */
  readonly onEpoch?: ((record: EpochRecord) => unknown) | undefined;
  /**
   * Called when `fit` ends, with the reason; not after an error. Awaited. Without it a dead network, which ends the run early, is
   * warned of.
   */
  readonly onEnd?: ((result: FitResult) => unknown) | undefined;
  /** Receive each record, in order, after `onRecord`. */
  readonly loggers?: readonly Logger[] | undefined;
}

const CALLBACKS = ["onStep", "onRecord", "onEpoch", "onEnd"] as const;

export class Listeners {
  private readonly own: RunListeners;
  private isClosed = false;

  /** Errors: ArgumentError for a callback that is not a function, or a logger without `log`. */
  constructor(own: RunListeners) {
    for (const name of CALLBACKS) {
      if (own[name] !== undefined && typeof own[name] !== "function")
        throw new ArgumentError(`Session: ${name}: expected a function, got ${kindOf(own[name])}`);
    }
    const { loggers = [] } = own;
    if (!Array.isArray(loggers))
      throw new ArgumentError(`Session: loggers: expected a list of loggers, got ${kindOf(loggers)}`);
    for (const [i, logger] of (loggers as readonly Partial<Logger>[]).entries()) {
      if (typeof logger?.log !== "function")
        throw new ArgumentError(
          `Session: loggers[${i}]: expected an object with a function log, got ${kindOf(logger)}`,
        );
      if (logger.close !== undefined && typeof logger.close !== "function")
        throw new ArgumentError(`Session: loggers[${i}]: close: expected a function, got ${kindOf(logger.close)}`);
    }
    this.own = own;
  }

  /** Returns what `onStep` returns, perhaps a promise. */
  step(position: RunPosition): unknown {
    return this.own.onStep?.(position);
  }

  /** Pass a record on: to `onRecord`, the loggers, and `onEpoch`. */
  async record(record: RunRecord): Promise<void> {
    const { onRecord, onEpoch, loggers = [] } = this.own;
    await onRecord?.(record);
    for (const logger of loggers) await logger.log(record);
    if (record.kind === "epoch") await onEpoch?.(record);
  }

  /** Report the end of a call of `fit`; `onEnd` is the call's own. */
  async end(result: FitResult, onEnd: ((result: FitResult) => unknown) | undefined): Promise<void> {
    await this.own.onEnd?.(result);
    await onEnd?.(result);
    if (result.reason !== "dead" || this.own.onEnd || onEnd) return;
    warnOnce(
      this,
      "dead",
      `Session: ${deadText(result.deadLayers)}; the run ended after epoch ${result.position.epoch}`,
    );
  }

  /** Close the loggers, once. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const logger of this.own.loggers ?? []) await logger.close?.();
  }
}
