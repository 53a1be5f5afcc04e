// Adam, AMSGrad and AdamW with soft thresholds: shaders/adam.wgsl has the formulas.
import adamWgsl from "../../shaders/adam.wgsl";
import biasWgsl from "../../shaders/adaptive_bias.wgsl";
import { kernel, OpError } from "../gpu/index.ts";
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
import { checkKeys, commonSettings, numberChecks, type OptimizerGroup } from "./optimizer_options.ts";

const adamKernel = kernel("adam", adamWgsl);
const biasKernel = kernel("adaptive_bias", biasWgsl);

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions extends AdaptiveOptions {
  /** Shares of the old first and second moment in the new ones, each in [0, 1). Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** True: the divisor has the largest second moment so far (AMSGrad). Default false. */
  readonly amsgrad?: boolean;
}

const KEYS: KeysOf<AdamOptions> = { ...ADAPTIVE_KEYS, betas: true, amsgrad: true };

/**
 * Adam and AMSGrad with soft-threshold pruning, in one dispatch per group of parameters. Weight decay is coupled: added to the
 * gradient.
 *
 * Formula   m = beta1·m + (1 - beta1)·g; v = beta2·v + (1 - beta2)·g²; w = w - lr·(m / (1 - beta1^t)) / (√(v / (1 - beta2^t)) + eps)
 * Defaults  lr 0.001, weightDecay 0, as torch.optim.Adam.
 * Modes     latent, inplace and none; see ThresholdMode. With `inplace` each weight shrinks by tau over its divisor.
 * Errors    OpError for a parameter in two groups, a bad option, a mode of SGD, or a list without parameters.
 * Source    torch.optim.Adam; Kingma and Ba 2015; the thresholds are those of STDS (Chen et al. 2022).
 * @example
 * const model = new Linear(4, 2);
 * const optimizer = new Adam(pruningGroups(model, { mode: "latent" }), { lr: 1e-3, threshold: (step) => 0.01 * step });
 * tidy(() => {
 *   const tape = new Tape();
 *   tape.backward(crossEntropy(model.forward(tensor([[1, 2, 3, 4]])), tensor(Int32Array.of(1))));
 *   optimizer.step();
 * });
 * console.log(optimizer.stepsDone); // 1
 */
export class Adam extends Optimizer {
  /** Take over the parameters' memory: they become slices of the optimiser's arenas. */
  constructor(params: readonly Parameter[] | readonly OptimizerGroup<AdamOptions>[], options: AdamOptions = {}) {
    super(params, adam("Adam", options));
  }
}

/**
 * Adam with decoupled weight decay: w = w - lr·weightDecay·w before the step of Adam.
 *
 * Defaults  lr 0.001, weightDecay 0.01, as torch.optim.AdamW.
 * Modes     those of Adam. Decay acts on theta in mode latent, on W in mode inplace, unless decayTarget says otherwise.
 * Errors    as Adam.
 * Source    torch.optim.AdamW; Loshchilov and Hutter 2019.
 * @example
 * const model = new Linear(4, 2);
 * const optimizer = new AdamW(model.parameters(), { lr: 1e-3 });
 * console.log(optimizer.stepsDone); // 0
 */
export class AdamW extends Optimizer {
  /** Take over the parameters' memory: they become slices of the optimiser's arenas. */
  constructor(params: readonly Parameter[] | readonly OptimizerGroup<AdamOptions>[], options: AdamOptions = {}) {
    super(params, adam("AdamW", options));
  }
}

/** Return what the frame needs of Adam or AdamW. */
function adam(name: "Adam" | "AdamW", options: AdamOptions) {
  const all = { lr: 1e-3, weightDecay: name === "AdamW" ? 0.01 : 0, ...options };
  return {
    name,
    check: (groups: readonly Partial<AdamOptions>[]) => checkKeys(name, all, groups, KEYS),
    rule: (own: Partial<AdamOptions>) => adamRule(name, { ...all, ...own }),
  };
}

/** Return the rule of a group. Throws OpError naming a bad option. */
function adamRule(name: "Adam" | "AdamW", options: AdamOptions & Parameters<typeof commonSettings>[1]): GroupRule {
  const { betas = [0.9, 0.999], eps = 1e-8, amsgrad = false, ...common } = options;
  const settings = commonSettings(name, common);
  checkAdaptive(name, settings, eps);
  if (!Array.isArray(betas) || betas.length !== 2) numberChecks(name).fail("betas", "two numbers in [0, 1)", betas);
  for (const beta of betas) checkShare(name, "betas", beta);
  checkSwitch(name, "amsgrad", amsgrad);
  const [beta1, beta2] = betas;
  const { modes, buffers } = adaptiveParts(settings, amsgrad ? 3 : 2);
  return groupedRule(name, {
    settings,
    buffers,
    kernel: adamKernel,
    spec: { ...modes, AMSGRAD: amsgrad, DECOUPLED: name === "AdamW" },
    addsDecay: name === "AdamW",
    check: ({ momentum }) => {
      if (momentum !== undefined) throw new OpError(name, "momentum: expected nothing, since betas takes its place");
    },
    numbers: () => ({ momentum: beta1, gradient_scale: 1 - beta1, l0: settings.shrink }),
    record: ({ lr }, step) =>
      adaptiveRecord({
        beta: beta2,
        eps,
        step_size: lr / (1 - beta1 ** (step + 1)),
        root_bias: 1 / Math.sqrt(1 - beta2 ** (step + 1)),
        log_beta1: logOf(beta1),
        log_beta: logOf(beta2),
      }),
    correct: ({ hyper }, { state }) => biasKernel.run({ bind: { hyper, scale: state }, grid: [1] }),
  });
}

/** Return log(beta), a large negative number for 0. */
const logOf = (beta: number): number => Math.max(Math.log(beta), -1e30);
