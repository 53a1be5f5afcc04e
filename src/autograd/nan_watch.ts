// Finds the first op whose result is not finite: each inspected tensor gets one dispatch that lowers a counter on the
// GPU to that op's number, so that nothing waits until the end.
import nanCheckWgsl from "../../shaders/nan_check.wgsl";
import { grid1d, kernel } from "../gpu/index.ts";
import { scalar, type Tensor } from "../tensor/index.ts";

const nanCheckKernel = kernel("nan_check", nanCheckWgsl);
const NONE = 0xffffffff;

export interface BadOp {
  readonly op: string;
  readonly phase: "forward" | "backward";
  readonly shape: readonly number[];
}

let active: NanWatch | null = null;

/** `using watch = new NanWatch()`; run a step eagerly; `await watch.first()` names the first op with a NaN or Inf. */
export class NanWatch implements Disposable {
  private readonly first_ = scalar(NONE, "u32");
  private readonly seen: BadOp[] = [];
  private readonly outer = active;

  constructor() {
    active = this;
  }

  inspect(op: string, phase: BadOp["phase"], t: Tensor): void {
    if (t.dtype !== "f32") return;
    const bind = { x: t, first: this.first_ };
    nanCheckKernel.run({ bind, params: { n: t.numel, index: this.seen.length }, grid: grid1d(t.numel, 1024) });
    this.seen.push({ op, phase, shape: t.shape });
  }

  async first(): Promise<BadOp | null> {
    const index = await this.first_.item();
    return index === NONE ? null : (this.seen[index] ?? null);
  }

  dispose(): void {
    if (active === this) active = this.outer;
    this.first_.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Called by the engine after every op; does nothing unless a watch is open. */
export function inspect(op: string, phase: BadOp["phase"], t: Tensor): void {
  active?.inspect(op, phase, t);
}
