// RMSProp with soft thresholds: shaders/rmsprop.wgsl has the formulas.
import rmspropWgsl from "../../shaders/rmsprop.wgsl";
import { kernel } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import type { KeysOf } from "../text/index.ts";
import {
  ADAPTIVE_KEYS,
  type AdaptiveOptions,
  adaptiveParts,
  adaptiveRecord,
  checkAdaptive,
  checkShare,
  checkSwitch,
} from "./adaptive.ts";
import type { GroupRule } from "./group_rule.ts";
import { groupedRule } from "./grouped_parts.ts";
import { Optimizer } from "./optimizer.ts";
import { checkKeys, commonSettings, type OptimizerGroup } from "./optimizer_options.ts";

const rmspropKernel = kernel("rmsprop", rmspropWgsl);

/** Options of `RMSProp`. */
export interface RMSPropOptions extends AdaptiveOptions {
  /** Share of the old second moment in the new one, in [0, 1). Default 0.99. */
  readonly alpha?: number;
  /** Share of the last move in the next one, in [0, 1). Default 0. */
  readonly momentum?: number;
  /** True: the divisor has the variance of the gradient, not its second moment. Default false. */
  readonly centered?: boolean;
}

const KEYS: KeysOf<RMSPropOptions> = { ...ADAPTIVE_KEYS, alpha: true, momentum: true, centered: true };
const NAME = "RMSProp";

/**
 * RMSProp, with momentum and centered if asked for, and soft-threshold pruning, in one dispatch per group of parameters. Weight decay
 * is coupled: added to the gradient.
 *
 * Formula   v = alpha·v + (1 - alpha)·g²; b = momentum·b + g / (√v + eps); w = w - lr·b
 * Defaults  lr 0.01, weightDecay 0, as torch.optim.RMSprop.
 * Modes     latent, inplace and none; see ThresholdMode. With `inplace` each weight shrinks by tau over its divisor.
 * Errors    OpError for a parameter in two groups, a bad option, a mode of SGD, or a list without parameters.
 * Source    torch.optim.RMSprop; Tieleman and Hinton 2012.
 * @example
 * const model = new Linear(4, 2);
 * const optimizer = new RMSProp(model.parameters(), { lr: 0.01, momentum: 0.9 });
 * console.log(optimizer.stepsDone); // 0
 */
export class RMSProp extends Optimizer {
  /** Take over the parameters' memory: they become slices of the optimiser's arenas. */
  constructor(params: readonly Parameter[] | readonly OptimizerGroup<RMSPropOptions>[], options: RMSPropOptions = {}) {
    const all = { lr: 0.01, ...options };
    super(params, {
      name: NAME,
      check: (groups) => checkKeys(NAME, all, groups, KEYS),
      rule: (own) => rmspropRule({ ...all, ...own }),
    });
  }
}

/** Return the rule of a group. Throws OpError naming a bad option. */
function rmspropRule(options: RMSPropOptions & Parameters<typeof commonSettings>[1]): GroupRule {
  const { alpha = 0.99, eps = 1e-8, centered = false, ...common } = options;
  const settings = commonSettings(NAME, common);
  checkAdaptive(NAME, settings, eps);
  checkShare(NAME, "alpha", alpha);
  checkSwitch(NAME, "centered", centered);
  const buffered = settings.momentum > 0;
  const { modes, buffers } = adaptiveParts(settings, 1 + Number(centered) + Number(buffered));
  return groupedRule(NAME, {
    settings,
    buffers,
    kernel: rmspropKernel,
    spec: { ...modes, CENTERED: centered, BUFFERED: buffered },
    addsDecay: false,
    numbers: ({ momentum }) => ({ momentum, l0: settings.shrink }),
    record: ({ lr }) => adaptiveRecord({ beta: alpha, eps, step_size: lr, root_bias: 1, log_beta1: 0, log_beta: 0 }),
  });
}
