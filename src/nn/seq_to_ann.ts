// Layers without state in a spiking network.
import { OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { Sequential } from "./containers.ts";
import { Module } from "./module.ts";
import type { SpikingNode } from "./neuron.ts";
import { BatchNorm2d } from "./norm.ts";
import { foldTime, unfoldTime } from "./time.ts";

/**
 * Layers without state, applied to every step at once: x [T, N, ...] -> [T, N, ...]. Batch norm inside sees T·N images.
 * `module` is one layer or several, which are then named module.0, module.1, ... as in SpikingJelly.
 */
export class SeqToANNContainer extends Module {
  readonly module: Module;

  constructor(...modules: readonly Module[]) {
    super();
    const [first] = modules;
    if (!first) throw new OpError("SeqToANNContainer", "wants at least one module");
    this.module = modules.length === 1 ? first : new Sequential(modules);
  }

  forward(x: Tensor): Tensor {
    return unfoldTime(this.module.forward(foldTime(x)), x.shape[0]!);
  }

  /** node.forward(forward(x)); a batch norm at the end and the neurons behind it run as one kernel. */
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
