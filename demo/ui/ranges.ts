// Ranges of a plot's axes.

/** Return the range of a linear axis, with a margin if all values are equal. */
export function linearRange(
  min: number | null,
  max: number | null,
  preferred?: readonly [number, number],
): [number, number] {
  const low = Math.min(min ?? preferred?.[0] ?? 0, preferred?.[0] ?? Number.POSITIVE_INFINITY);
  const high = Math.max(max ?? preferred?.[1] ?? 1, preferred?.[1] ?? Number.NEGATIVE_INFINITY);
  if (high > low) return preferred ? [low, high] : [low, high + (high - low) * 0.05];
  return low === 0 ? [0, 1] : [Math.min(0, low), Math.max(0, low * 1.25)];
}

/** Return whole decades around the values. */
export function logRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null || !(min > 0)) return [0.001, 1];
  const low = 10 ** Math.floor(Math.log10(min));
  const high = 10 ** Math.ceil(Math.log10(Math.max(max, min)));
  return high > low ? [low, high] : [low / 10, high * 10];
}

/** Return true if a tick of a logarithmic axis gets a label. */
export const isDecade = (value: number): boolean => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;

/** A scale for shares close to 1: each halving of 1 - share takes the same room, so that 97 % and 99 % differ as 0 % and 70 % do. */
export const nearOne = {
  fwd: (share: number): number => -Math.log10(Math.max(1 - share, 0.0005)),
  bwd: (place: number): number => 1 - 10 ** -place,
} as const;

const TICKS = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];

/** Return the range of such a scale: from 0 to 98 %, or to the next tick above a greater value. */
export function nearOneRange(most: number): [number, number] {
  return [0, Math.max(0.98, TICKS.find((tick) => tick > most) ?? 0.9995)];
}

/** Return the ticks of such a scale up to `most`. */
export const nearOneTicks = (most: number): number[] => TICKS.filter((tick) => tick <= most);

/** Return the standard error of an accuracy that was measured on `images` test images. */
export function accuracyError(accuracy: number, images: number): number {
  return images > 0 ? Math.sqrt((accuracy * (1 - accuracy)) / images) : 0;
}

interface Outcome {
  readonly sparsity: number;
  readonly accuracy: number;
}

/** Return the outcomes that no other one beats in both accuracy and zeros, by falling accuracy. */
export function paretoFront<O extends Outcome>(outcomes: readonly O[]): O[] {
  const byZeros = [...outcomes].sort((a, b) => b.sparsity - a.sparsity || b.accuracy - a.accuracy);
  const front: O[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const outcome of byZeros) {
    if (outcome.accuracy <= best) continue;
    best = outcome.accuracy;
    front.push(outcome);
  }
  return front.reverse();
}
