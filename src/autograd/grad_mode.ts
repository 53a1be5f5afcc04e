// Switches the recording of ops for backward.
let enabled = true;

export function gradEnabled(): boolean {
  return enabled;
}

/**
 * Run `fn` without recording its ops on the tape. Returns its result.
 *
 * @example
 * const w = tensor([1, 2]);
 * w.requiresGrad = true;
 * const tape = new Tape();
 * console.log(noGrad(() => mul(w, 2)).requiresGrad); // false
 * console.log(mul(w, 2).requiresGrad); // true
 * tape.dispose();
 */
export function noGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** Run `fn` with recording on, also inside backward. */
export function withGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = true;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}
