// Dropout of spiking networks: one random mask for all time steps.
import { fill, noGrad } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { mul } from "../ops/binary.ts";
import { type DropoutOptions, dropout } from "../ops/dropout.ts";
import { empty, type Tensor } from "../tensor/index.ts";
import { RandomMask } from "./dropout.ts";
import type { RandomState } from "./random_state.ts";

/**
 * Dropout of a sequence, in training: a neuron is silent at all T time steps of a sample, or at none. x [T, N, *] -> y [T, N, *].
 * Otherwise as Dropout. SpikingJelly's layer of the same name. Throws OpError unless 0 <= p <= 1.
 *
 * @example
 * const dropout = new MultiStepDropout(0.5);
 * const y = dropout.forward(tensor([[[1, 1]], [[1, 1]]])); // T = 2: both steps have the same zeros and twos
 * console.log(y.shape); // 2, 1, 2
 */
export class MultiStepDropout extends RandomMask {
  constructor(p: number, random?: RandomState) {
    super("MultiStepDropout", p, random);
  }

  /** @internal */
  protected mask(x: Tensor, options: DropoutOptions): Tensor {
    const [, ...sample] = x.shape;
    if (sample.length === 0) throw new OpError("MultiStepDropout", "expected x [T, N, ...]", { x });
    const mask = noGrad(() => {
      const ones = empty(sample, x.dtype);
      fill(ones, 1);
      return dropout(ones, options);
    });
    return mul(x, mask);
  }
}
