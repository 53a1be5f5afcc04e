// Control of one call of a session's `fit`.
import { ArgumentError, expectKeys, type KeysOf, kindOf, valueText } from "../text/index.ts";
import type { FitOptions } from "./fit.ts";

/** Control of one call of `fit`. Callbacks that belong to the run are options of the session. */
export type FitCallbacks = Pick<
  FitOptions,
  "onRecord" | "beforeStep" | "onStep" | "checkpointEvery" | "onCheckpoint" | "onEnd" | "saveAsked" | "signal"
>;

const KEYS: KeysOf<FitCallbacks> = {
  ...{ onRecord: true, beforeStep: true, onStep: true, checkpointEvery: true, onCheckpoint: true },
  ...{ onEnd: true, saveAsked: true, signal: true },
};

const FUNCTIONS = ["onRecord", "beforeStep", "onStep", "onCheckpoint", "onEnd", "saveAsked"] as const;

/** Check the control of a call of `fit`. Errors: ArgumentError. */
export function checkControl(control: FitCallbacks): void {
  const refuse = (problem: string) => new ArgumentError(`Session.fit: ${problem}`);
  expectKeys(control, KEYS, refuse);
  for (const key of FUNCTIONS)
    if (control[key] !== undefined && typeof control[key] !== "function")
      throw refuse(`${key}: expected a function, got ${kindOf(control[key])}`);
  const { signal, checkpointEvery = 0 } = control;
  if (signal !== undefined && typeof signal?.aborted !== "boolean")
    throw refuse(`signal: expected an AbortSignal, got ${kindOf(signal)}`);
  if (!(Number.isInteger(checkpointEvery) && checkpointEvery >= 0))
    throw refuse(`checkpointEvery: expected an integer >= 0, got ${valueText(checkpointEvery)}`);
}
