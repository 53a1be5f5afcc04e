// Encoders in float64, straight from their definitions. All give [T, n] flat.

/** Round to the nearest integer, ties to even. */
function nearest(v: number): number {
  const up = Math.round(v);
  return up - v === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** One spike where the step is `time(x)`. */
function oneSpike(x: ArrayLike<number>, timeSteps: number, time: (v: number) => number): number[] {
  return Array.from({ length: timeSteps * x.length }, (_, e) => {
    return time(x[e % x.length]!) === Math.floor(e / x.length) ? 1 : 0;
  });
}

export function latencyLinear(x: ArrayLike<number>, timeSteps: number): number[] {
  return oneSpike(x, timeSteps, (v) => nearest((timeSteps - 1) * (1 - v)));
}

export function latencyLog(x: ArrayLike<number>, timeSteps: number): number[] {
  const a = Math.exp(timeSteps - 1) - 1;
  return oneSpike(x, timeSteps, (v) => nearest(timeSteps - 1 - Math.log(a * v + 1)));
}

/** Digit t of x in 0..1 is the last one of floor(x · 2^(t+1)). */
export function binaryDigits(x: ArrayLike<number>, timeSteps: number): number[] {
  return Array.from({ length: timeSteps * x.length }, (_, e) => {
    return Math.floor(x[e % x.length]! * 2 ** (Math.floor(e / x.length) + 1)) % 2;
  });
}

export function repeated(x: ArrayLike<number>, timeSteps: number): Float64Array {
  return Float64Array.from({ length: timeSteps * x.length }, (_, e) => x[e % x.length]!);
}
