// Sentences that say how a run stands, computed from its frames.

import { t } from "../texts/text.ts";
import { percent } from "../ui/numbers.ts";
import type { Frame } from "./frame.ts";

/** Accuracies differ if they are at least this far apart: about one standard error of a thousand test pictures. */
const SAME = 0.005;
/** A network that reads at most this many times the share of chance only guesses. */
const GUESSING = 1.7;
/** Least accuracy before, so that a network that has not learned yet is no collapse. */
const LEARNED = 0.4;

/** Return true if pruning went too far: a layer is empty, or a network that could read only guesses now. */
export function collapsed(frame: Frame, best: number, classes: number): boolean {
  const [accuracy] = frame.accuracy;
  const guesses = accuracy !== null && accuracy !== undefined && best >= LEARNED && accuracy <= GUESSING / classes;
  return frame.dead || guesses;
}

/** Return the sentence on accuracy against the other network. */
function accuracyPart([own, other]: Frame["accuracy"]): string {
  const accuracy = percent(own);
  if (own === null || own === undefined || other === null || other === undefined) {
    return t("stage.end.alone", { accuracy });
  }
  const points = (100 * Math.abs(own - other)).toFixed(1);
  if (Math.abs(own - other) < SAME) return t("stage.end.same", { accuracy });
  return t(own > other ? "stage.end.better" : "stage.end.worse", { accuracy, points });
}

/** Return the result of a run in one sentence. `denseBytes`: the model with every weight. */
export function endSentence(frame: Frame, denseBytes: number): string {
  const ratio = denseBytes / frame.sparseBytes;
  const size = ratio >= 1.05 ? t("stage.end.smaller", { ratio: ratio.toFixed(1) }) : t("stage.end.larger");
  const gone = percent(1 - frame.left);
  const accuracy = accuracyPart(frame.accuracy);
  return t("stage.end.sentence", { gone: t("stage.end.gone", { gone }), accuracy, size });
}
