// Pooling layers and response normalisation: windows over space or channels, nothing to learn.
import { expectOptions } from "../gpu/index.ts";
import { type AdaptivePoolOptions, adaptiveAvgPool2d } from "../ops/adaptive_avg_pool2d.ts";
import { type AvgPoolOptions, avgPool2d } from "../ops/avg_pool2d.ts";
import { localResponseNorm, type ResponseNormOptions } from "../ops/local_response_norm.ts";
import { maxPool2d } from "../ops/max_pool2d.ts";
import type { PoolOptions } from "../ops/pool/plan.ts";
import type { KeysOf } from "../text/index.ts";
import { OpLayer } from "./op_layer.ts";

const MAX: KeysOf<PoolOptions> = { kernel: true, stride: true, padding: true, ceilMode: true };
const AVG: KeysOf<AvgPoolOptions> = { ...MAX, countIncludePad: true };
const RESPONSE: KeysOf<ResponseNormOptions> = { size: true, alpha: true, beta: true, k: true };

/** Layer of `maxPool2d`: the largest value of each window. x [N,C,H,W] -> y [N,C,H',W']. Throws OpError for an unknown option. */
export class MaxPool2d extends OpLayer<PoolOptions> {
  constructor(options: PoolOptions) {
    super(maxPool2d, options);
    expectOptions("MaxPool2d", options, MAX);
  }
}

/** Layer of `avgPool2d`: the mean of each window. x [N,C,H,W] -> y [N,C,H',W']. Throws OpError for an unknown option. */
export class AvgPool2d extends OpLayer<AvgPoolOptions> {
  constructor(options: AvgPoolOptions) {
    super(avgPool2d, options);
    expectOptions("AvgPool2d", options, AVG);
  }
}

/** Layer of `adaptiveAvgPool2d`: means over bins; size 1 is global average pooling. x [N,C,H,W] -> y [N,C,outputSize]. */
export class AdaptiveAvgPool2d extends OpLayer<AdaptivePoolOptions> {
  constructor(outputSize: AdaptivePoolOptions["outputSize"]) {
    super(adaptiveAvgPool2d, { outputSize });
  }
}

/**
 * Layer of `localResponseNorm`: divides by the sum of squares over neighbouring channels. x [N,C,...] -> y like x. Throws
 * OpError for an unknown option.
 */
export class LocalResponseNorm extends OpLayer<ResponseNormOptions> {
  constructor(options: ResponseNormOptions) {
    super(localResponseNorm, options);
    expectOptions("LocalResponseNorm", options, RESPONSE);
  }
}
