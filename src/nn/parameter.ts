// Parameter and StateBuffer: tensors that a module owns. They get memory when first used, so that a model can be built,
// counted and summarised without a GPU.

import { onStrayGradient } from "../autograd/index.ts";
import { type BufferView, currentGpu, type PooledBuffer } from "../gpu/index.ts";
import { checkShape, persistent, type Shape, Tensor } from "../tensor/index.ts";
import { noteClass } from "./children.ts";
import { type Initializer, nextInitIndex } from "./init.ts";

/** A tensor with a rule for its first values, kept until something binds it. */
export class LazyTensor extends Tensor {
  private readonly initializer: Initializer;
  private readonly seedIndex = nextInitIndex();

  constructor(shape: Shape, initializer: Initializer) {
    checkShape("Parameter", shape);
    super({ shape, dtype: "f32" });
    this.initializer = initializer;
  }

  override get isMeta(): boolean {
    return false;
  }

  override get view(): BufferView {
    if (!this.storage && !this.gone) this.materialize(this.initialValues());
    return super.view;
  }

  /** Overwrites the values. What has no memory yet gets it with these, and its initializer is not asked. */
  override set(values: Parameters<Tensor["set"]>[0]): void {
    const unused = !this.storage && !this.gone && !currentGpu().stream.isRecording;
    if (unused && values instanceof Float32Array && values.length === this.numel) this.materialize(values);
    else super.set(values);
  }

  /** The values the initializer gives; the same at every call. */
  initialValues(): Float32Array {
    return this.initializer(this.shape, this.seedIndex);
  }

  private materialize(values: Float32Array): void {
    const source = persistent(values, this.shape, true);
    this.storage = source.view.buffer.retain();
    source.dispose();
  }

  /** Moves to a place in an arena; the caller has put the values there. Takes a reference of its own. */
  attach(buffer: PooledBuffer, offset: number): void {
    buffer.retain();
    this.storage?.release();
    this.storage = buffer;
    this.offset = offset;
  }
}

/** Parameters that a backward pass reached and that have no place in an optimizer, until one asks. */
const strays = new Set<Parameter>();
onStrayGradient((leaf) => {
  if (leaf instanceof Parameter) strays.add(leaf);
});

/** Parameters that got a first gradient since the last call, and that no optimizer holds. */
export function takeStrays(): Parameter[] {
  const all = [...strays].filter((p) => !p.isDisposed);
  strays.clear();
  return all;
}

/** A learned tensor. `prunable` ones (weights of convolutions and linear layers) may be soft-thresholded. */
export class Parameter extends LazyTensor {
  readonly prunable: boolean;
  /** The latent weight theta that the optimiser moves when the forward pass reads S(theta, d); else null. */
  latent: Tensor | null = null;

  constructor(shape: Shape, initializer: Initializer, { prunable = false }: { prunable?: boolean } = {}) {
    super(shape, initializer);
    this.prunable = prunable;
    this.requiresGrad = true;
    noteClass(new.target);
  }
}

/** State that is saved but not learned, such as running statistics. */
export class StateBuffer extends LazyTensor {}
