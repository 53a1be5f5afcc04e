// Finds the first op whose result is not finite: each inspected tensor gets one dispatch that lowers a counter on the
// GPU to that op's number, so that nothing waits until the end.
import nanCheckWgsl from "../../shaders/nan_check.wgsl";
import { type BufferView, checksNan, currentGpu, type Gpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import { bindableParts, bytesOf, partOf, scalar, type Tensor } from "../tensor/index.ts";
import { type Inspector, setInspector } from "./inspection.ts";

const nanCheckKernel = kernel("nan_check", nanCheckWgsl);
const NONE = 0xffffffff;

export interface BadOp {
  readonly op: string;
  readonly phase: "forward" | "backward";
  readonly shape: readonly number[];
  /** Names of its named inputs: parameters, which identify the layer. */
  readonly inputs?: readonly string[];
}

let active: NanWatch | null = null;

/** `using watch = new NanWatch()`; run a step eagerly; `await watch.first()` names the first op with a NaN or Inf. */
export class NanWatch implements Disposable {
  private readonly first_ = scalar(NONE, "u32");
  private readonly seen: BadOp[] = [];
  private readonly outer: NanWatch | null = active;
  private closed = false;

  constructor() {
    setInspector(inspectResult);
    active = this;
  }

  inspect(op: string, phase: BadOp["phase"], t: Tensor, inputs: readonly (Tensor | null)[] = []): void {
    if (t.dtype !== "f32" && t.dtype !== "f16") return;
    const halves = t.dtype === "f16";
    for (const part of bindableParts(t.numel, bytesOf[t.dtype])) {
      const n = part.rows;
      const bind = { x: partOf(t, part), first: this.first_ };
      const params = { n, index: this.seen.length };
      nanCheckKernel.run({ bind, params, spec: { HALVES: halves }, grid: grid1d(halves ? Math.ceil(n / 2) : n) });
    }
    const names = inputs.flatMap((input) => (input?.name ? [input.name] : []));
    this.seen.push({ op, phase, shape: t.shape, ...(names.length > 0 ? { inputs: names } : {}) });
  }

  async first(): Promise<BadOp | null> {
    const index = await this.first_.item();
    return index === NONE ? null : (this.seen[index] ?? null);
  }

  get view(): BufferView {
    return this.first_.view;
  }

  /** Return the error for a value of the counter, or null. */
  judge(index: number): OpError | null {
    const bad = index === NONE ? undefined : this.seen[index];
    if (!bad) return null;
    return new OpError(bad.op, `made a NaN or an infinity (${bad.phase}, [${bad.shape.join(",")}])`);
  }

  dispose(): void {
    this.closed = true;
    while (active?.closed) active = active.outer;
    this.first_.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

const ambient = new WeakMap<Gpu, NanWatch>();

/** The watch of ESPALIER_CHECK=nan: its counter is read with every reading, which then throws. */
function ambientWatch(): NanWatch {
  const gpu = currentGpu();
  let watch = ambient.get(gpu);
  if (!watch) {
    const before = active;
    watch = new NanWatch();
    active = before;
    ambient.set(gpu, watch);
    gpu.readback.rider = watch;
  }
  return watch;
}

/** Inspect the result of an op, if a watch is open or the settings request the check. */
export const inspectResult: Inspector = (op, phase, t, inputs) => {
  if (active) active.inspect(op, phase, t, inputs);
  else if (checksNan()) ambientWatch().inspect(op, phase, t, inputs);
};
