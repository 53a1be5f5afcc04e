// Sequential, Flatten and Identity.
import { expectOptions, OpError } from "../gpu/index.ts";
import { flatten } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/index.ts";
import { kindOf } from "../text/index.ts";
import { ReLU } from "./activation.ts";
import { Module } from "./module.ts";
import { BatchNorm2d } from "./norm.ts";

/**
 * A sequence of modules, named "0", "1", ... A BatchNorm2d followed by a ReLU runs as one fused kernel unless `fuse` is
 * false; both give the same results.
 *
 * Errors    OpError for anything but an array of modules.
 * @example
 * const model = new Sequential([new Flatten(), new Linear(4, 8), new ReLU(), new Linear(8, 2)]);
 * console.log(model.forward(zeros([3, 2, 2])).shape); // 3, 2
 */
export class Sequential<In extends readonly unknown[] = [x: Tensor], Out = Tensor> extends Module<In, Out> {
  /** Number of modules. */
  readonly length: number;
  private readonly fuse: boolean;
  [index: string]: unknown;

  constructor(modules: readonly Module[], options: { readonly fuse?: boolean } = {}) {
    super();
    if (!Array.isArray(modules))
      throw new OpError("Sequential", "expected an array of modules, such as new Sequential([a, b])");
    expectOptions("Sequential", options, { fuse: true });
    modules.forEach((m: unknown, i) => {
      if (!(m instanceof Module)) throw new OpError("Sequential", `expected a module at [${i}], got ${kindOf(m)}`);
      this[String(i)] = m;
    });
    this.length = modules.length;
    this.fuse = options.fuse ?? true;
  }

  /** Return module i. */
  at(i: number): Module {
    return this[String(i)] as Module;
  }

  forward(...inputs: In): Out {
    let values: readonly unknown[] = inputs;
    for (let i = 0; i < this.length; i++) {
      const m = this.at(i);
      if (this.fuse && m instanceof BatchNorm2d && i + 1 < this.length && this.at(i + 1) instanceof ReLU) {
        values = [m.forwardRelu(values[0] as Tensor)];
        i++;
      } else values = [m.forward(...values)];
    }
    return values[0] as Out;
  }
}

/** [N, ...] -> [N, everything else]. */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return flatten(x, { startAxis: 1 });
  }
}

/** Returns its input. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
