// The tape: a flat list of the ops that ran, processed once from last to first. Creation order is a topological order.
import accumulateWgsl from "../../shaders/accumulate.wgsl";
import fillWgsl from "../../shaders/fill.wgsl";
import { debugLevel, debugLog, grid1d, kernel, OpError } from "../gpu/index.ts";
import {
  actSpec,
  allocate,
  bindableParts,
  bytesOf,
  copyInto,
  type DType,
  partOf,
  Scope,
  type Shape,
  sameShape,
  type Tensor,
} from "../tensor/index.ts";
import { kindOf } from "../text/index.ts";
import { convert } from "./convert.ts";
import { noGrad } from "./grad_mode.ts";
import { inspect } from "./inspection.ts";
import { sumTo } from "./reduce_axes.ts";

const accumulateKernel = kernel("accumulate", accumulateWgsl);
const fillKernel = kernel("fill", fillWgsl);

/** Add: target += x, of the same dtype. */
export function accumulate(target: Tensor, x: Tensor): void {
  const wide = x.numel % 4 === 0;
  const itemOf = (dtype: DType) => (wide ? `vec4<${dtype}>` : dtype);
  const spec = { Item: itemOf(x.dtype), Sum: itemOf("f32") };
  for (const part of bindableParts(x.numel, bytesOf[x.dtype])) {
    const n = wide ? part.rows / 4 : part.rows;
    const bind = { x: partOf(x, part), target_: partOf(target, part) };
    accumulateKernel.run({ bind, params: { n }, spec, grid: grid1d(n) });
  }
}

/** Set every element to `value`. */
export function fill(y: Tensor, value: number): void {
  for (const part of bindableParts(y.numel, bytesOf[y.dtype])) {
    const n = part.rows;
    fillKernel.run({ bind: { y: partOf(y, part) }, params: { n, value }, spec: actSpec(y), grid: grid1d(n) });
  }
}

/** Facts about an op's call that its backward function reads. */
export interface BackwardContext<Options> {
  /** Options of the call. */
  readonly options: Options;
  /** True for each input that needs a gradient. */
  readonly needs: readonly boolean[];
  /** Shapes of the inputs. */
  readonly shapes: readonly Shape[];
  /** Return memory for the gradient of input i: its slot in the gradient arena if that is still empty. Write all of it. */
  out(i: number): Tensor;
}

/** A recorded op. */
export interface TapeNode {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly output: Tensor;
  /** References owned by the tape, released after backward. */
  readonly saved: readonly (Tensor | null)[];
  readonly backward: (
    dy: Tensor,
    saved: readonly (Tensor | null)[],
    ctx: BackwardContext<unknown>,
  ) => readonly (Tensor | null | undefined)[];
  readonly options: unknown;
  /** Makes the nodes that replace this one when backward reaches it (activation_checkpoint.ts). */
  readonly expand?: (node: TapeNode) => Expansion;
}

/** Nodes recorded late, in order, and the output of the last. Their outputs are disposed already. */
export interface Expansion {
  readonly nodes: readonly TapeNode[];
  readonly output: Tensor;
}

let active: Tape | null = null;

export function currentTape(): Tape | null {
  return active;
}

/**
 * Records ops on tensors with `requiresGrad` from its construction until `dispose`, or to the end of a block with `using tape
 * = new Tape()`. Tapes nest.
 *
 * `backward` throws OpError for a tensor that the tape did not record, or that has more than one element.
 * @example
 * const w = tensor([1, 2, 3]);
 * w.requiresGrad = true;
 * const tape = new Tape();
 * const loss = tape.keep(sum(square(w)));
 * tape.backward(loss);
 * tape.dispose();
 * console.log(await loss.item()); // 14
 * console.log(await w.grad!.data()); // 2, 4, 6
 */
export class Tape implements Disposable {
  private readonly outer: Tape | null;
  private nodes: TapeNode[] = [];
  private readonly outputs = new Set<Tensor>();
  private readonly kept = new Set<Tensor>();
  private done = false;
  private closed = false;
  /** True after backward: the step of this tape is over, even if the tape is never disposed. */
  private ended = false;
  private readonly endings = new Map<object, () => void>();

