// Whether ops are recorded for backward.
let enabled = true;

export function gradEnabled(): boolean {
  return enabled;
}

/** Runs `fn` without recording: for evaluation and inside backward. */
export function noGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

/** Runs `fn` with recording on, also inside backward. */
export function withGrad<T>(fn: () => T): T {
  const before = enabled;
  enabled = true;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}
