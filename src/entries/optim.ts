// Public entry `espalier/optim`: the optimisers beside SGD.
export {
  Adam,
  type AdamOptions,
  AdamW,
  type AdaptiveOptions,
  RMSProp,
  type RMSPropOptions,
} from "../optim/index.ts";
export type { OptimizerGroup } from "../optim/optimizer_options.ts";
