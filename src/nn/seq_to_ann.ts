// Stateless layers of a spiking network.
import { OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Sequential } from "./containers.ts";
import { Module } from "./module.ts";
import type { SpikingNode } from "./neuron.ts";
import { BatchNorm2d } from "./norm.ts";
import { foldTime, unfoldTime } from "./time.ts";

/**
 * Stateless layers, applied to all steps at once: x [T, N, ...] -> [T, N, ...]. Batch norm inside sees T·N images.
 * `module` is one layer, or a sequence named module.0, module.1, ... as in SpikingJelly.
 * Throws OpError for an empty list.
 */
export class SeqToANNContainer extends Module {
  readonly module: Module;

  constructor(...modules: readonly Module[]) {
    super();
    const [first] = modules;
    if (!first) throw new OpError("SeqToANNContainer", "expected at least one module, got none");
    this.module = modules.length === 1 ? first : new Sequential(modules);
  }

  forward(x: Tensor): Tensor {
    return unfoldTime(this.module.forward(foldTime(x)), x.shape[0]!);
  }

  /** Compute node.forward(forward(x)). A batch norm at the end and the neurons run as one kernel. */
  forwardInto(node: SpikingNode, x: Tensor): Tensor {
    const { module } = this;
    const steps = x.shape[0]!;
    const last = module instanceof Sequential ? module.at(module.length - 1) : module;
    if (!(last instanceof BatchNorm2d)) return node.forward(this.forward(x));
    let y = foldTime(x);
    if (module instanceof Sequential) for (let i = 0; i < module.length - 1; i++) y = module.at(i).forward(y);
    return node.forwardBatchNorm(last, y, steps);
  }
}
