// Lets Node sleep while a software adapter computes. Dawn polls for finished work by an endless chain of setImmediate,
// which keeps one core busy: a core that a software adapter needs for the work.
import { promisify } from "node:util";

/** Milliseconds of polling without pause, so that short work is noticed at once; then once a millisecond. */
const EAGER_MS = 0.2;

type Immediate = typeof setImmediate;
type Callback = (...values: unknown[]) => void;

/**
 * Check for Dawn's callbacks: nameless native functions without arguments. No other caller's are (a bound function has
 * a name).
 */
function isDawn(callback: Callback, values: readonly unknown[]): boolean {
  return (
    values.length === 0 &&
    callback.name === "" &&
    /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(callback))
  );
}

let original: Immediate | null = null;

/**
 * Replace the global setImmediate by one that delays Dawn's polling and leaves all other callers alone. On two cores
 * this doubles the speed of a software adapter (docs/performance.md). A second call changes nothing.
 *
 * Returns a function that restores the original.
 */
export function calmPolling(): () => void {
  if (!original) {
    const real = setImmediate;
    original = real;
    let eagerUntil = 0;
    let asking = false;
    const calm = (callback: Callback, ...values: unknown[]): unknown => {
      if (typeof callback !== "function" || !isDawn(callback, values)) return real(callback, ...values);
      const now = performance.now();
      // A poll that does not follow from the one before starts a new wait.
      if (!asking) eagerUntil = now + EAGER_MS;
      const ask = () => {
        asking = true;
        try {
          callback();
        } finally {
          asking = false;
        }
      };
      return now < eagerUntil ? real(ask) : setTimeout(ask, 1);
    };
    Object.defineProperty(calm, promisify.custom, { get: () => Reflect.get(real, promisify.custom) });
    globalThis.setImmediate = calm as unknown as Immediate;
  }
  return () => {
    if (original) globalThis.setImmediate = original;
    original = null;
  };
}
