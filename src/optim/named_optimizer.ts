// The optimiser of a run by its name.
import { ArgumentError, defined, useFault } from "../text/index.ts";
import { Adam, AdamW } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { OPTIMIZER_USES, OPTIMIZERS, type OptimizerConfig } from "./optimizer_names.ts";
import { RMSProp } from "./rmsprop.ts";
import { SGD } from "./sgd.ts";
import type { ParamGroup } from "./sgd_options.ts";

/** Settings that all optimisers of a run have. */
interface CommonNumbers {
  readonly lr: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Check the name of an optimiser, and that it reads its settings. Errors: ArgumentError. */
export function checkOptimizerConfig(config: OptimizerConfig): void {
  const { name } = config;
  if (!OPTIMIZERS.includes(name))
    throw new ArgumentError(`optimizer: expected one of ${OPTIMIZERS.join(", ")}, got ${name}`);
  const fault = useFault(config, OPTIMIZER_USES);
  if (fault !== null) throw new ArgumentError(`optimizer: ${fault}`);
}

/** Make an optimiser. Errors: OpError for a number out of range, or a mode that the optimiser does not have. */
export function namedOptimizer(
  { name, betas, eps, amsgrad, alpha, centered }: OptimizerConfig,
  groups: readonly ParamGroup[],
  { lr, momentum, nesterov, weightDecay }: CommonNumbers,
): Optimizer {
  const common = { lr, weightDecay };
  switch (name) {
    case "sgd":
      return new SGD(groups, { ...common, momentum, nesterov });
    case "adam":
      return new Adam(groups, { ...common, ...defined({ betas, eps, amsgrad }) });
    case "adamw":
      return new AdamW(groups, { ...common, ...defined({ betas, eps, amsgrad }) });
    case "rmsprop":
      return new RMSProp(groups, { ...common, momentum, ...defined({ eps, alpha, centered }) });
  }
}
