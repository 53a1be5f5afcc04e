// Options of a session.
import type { Module, RandomState } from "../nn/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import type { RunConfig } from "./config.ts";
import type { SessionData } from "./session_data.ts";

export interface SessionOptions {
  readonly model: Module;
  readonly train: SessionData;
  /** The session ends its reading when it stops; the caller closes the data sets. */
  readonly test: SessionData;
  readonly config: RunConfig;
  /** Saved inside checkpoints; default: `config`. */
  readonly savedConfig?: unknown;
  /** Random state of the model's dropout layers. */
  readonly random?: RandomState;
  /** False: run each step eagerly. */
  readonly replay?: boolean;
}

const OPTION_KEYS: KeysOf<SessionOptions> = {
  ...{ model: true, train: true, test: true, config: true },
  ...{ savedConfig: true, random: true, replay: true },
};

/** Check the names of the options. Errors: ArgumentError. */
export function checkSessionKeys(options: SessionOptions): void {
  expectKeys(options, OPTION_KEYS, (problem) => new ArgumentError(`Session: ${problem}`));
}
