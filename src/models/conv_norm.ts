// Convolution, batch norm and activation as one module, with torchvision's names: 0 and 1; the activation has none.
import * as nn from "../nn/index.ts";

/** Initial values of convolutions in torchvision's mobile networks. */
export const fanOutInit = { init: nn.kaimingNormalInit("fan_out"), biasInit: nn.constantInit(0) };

interface ConvNormConfig {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  /** Activation; null: none. */
  readonly activation: nn.Module | null;
}

/** A convolution without bias and with padding that preserves the size (at stride 1), batch norm, activation. */
export function convNorm(from: number, to: number, config: ConvNormConfig): nn.Sequential {
  const { kernel = 1, stride = 1, groups = 1, activation } = config;
  const options = { stride, padding: (kernel - 1) / 2, groups, bias: false, ...fanOutInit };
  return new nn.Sequential([
    new nn.Conv2d(from, to, kernel, options),
    new nn.BatchNorm2d(to),
    ...(activation ? [activation] : []),
  ]);
}
