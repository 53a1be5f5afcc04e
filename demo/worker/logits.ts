// Passes of a network as a test makes them, between two training steps.
import { noGrad, Scope, type Session, tensor } from "../../src/internal.ts";

/**
 * Compute the logits of `n` normalised images [c, h, w] in `x` with effective weights, in chunks of at most `most`. The passes and the
 * copies are enqueued before this returns, so that training may go on.
 */
export function logitsOf(
  { model, optimizer, sample }: Session,
  x: Float32Array,
  n: number,
  most = n,
): Promise<ArrayLike<number>[]> {
  const { training } = model;
  const size = x.length / n;
  const chunks: Promise<ArrayLike<number>>[] = [];
  optimizer.harden();
  model.eval();
  try {
    for (let from = 0; from < n; from += most) {
      using _scope = new Scope();
      const count = Math.min(most, n - from);
      const part = x.subarray(from * size, (from + count) * size);
      chunks.push(noGrad(() => model.forward(tensor(part, [count, ...sample]))).data());
    }
  } finally {
    model.train(training);
    optimizer.soften();
  }
  return Promise.all(chunks);
}
