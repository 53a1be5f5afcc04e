// A multilayer perceptron for samples of any shape: linear layers with ReLU between them.
import { expectOptions, OpError } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import { flatten } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";

/** Options of `Mlp`. */
export interface MlpConfig {
  /** Numbers of a sample. */
  readonly inputs: number;
  readonly outputs: number;
  /** Units of a hidden layer. Default 64. */
  readonly width?: number | undefined;
  /** Hidden layers; 0 is a linear model. Default 2. */
  readonly layers?: number | undefined;
}

const KEYS: KeysOf<MlpConfig> = { inputs: true, outputs: true, width: true, layers: true };

/**
 * fc width - ReLU, `layers` times, then fc outputs, from samples [N, ...sample] to [N, outputs]. Throws OpError for a size that is no
 * integer >= 1, or fewer than 0 layers.
 */
export class Mlp extends nn.Module {
  readonly layers: nn.Sequential;

  constructor(config: MlpConfig) {
    super();
    expectOptions("Mlp", config, KEYS);
    const { inputs, outputs, width = 64, layers = 2 } = config;
    if (!(Number.isInteger(layers) && layers >= 0))
      throw new OpError("Mlp", `layers: expected an integer >= 0, got ${layers}`);
    const sizes = [inputs, ...new Array<number>(layers).fill(width)];
    const hidden = sizes.slice(1).flatMap((size, i) => [new nn.Linear(sizes[i]!, size), new nn.ReLU()]);
    this.layers = new nn.Sequential([...hidden, new nn.Linear(sizes.at(-1)!, outputs)]);
  }

  forward(x: Tensor): Tensor {
    return this.layers.forward(x.shape.length > 2 ? flatten(x, { startAxis: 1 }) : x);
  }
}
