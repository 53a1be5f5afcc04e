// Connects SGD with what only modes `str` and `ltp` need: pages without these modes do not load it.
import { type Kernel, OpError } from "../gpu/index.ts";
import type { LayerSums, LearnedThresholds } from "./learned_thresholds.ts";
import type { ArenaChunk } from "./param_arena.ts";
import type { GroupSettings } from "./sgd_options.ts";

/** Modes whose thresholds are learned, one for each layer. */
export type LearnedMode = "str" | "ltp";

export interface LearnedParts {
  make(chunk: ArenaChunk, options: GroupSettings, sums?: LayerSums): LearnedThresholds;
  /** The update kernel of each mode. */
  readonly updates: Readonly<Record<LearnedMode, Kernel>>;
}

let parts: LearnedParts | null = null;

/** Provide the parts. `enableLearnedThresholds` does this. */
export function setLearnedParts(given: LearnedParts): void {
  parts = given;
}

/** Return the parts. Throws OpError if they are not loaded. */
export function learnedParts(mode: LearnedMode): LearnedParts {
  if (parts) return parts;
  throw new OpError("SGD", `mode ${mode}: expected groups made by pruningGroups(), which loads learned thresholds`);
}
