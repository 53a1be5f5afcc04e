// A change of the layers of a model that a session trains.
import type { Positions } from "../optim/replace_parameters.ts";

/** A change of a model. */
export interface ModelChange {
  /**
   * Change the layers: replace their kernels, or their parameters and buffers by others under the same names. It runs once, while no
   * step is captured or being captured. Parameters that it replaces are disposed by it.
   */
  readonly apply: () => void;
  /** Positions of the elements of each tensor that changes its shape in the old one, by state_dict name. Default: no shape changes. */
  readonly positions?: ReadonlyMap<string, Positions>;
}
