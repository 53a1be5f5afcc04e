// What a session is made of.
import type { Module, RandomState } from "../nn/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import type { RunConfig } from "./config.ts";
import type { SessionData } from "./session_data.ts";

export interface SessionOptions {
  readonly model: Module;
  readonly train: SessionData;
  /** The session ends what it reads of a streamed data set when it stops; closing the data sets is for who made them. */
  readonly test: SessionData;
  readonly config: RunConfig;
  /** Saved inside checkpoints; default: `config`. */
  readonly savedConfig?: unknown;
  /** Of the model's dropout layers, if it has any. */
  readonly random?: RandomState;
  /** False: run each step eagerly. */
  readonly replay?: boolean;
}

const OPTION_KEYS: KeysOf<SessionOptions> = {
  model: true,
  train: true,
  test: true,
  config: true,
  savedConfig: true,
  random: true,
  replay: true,
};

/** Errors: ArgumentError for an option that no session knows. */
export function checkSessionKeys(options: SessionOptions): void {
  expectKeys(options, OPTION_KEYS, (problem) => new ArgumentError(`Session: ${problem}`));
}
