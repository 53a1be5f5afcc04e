// The six steps of the story, and which of them fits the state of a run.

/** State of the first network of a run. Shares are 0 to 1. */
export interface StoryState {
  readonly step: number;
  readonly finished: boolean;
  /** Share of the weights that are not zero. */
  readonly left: number;
  readonly accuracy: number | null;
  readonly threshold: number;
  readonly weights: number;
}

/** Names of the steps, in order. */
export const STEPS = ["network", "learns", "gate", "half", "end", "break"] as const;

/** Return the index of the step that a run has reached; the last one is for the visitor, after the end. */
export function stepReached({ step, finished, left }: StoryState): number {
  if (finished) return STEPS.indexOf("end");
  if (step === 0) return STEPS.indexOf("network");
  if (left > 0.95) return STEPS.indexOf("learns");
  return STEPS.indexOf(left > 0.5 ? "gate" : "half");
}
