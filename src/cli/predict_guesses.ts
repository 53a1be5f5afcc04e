// Flags of `espalier predict`, and the most likely classes of logits.
import type { AdapterFlags } from "../node/adapter.ts";
import type { WeightFlags } from "../run/weights_in.ts";
import type { ImageInput } from "./predict_inputs.ts";

export interface PredictFlags extends AdapterFlags, ImageInput, WeightFlags {
  readonly model?: string;
  readonly weights: string;
  readonly input: readonly string[];
  readonly output?: string;
  readonly classes?: number;
  readonly timeSteps?: number;
  readonly batchSize: number;
  readonly top: number;
}

const allFinite = (logits: Float32Array) => logits.every(Number.isFinite);

interface Guess {
  readonly class: number;
  readonly probability: number;
}

/** Return the most likely classes of a row of logits, with their softmax; none if a logit is NaN or infinite. */
export function likeliest(logits: Float32Array, top: number): Guess[] {
  if (!allFinite(logits)) return [];
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (v) => Math.exp(v - most));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps
    .map((e, i) => ({ class: i, probability: e / sum }))
    .sort((a, b) => b.probability - a.probability || a.class - b.class)
    .slice(0, top);
}
