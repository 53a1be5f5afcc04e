// rehearse(fn): execute the host side of a step only. It uses the same shapes, kernels and pipelines as the step, but
// nothing runs on the GPU and no value changes.
import { Arena, currentGpu } from "../gpu/index.ts";
import { Scope } from "./scope.ts";

let depth = 0;

/** True while only the host side of a step is executed: missing gradients are no mistake then. */
export const isRehearsing = (): boolean => depth > 0;

/**
 * Call `fn` and discard the work it enqueues. Its tensors have no memory and are freed. The tuner thus meets its choices
 * before a step is captured.
 *
 * Errors    CaptureError inside a captured step, or if `fn` uploads or reads; errors of `fn`.
 */
export function rehearse(fn: () => void): void {
  const { pool, stream } = currentGpu();
  const arena = new Arena();
  stream.record();
  depth++;
  try {
    pool.enter(arena);
    using _scope = new Scope();
    fn();
  } finally {
    depth--;
    stream.takeRecording();
    pool.dissolve(arena);
  }
}