  /** Start to record; tapes nest. */
  constructor() {
    let outer = active;
    while (outer?.ended) outer = outer.outer;
    this.outer = outer;
    active = this;
  }

  /** Number of recorded ops. */
  get length(): number {
    return this.nodes.length;
  }

  /** @internal */
  record(node: TapeNode): void {
    this.nodes.push(node);
    this.outputs.add(node.output);
    if (debugLevel() >= 3) debugLog(`tape ${node.op} -> [${node.output.shape.join(",")}]`);
  }

  /** @internal True for the output of an op on this tape. */
  recorded(t: Tensor): boolean {
    return this.outputs.has(t);
  }

  /** @internal Move the nodes out, for another tape, and dispose their outputs. */
  takeNodes(): TapeNode[] {
    const { nodes } = this;
    this.nodes = [];
    for (const { output } of nodes) output.dispose();
    return nodes;
  }

  /** @internal The outermost tape: that of the step, not of a checkpoint within it. */
  get outermost(): Tape {
    let tape: Tape = this;
    while (tape.outer && !tape.outer.closed && !tape.outer.ended) tape = tape.outer;
    return tape;
  }

  /** @internal Call `fn` once after backward, or when the tape is disposed without it. A second one of the same owner is ignored. */
  atEnd(owner: object, fn: () => void): void {
    if (!this.endings.has(owner)) this.endings.set(owner, fn);
  }

  private end(): void {
    const endings = [...this.endings.values()];
    this.endings.clear();
    for (const fn of endings) fn();
  }

  /** Keep a recorded op's output past backward. It then belongs to the enclosing scope, or to the caller. */
  keep<T extends Tensor>(t: T): T {
    this.kept.add(t);
    return t;
  }

  /**
   * Run backward from `root` (one element unless `upstream` is given). Stores gradients in the `grad` of every
   * leaf with `requiresGrad`. A second backward before `zeroGrad` adds. Recorded outputs are freed, except kept ones.
   */
  backward(root: Tensor, upstream?: Tensor): void {
    if (this.done) throw new OpError("backward", "expected a new tape, got one that was used already");
    if (!root.requiresGrad)
      throw new OpError("backward", "expected a tensor that depends on one with requiresGrad", { root });
    if (root.numel !== 1 && !upstream)
      throw new OpError("backward", "expected one element, or an upstream gradient", { root });
    if (upstream && !sameShape(upstream.shape, root.shape))
      throw new OpError("backward", "expected an upstream gradient of root's shape", { root, upstream });
    if (upstream && upstream.dtype !== root.dtype)
      throw new OpError("backward", "expected an upstream gradient of root's dtype", { root, upstream });
    if (!this.outputs.has(root)) throw new OpError("backward", "expected a tensor that this tape recorded", { root });
    this.done = true;
    this.kept.add(root);
    for (const output of this.outputs) if (!this.kept.has(output)) output.dispose();
    const grads = new Map<Tensor, Tensor>();
    try {
      noGrad(() => this.walk(root, upstream, grads));
    } finally {
      // After an error, tensors in progress are freed here; dispose() frees the other nodes.
      for (const grad of grads.values()) grad.dispose();
    }
    this.nodes = [];
    this.end();
    this.ended = true;
  }

  private walk(root: Tensor, upstream: Tensor | undefined, grads: Map<Tensor, Tensor>): void {
    if (upstream) grads.set(root, upstream.alias(root.shape, false));
    else {
      const one = allocate(root.shape, root.dtype, { scoped: false });
      grads.set(root, one);
      fill(one, 1);
    }
    this.walkNodes(this.nodes, grads);
  }

  private walkNodes(nodes: readonly TapeNode[], grads: Map<Tensor, Tensor>): void {
    for (let i = nodes.length - 1; i >= 0; i--) {
      const node = nodes[i]!;
      const dy = grads.get(node.output);
      if (dy && node.expand) this.walkExpanded(node, node.expand(node), dy, grads);
      else if (dy) {
        this.step(node, dy, grads);
        grads.delete(node.output);
        dy.dispose();
      }
      for (const t of node.saved) t?.dispose();
    }
  }

