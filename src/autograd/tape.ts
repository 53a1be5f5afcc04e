// The tape: a flat list of what ran, walked once from last to first. Creation order is a topological order.
import accumulateWgsl from "../../shaders/accumulate.wgsl";
import fillWgsl from "../../shaders/fill.wgsl";
import { debugLevel, debugLog, grid1d, kernel, OpError } from "../gpu/index.ts";
import { allocate, copyInto, emptyLike, Scope, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { noGrad } from "./grad_mode.ts";
import { inspect } from "./nan_watch.ts";
import { sumTo } from "./reduce_axes.ts";

const accumulateKernel = kernel("accumulate", accumulateWgsl);
const fillKernel = kernel("fill", fillWgsl);

/** target += x. */
export function accumulate(target: Tensor, x: Tensor): void {
  accumulateKernel.run({ bind: { x, target_: target }, params: { n: x.numel }, grid: grid1d(x.numel, 256) });
}

/** Sets every element to `value`. */
export function fill(y: Tensor, value: number): void {
  fillKernel.run({ bind: { y }, params: { n: y.numel, value }, grid: grid1d(y.numel) });
}

export interface BackwardContext<Options> {
  readonly options: Options;
  /** Which inputs want a gradient. */
  readonly needs: readonly boolean[];
  /** Shapes of the inputs. */
  readonly shapes: readonly Shape[];
  /** Memory for the gradient of input i: its place in the gradient arena when nothing has arrived there yet. Write all of it. */
  out(i: number): Tensor;
}

export interface TapeNode {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly output: Tensor;
  /** References of the tape's own, given back once backward has passed. */
  readonly saved: readonly (Tensor | null)[];
  readonly backward: (
    dy: Tensor,
    saved: readonly (Tensor | null)[],
    ctx: BackwardContext<unknown>,
  ) => readonly (Tensor | null | undefined)[];
  readonly options: unknown;
}

let active: Tape | null = null;

export function currentTape(): Tape | null {
  return active;
}

/** `using tape = new Tape()`: ops on tensors that want gradients are recorded until the block ends. */
export class Tape implements Disposable {
  private readonly outer: Tape | null = active;
  private nodes: TapeNode[] = [];
  private readonly kept = new Set<Tensor>();
  private done = false;

  constructor() {
    active = this;
  }

  get length(): number {
    return this.nodes.length;
  }

  record(node: TapeNode): void {
    this.nodes.push(node);
    if (debugLevel() >= 3) debugLog(`tape ${node.op} -> [${node.output.shape.join(",")}]`);
  }

  /** Keeps a recorded op's output past backward; it then belongs to the enclosing scope, or to the caller. */
  keep<T extends Tensor>(t: T): T {
    this.kept.add(t);
    return t;
  }

  /**
   * Walks the tape from `root` (one element unless `upstream` is given) and leaves gradients in the `grad` of every
   * leaf with `requiresGrad`. A second backward before `zeroGrad` adds. Recorded outputs are freed, kept ones not.
   */
  backward(root: Tensor, upstream?: Tensor): void {
    if (this.done) throw new OpError("backward", "this tape was walked already");
    if (!root.requiresGrad) throw new OpError("backward", "nothing that led to this tensor wants a gradient", { root });
    if (root.numel !== 1 && !upstream)
      throw new OpError("backward", "wants one element, or an upstream gradient", { root });
    if (upstream && !sameShape(upstream.shape, root.shape)) {
      throw new OpError("backward", "the upstream gradient has another shape", { root, upstream });
    }
    this.done = true;
    this.kept.add(root);
    const outputs = new Set(this.nodes.map((node) => node.output));
    for (const output of outputs) if (!this.kept.has(output)) output.dispose();
    noGrad(() => {
      const grads = new Map<Tensor, Tensor>();
      if (upstream) grads.set(root, upstream.alias(root.shape, false));
      else {
        const one = allocate(root.shape, "f32", { scoped: false });
        fill(one, 1);
        grads.set(root, one);
      }
      for (let i = this.nodes.length - 1; i >= 0; i--) {
        const node = this.nodes[i] as TapeNode;
        const dy = grads.get(node.output);
        if (dy) {
          grads.delete(node.output);
          this.step(node, dy, grads, outputs);
          dy.dispose();
        }
        for (const t of node.saved) t?.dispose();
      }
      // A root that is itself a leaf, or gradients for outputs of another tape, end here.
      for (const [, grad] of grads) grad.dispose();
    });
    this.nodes = [];
  }

  private step(node: TapeNode, dy: Tensor, grads: Map<Tensor, Tensor>, outputs: Set<Tensor>): void {
    using _scope = new Scope();
    const needs = node.inputs.map((t) => t?.requiresGrad ?? false);
    const shapes = node.inputs.map((t) => t?.shape ?? []);
    const out = (i: number): Tensor => {
      const input = node.inputs[i] as Tensor;
      const slot = outputs.has(input) || input.gradArrived ? null : input.grad;
      return slot ? slot.alias() : emptyLike(input);
    };
    const result = node.backward(dy, node.saved, { options: node.options, needs, shapes, out });
    node.inputs.forEach((input, i) => {
      let grad = result[i];
      if (!input || !needs[i] || !grad) return;
      inspect(node.op, "backward", grad);
      if (!sameShape(grad.shape, input.shape)) {
        if (grad.numel === input.numel) grad = grad.alias(input.shape);
        else grad = sumTo(node.op, grad, input.shape);
      }
      if (outputs.has(input)) this.arrive(input, grad, grads);
      else deliver(input, grad);
    });
  }

  /** Adds a gradient to that of an intermediate; in place when nobody else holds the first. */
  private arrive(input: Tensor, grad: Tensor, grads: Map<Tensor, Tensor>): void {
    const first = grads.get(input);
    if (!first) {
      // Aliasing instead of moving: an op may return dy itself for two inputs.
      grads.set(input, grad.alias(grad.shape, false));
      return;
    }
    if (first.isSoleOwner) {
      accumulate(first, grad);
      return;
    }
    const sum = allocate(input.shape, "f32", { scoped: false });
    copyInto(sum, first);
    accumulate(sum, grad);
    first.dispose();
    grads.set(input, sum);
  }

  dispose(): void {
    if (active === this) active = this.outer;
    for (const node of this.nodes) {
      for (const t of node.saved) t?.dispose();
      if (!this.kept.has(node.output)) node.output.dispose();
    }
    this.nodes = [];
    for (const t of this.kept) if (!t.isDisposed) Scope.adopt(t);
    this.kept.clear();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Leaves a gradient with a leaf: the first arrival is stored, later ones are added. */
function deliver(leaf: Tensor, grad: Tensor): void {
  if (!leaf.grad) {
    leaf.grad = allocate(leaf.shape, "f32", { scoped: false });
    leaf.gradArrived = false;
  }
  const slot = leaf.grad;
  const inPlace = slot.view.buffer === grad.view.buffer && slot.view.offset === grad.view.offset;
  if (!leaf.gradArrived) {
    if (!inPlace) copyInto(slot, grad);
  } else accumulate(slot, grad);
  leaf.gradArrived = true;
}
