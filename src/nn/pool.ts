// Pooling layers and response normalisation: windows over space or channels, nothing to learn.
import { expectOptions } from "../gpu/index.ts";
import { adaptiveAvgPool2d } from "../ops/adaptive_avg_pool2d.ts";
import { avgPool2d } from "../ops/avg_pool2d.ts";
import { localResponseNorm } from "../ops/local_response_norm.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import type { Tensor } from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { Module } from "./module.ts";

type MaxPoolOptions = NonNullable<Parameters<typeof maxPool2d>[1]>;
type AvgPoolOptions = NonNullable<Parameters<typeof avgPool2d>[1]>;
type AdaptiveOptions = NonNullable<Parameters<typeof adaptiveAvgPool2d>[1]>;
type ResponseOptions = NonNullable<Parameters<typeof localResponseNorm>[1]>;

const MAX: KeysOf<MaxPoolOptions> = { kernel: true, stride: true, padding: true, ceilMode: true };
const AVG: KeysOf<AvgPoolOptions> = { ...MAX, countIncludePad: true };
const RESPONSE: KeysOf<ResponseOptions> = { size: true, alpha: true, beta: true, k: true };

export class MaxPool2d extends Module {
  readonly options: MaxPoolOptions;
  constructor(options: MaxPoolOptions) {
    super();
    expectOptions("MaxPool2d", options, MAX);
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.options);
  }
}

export class AvgPool2d extends Module {
  readonly options: AvgPoolOptions;
  constructor(options: AvgPoolOptions) {
    super();
    expectOptions("AvgPool2d", options, AVG);
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.options);
  }
}

export class AdaptiveAvgPool2d extends Module {
  readonly options: AdaptiveOptions;
  constructor(outputSize: AdaptiveOptions["outputSize"]) {
    super();
    this.options = { outputSize };
  }
  forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.options);
  }
}

export class LocalResponseNorm extends Module {
  readonly options: ResponseOptions;
  constructor(options: ResponseOptions) {
    super();
    expectOptions("LocalResponseNorm", options, RESPONSE);
    this.options = options;
  }
  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.options);
  }
}
