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

/** Return the start of an accuracy axis: a round share below the last values, so that they stay distinguishable. */
export function accuracyFloor(lanes: readonly (readonly number[])[]): number {
  const ends = lanes.flatMap((lane) => lane.slice(-1));
  if (ends.length === 0) return 0;
  const least = Math.min(...ends);
  return [0.98, 0.95, 0.9, 0.8, 0.5].find((floor) => least - floor > (1 - floor) * 0.3) ?? 0;
}
