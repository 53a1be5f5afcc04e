// Computes the step at which a latency code fires, in float64, and the same as bounds on x that a shader can compare exactly.

/** linear: (T-1)(1-x). log: T-1 - ln(a x + 1) with a = e^(T-1) - 1. Both are rounded to the nearest step, ties to even. */
export type LatencyFunction = "linear" | "log";

/** Beyond this many steps the log code distinguishes numbers so small that a GPU may flush them to zero. */
export const MOST_LOG_STEPS = 87;

function roundHalfEven(v: number): number {
  const low = Math.floor(v);
  const rest = v - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}

/** Return the step at which x fires, even outside 0..T-1; NaN where the logarithm has no value. */
function spikeTime(x: number, timeSteps: number, rule: LatencyFunction): number {
  const last = timeSteps - 1;
  if (rule === "linear") return roundHalfEven(last * (1 - x));
  return roundHalfEven(last - Math.log((Math.exp(last) - 1) * x + 1));
}

const MOST = 3.4028234663852886e38;
const word = new Uint32Array(1);
const asFloat = new Float32Array(word.buffer);

/** Return the f32 at a rank in their order: 0 has the lowest bit pattern, negative numbers come first. */
function floatAt(rank: number): number {
  word[0] = rank >= 0x80000000 ? rank - 0x80000000 : 0xffffffff - rank;
  return asFloat[0]!;
}

function rankOf(value: number): number {
  asFloat[0] = value;
  const bits = word[0]!;
  return bits < 0x80000000 ? bits + 0x80000000 : 0xffffffff - bits;
}

const known = new Map<string, Float32Array>();

/**
 * Return [T + 1] falling numbers: x fires at step t exactly if bounds[t + 1] <= x < bounds[t]. Each is the smallest f32 that
 * fires at step t - 1 or before, found by bisection over all of them.
 */
export function latencyBounds(timeSteps: number, rule: LatencyFunction): Float32Array {
  const key = `${rule} ${timeSteps}`;
  let bounds = known.get(key);
  if (!bounds) {
    bounds = Float32Array.from({ length: timeSteps + 1 }, (_, t) => {
      let low = rankOf(-MOST);
      let high = rankOf(MOST);
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        if (spikeTime(floatAt(middle), timeSteps, rule) <= t - 1) high = middle;
        else low = middle + 1;
      }
      return floatAt(low);
    });
    known.set(key, bounds);
  }
  return bounds;
}
