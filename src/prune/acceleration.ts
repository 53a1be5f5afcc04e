// Nesterov's extrapolation as FISTA uses it.

/**
 * Return the share b(k) of the last move to add after step k of `steps`:
 *
 *     t(0) = 1,  t(k + 1) = (1 + sqrt(1 + 4 t(k)²)) / 2,  b(k) = min((t(k) - 1) / t(k + 1), most),  b(steps - 1) = 0
 *
 * t(k) is close to k / 2 + 1, and b(k) rises to 1 as 1 - 3 / k. `most` limits it, since batch gradients are noisy and a share
 * near 1 adds up their noise. The last step adds nothing, so the run ends on a proximal step, which is sparse; then k restarts.
 *
 * Units    both a pure number in [0, 1).
 * Source   Beck and Teboulle 2009 (FISTA); O'Donoghue and Candes 2015 for restarts.
 */
export function extrapolation(k: number, steps: number, most: number): number {
  if (k === steps - 1) return 0;
  const t = recursion(k);
  return Math.min((t - 1) / next(t), most);
}

const next = (t: number) => (1 + Math.sqrt(1 + 4 * t * t)) / 2;

const known: number[] = [1];
function recursion(k: number): number {
  while (known.length <= k) known.push(next(known.at(-1)!));
  return known[k]!;
}
