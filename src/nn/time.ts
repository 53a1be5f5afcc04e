// Time in spiking networks: layers without state see the T steps of [T, N, ...] as so many more images.
import { OpError } from "../gpu/index.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import { Sequential } from "./containers.ts";
import { Module } from "./module.ts";
import type { SpikingNode } from "./neuron.ts";
import { BatchNorm2d } from "./norm.ts";

/** [T, N, ...] -> [T*N, ...], without a copy. */
export function foldTime(x: Tensor): Tensor {
  const [steps, batch, ...rest] = x.shape;
  if (steps === undefined || batch === undefined) throw new OpError("foldTime", "x wants [T, N, ...]", { x });
  return reshape(x, { shape: [steps * batch, ...rest] });
}

/** [T*N, ...] -> [T, N, ...], without a copy. Throws OpError where T does not divide the first axis. */
export function unfoldTime(x: Tensor, timeSteps: number): Tensor {
  const [folded = 0, ...rest] = x.shape;
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || folded % timeSteps !== 0) {
    throw new OpError("unfoldTime", `timeSteps wants a divisor of the first axis, was given ${timeSteps}`, { x });
  }
  return reshape(x, { shape: [timeSteps, folded / timeSteps, ...rest] });
}

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
    return unfoldTime(this.module.forward(foldTime(x)), x.shape[0] as number);
  }

  /** node.forward(forward(x)); a batch norm at the end and the neurons behind it run as one kernel. */
  forwardInto(node: SpikingNode, x: Tensor): Tensor {
    const { module } = this;
    const steps = x.shape[0] as number;
    const last = module instanceof Sequential ? module.at(module.length - 1) : module;
    if (!(last instanceof BatchNorm2d)) return node.forward(this.forward(x));
    let y = foldTime(x);
    if (module instanceof Sequential) for (let i = 0; i < module.length - 1; i++) y = module.at(i).forward(y);
    return node.forwardBatchNorm(last, y, steps);
  }
}