  /** Process the nodes that replace one, at its position: gradients add up in the order they would have had. */
  private walkExpanded(node: TapeNode, { nodes, output }: Expansion, dy: Tensor, grads: Map<Tensor, Tensor>): void {
    grads.delete(node.output);
    grads.set(output, dy);
    for (const t of node.saved) t?.dispose();
    for (const inner of nodes) this.outputs.add(inner.output);
    try {
      this.walkNodes(nodes, grads);
    } finally {
      for (const inner of nodes) {
        for (const t of inner.saved) t?.dispose();
        this.outputs.delete(inner.output);
      }
    }
  }

  private step(node: TapeNode, dy: Tensor, grads: Map<Tensor, Tensor>): void {
    const { outputs } = this;
    using _scope = new Scope();
    const needs = node.inputs.map((t) => t?.requiresGrad ?? false);
    const shapes = node.inputs.map((t) => t?.shape ?? []);
    const out = (i: number): Tensor => {
      const input = node.inputs[i]!;
      // A leaf that is several inputs of one op gets several gradients: none of them may use the slot alone.
      const isOnly = node.inputs.indexOf(input) === node.inputs.lastIndexOf(input);
      const slot = isOnly && !outputs.has(input) && !input.gradArrived ? input.grad : null;
      return slot ? slot.alias() : allocate(input.shape, input.dtype, { inParts: true });
    };
    const result = node.backward(dy, node.saved, { options: node.options, needs, shapes, out });
    if (!Array.isArray(result))
      throw new OpError(node.op, `backward: expected a list of gradients, one per input, got ${kindOf(result)}`);
    node.inputs.forEach((input, i) => {
      let grad = result[i];
      if (!input || !needs[i] || !grad) return;
      inspect(node.op, "backward", grad, node.inputs);
      if (!sameShape(grad.shape, input.shape)) {
        if (grad.numel === input.numel) grad = grad.alias(input.shape);
        else grad = sumTo(node.op, grad, input.shape, input.dtype);
      }
      if (grad.dtype !== input.dtype) grad = convert(grad, input.dtype);
      if (outputs.has(input)) this.arrive(input, grad, grads);
      else deliver(input, grad);
    });
  }

  /** Add a gradient to that of an intermediate; in place if nothing else references the first. */
  private arrive(input: Tensor, grad: Tensor, grads: Map<Tensor, Tensor>): void {
    const first = grads.get(input);
    if (!first) {
      // Alias instead of move: an op may return dy itself for two inputs.
      grads.set(input, grad.alias(grad.shape, false));
      return;
    }
    if (first.isSoleOwner) {
      accumulate(first, grad);
      return;
    }
    const sum = allocate(input.shape, input.dtype, { scoped: false });
    grads.set(input, sum);
    copyInto(sum, first);
    first.dispose();
    accumulate(sum, grad);
  }

  /** Stop recording and free what was saved for backward. */
  dispose(): void {
    this.closed = true;
    while (active?.closed) active = active.outer;
    this.end();
    for (const node of this.nodes) {
      for (const t of node.saved) t?.dispose();
      if (!this.kept.has(node.output)) node.output.dispose();
    }
    this.nodes = [];
    // The tape hands on only what it recorded.
    for (const t of this.kept) if (this.outputs.has(t) && !t.isDisposed) Scope.adopt(t);
    this.kept.clear();
    this.outputs.clear();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

let stray: (leaf: Tensor) => void = () => {};

/** Call `listen` for each leaf that gets its first gradient without a slot: no optimizer owns it. */
export function onStrayGradient(listen: (leaf: Tensor) => void): void {
  stray = listen;
}

/** Store a gradient in a leaf. Later ones are added. */
function deliver(leaf: Tensor, grad: Tensor): void {
  if (!leaf.grad) {
    stray(leaf);
    leaf.grad = allocate(leaf.shape, leaf.dtype, { scoped: false, inParts: true });
    leaf.gradArrived = false;
  }
  const slot = leaf.grad;
  const inPlace = slot.view.buffer === grad.view.buffer && slot.view.offset === grad.view.offset;
  if (!leaf.gradArrived) {
    if (!inPlace) copyInto(slot, grad);
  } else accumulate(slot, grad);
  leaf.gradArrived = true;
}
