// Parameter and StateBuffer: tensors that a module owns. They get memory when first used, so that a model can be built,
// counted and summarised without a GPU.

import { onStrayGradient } from "../autograd/index.ts";
import { type BufferView, currentGpu, OpError, type PooledBuffer } from "../gpu/index.ts";
import { checkShape, persistent, type Shape, Tensor } from "../tensor/index.ts";
import { noteClass } from "./children.ts";
import { type Initializer, nextInitIndex } from "./init.ts";

/** A tensor that computes its initial values when it is first bound. */
export class LazyTensor extends Tensor {
  private readonly initializer: Initializer;
  private readonly seedIndex = nextInitIndex();

  /** @internal */
  constructor(shape: Shape, initializer: Initializer) {
    checkShape("Parameter", shape);
    super({ shape, dtype: "f32" });
    this.initializer = initializer;
  }

  /** @internal */
  override get isMeta(): boolean {
    return false;
  }

  /** @internal */
  override get view(): BufferView {
    if (!this.storage && !this.gone) this.materialize(this.initialValues());
    return super.view;
  }

  /** Overwrite the values. A tensor without memory yet gets it with these values, without its initializer. */
  override set(values: Parameters<Tensor["set"]>[0]): void {
    const unused = !this.storage && !this.gone && !currentGpu().stream.isRecording;
    if (unused && values instanceof Float32Array && values.length === this.numel) this.materialize(values);
    else super.set(values);
  }

  /** Return the values of the initializer, the same at every call. */
  initialValues(): Float32Array {
    const values = this.initializer(this.shape, this.seedIndex);
    if (values?.length === this.numel) return values;
    throw new OpError("Parameter", `initializer: expected ${this.numel} values, got ${values?.length}`);
  }

  private materialize(values: Float32Array): void {
    const source = persistent(values, this.shape, true);
    this.storage = source.view.buffer.retain();
    source.dispose();
  }

  /** @internal Move to an offset in an arena that already holds the values. Retains the buffer. */
  attach(buffer: PooledBuffer, offset: number): void {
    buffer.retain();
    this.storage?.release();
    this.storage = buffer;
    this.offset = offset;
  }
}

/** Parameters that a backward pass reached and that no optimizer holds, since the last takeStrays(). */
const strays = new Set<Parameter>();
onStrayGradient((leaf) => {
  if (leaf instanceof Parameter) strays.add(leaf);
});

/** Return and clear the parameters that got a first gradient since the last call and that no optimizer holds. */
export function takeStrays(): Parameter[] {
  const all = [...strays].filter((p) => !p.isDisposed);
  strays.clear();
  return all;
}

/**
 * A learned tensor. `prunable` ones (weights of convolutions and linear layers) may be soft-thresholded.
 *
 * @example
 * class Scale extends Module<[x: Tensor], Tensor> {
 *   readonly weight = new Parameter([3], constantInit(2));
 *   forward(x: Tensor): Tensor {
 *     return mul(x, this.weight);
 *   }
 * }
 * console.log(await new Scale().forward(tensor([1, 2, 3])).data()); // 2, 4, 6
 */
export class Parameter extends LazyTensor {
  /** True if pruning methods may threshold it. */
  readonly prunable: boolean;
  /** Latent weight theta that the optimiser moves if the forward pass reads S(theta, d); else null. */
  latent: Tensor | null = null;

  /** Make a parameter of a shape. It gets memory and its initial values when it is first used. `prunable`: default false. */
  constructor(shape: Shape, initializer: Initializer, { prunable = false }: { prunable?: boolean } = {}) {
    super(shape, initializer);
    this.prunable = prunable;
    this.requiresGrad = true;
    noteClass(new.target);
  }
}

/** State that is saved but not learned, such as running statistics. */
export class StateBuffer extends LazyTensor {}
