// rehearse(fn): goes through a step on the host alone. Shapes, kernels and pipelines come up as they will in the step;
// nothing runs on the GPU and no value moves.
import { Arena, currentGpu } from "../gpu/index.ts";
import { Scope } from "./scope.ts";

let depth = 0;

/** Whether a step is gone through on the host alone: what it lacks is no mistake. */
export const isRehearsing = (): boolean => depth > 0;

/**
 * Calls `fn` and throws away what it enqueues. Its tensors have no memory and are freed. Makes the tuner's choices come up
 * before a step is captured.
 *
 * Errors    CaptureError inside a captured step, or when `fn` uploads or reads; what `fn` throws.
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
