// Soft threshold as float32 arithmetic does it, one rounding per operation, in both of its written forms.

const f = Math.fround;

/** sign(x) max(|x| - d, 0), with +0 for every zero. */
export function signForm(x: number, d: number): number {
  const shrunk = f(f(Math.abs(x)) - f(d));
  return shrunk > 0 ? f(Math.sign(x) * shrunk) : 0;
}

/** x - clamp(x, -d, d). */
export function clampForm(x: number, d: number): number {
  return f(f(x) - Math.min(Math.max(f(x), -f(d)), f(d)));
}

/** The float32 number `count` places above |x| (below for a negative count), with the sign of x. */
export function ulpsAway(x: number, count: number): number {
  const word = new Uint32Array(1);
  const value = new Float32Array(word.buffer);
  value[0] = Math.abs(x);
  word[0] = Math.max(0, word[0]! + count);
  return (x < 0 ? -1 : 1) * (value[0] as number);
}

/** Distance between |x| and the next larger float32 number. */
export const ulp = (x: number): number => ulpsAway(Math.abs(x), 1) - Math.abs(f(x));
