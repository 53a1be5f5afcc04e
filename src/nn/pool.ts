// Pooling layers and response normalisation: windows over space or channels, nothing to learn.
import { expectOptions } from "../gpu/index.ts";
import { adaptiveAvgPool2d } from "../ops/adaptive_avg_pool2d.ts";
import { avgPool2d } from "../ops/avg_pool2d.ts";
import { localResponseNorm } from "../ops/local_response_norm.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import type { KeysOf } from "../text/index.ts";
import { OpLayer } from "./op_layer.ts";

type MaxPoolOptions = NonNullable<Parameters<typeof maxPool2d>[1]>;
type AvgPoolOptions = NonNullable<Parameters<typeof avgPool2d>[1]>;
type AdaptiveOptions = NonNullable<Parameters<typeof adaptiveAvgPool2d>[1]>;
type ResponseOptions = NonNullable<Parameters<typeof localResponseNorm>[1]>;

const MAX: KeysOf<MaxPoolOptions> = { kernel: true, stride: true, padding: true, ceilMode: true };
const AVG: KeysOf<AvgPoolOptions> = { ...MAX, countIncludePad: true };
const RESPONSE: KeysOf<ResponseOptions> = { size: true, alpha: true, beta: true, k: true };

export class MaxPool2d extends OpLayer<MaxPoolOptions> {
  constructor(options: MaxPoolOptions) {
    super(maxPool2d, options);
    expectOptions("MaxPool2d", options, MAX);
  }
}

export class AvgPool2d extends OpLayer<AvgPoolOptions> {
  constructor(options: AvgPoolOptions) {
    super(avgPool2d, options);
    expectOptions("AvgPool2d", options, AVG);
  }
}

export class AdaptiveAvgPool2d extends OpLayer<AdaptiveOptions> {
  constructor(outputSize: AdaptiveOptions["outputSize"]) {
    super(adaptiveAvgPool2d, { outputSize });
  }
}

export class LocalResponseNorm extends OpLayer<ResponseOptions> {
  constructor(options: ResponseOptions) {
    super(localResponseNorm, options);
    expectOptions("LocalResponseNorm", options, RESPONSE);
  }
}
