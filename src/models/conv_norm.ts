// Convolution, batch norm and activation as one unit, with torchvision's names: 0, 1, and nothing for the activation.
import { BatchNorm2d, Conv2d, constantInit, kaimingNormalInit, type Module, Sequential } from "../nn/index.ts";

/** First values of convolutions that torchvision's mobile networks begin with. */
export const fanOutInit = { init: kaimingNormalInit("fan_out"), biasInit: constantInit(0) };

export interface ConvNormConfig {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  /** null: none. */
  readonly activation: Module | null;
}

/** A convolution without bias whose padding keeps the size (but for the stride), batch norm, activation. */
export function convNorm(from: number, to: number, config: ConvNormConfig): Sequential {
  const { kernel = 1, stride = 1, groups = 1, activation } = config;
  const options = { stride, padding: (kernel - 1) / 2, groups, bias: false, ...fanOutInit };
  return new Sequential([
    new Conv2d(from, to, kernel, options),
    new BatchNorm2d(to),
    ...(activation ? [activation] : []),
  ]);
}
