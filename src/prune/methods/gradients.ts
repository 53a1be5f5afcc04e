// Gradients of the loss at the current weights, for masks before training.
import type { Parameter } from "../../nn/index.ts";
import { ArgumentError } from "../../text/index.ts";
import type { PruningRun } from "../method.ts";

/**
 * Sum the gradients of the loss over the first batches of the run, in float64, one array for each parameter. The model and its
 * optimizer are afterwards as before the first step. Waits for the GPU.
 *
 * Errors   ArgumentError, in the name of `method`, if the gradients of all batches overflow in f16.
 */
export async function summedGradients(
  run: PruningRun,
  params: readonly Parameter[],
  batches: number,
  method: string,
): Promise<Float64Array[]> {
  const { model, optimizer } = run;
  const first = await model.stateDict();
  const sums = params.map((p) => new Float64Array(p.numel));
  let counted = 0;
  // With a learning rate of 0 the step only computes; statistics and momentum are restored below.
  await run.train(batches, {
    values: () => ({ lr: 0, threshold: 0, thresholdNext: 0, tau: 0 }),
    async after() {
      const factor = await optimizer.gradientFactor();
      if (factor === null) return;
      counted++;
      for (const [k, p] of params.entries()) {
        const gradient = (await p.grad?.data()) ?? new Float32Array(p.numel);
        const sum = sums[k] as Float64Array;
        gradient.forEach((g, i) => {
          sum[i] = sum[i]! + factor * g;
        });
      }
    },
  });
  if (counted === 0)
    throw new ArgumentError(
      `${method}: expected finite gradients, got an overflow of f16 in all ${batches} batches: raise snipBatches`,
    );
  model.loadStateDict(first);
  optimizer.reset();
  return sums;
}
