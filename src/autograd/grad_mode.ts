// Switches the recording of ops for backward.
let enabled = true;

export function gradEnabled(): boolean {
  return enabled;
}

/** Run `fn` without recording, for evaluation and inside backward. */
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
