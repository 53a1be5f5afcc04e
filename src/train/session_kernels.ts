// Sparse kernels of a session: while `fit` runs and zeros stay zero, they take the place of the dense ones, epoch by epoch.
import type { Module } from "../nn/index.ts";
import type { SparseModel } from "../nn/sparsify.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { TrainingKernels } from "../prune/config.ts";
import type { MaskWatch } from "../prune/mask_watch.ts";
import { frozenWeights } from "./frozen_weights.ts";
import type { ModelChange } from "./model_change.ts";

/** Parts of a session that decide its kernels. */
interface Parts {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly masks: MaskWatch | null;
}

/** Masks of weights by name: one bit for each weight, set if it is alive. */
export type Masks = ReadonlyMap<string, Uint32Array>;

type Kernels = Exclude<TrainingKernels, "dense">;

/** Makes sparse kernels for the live weights of masks. */
type Sparsify = (model: Module, masks: Masks, kernels: Kernels) => SparseModel;

/** Return 1 for each weight that is alive and 0 for the others, from one bit for each. */
export const numbersOf = (bits: Uint32Array, size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => (bits[i >>> 5]! >>> (i & 31)) & 1);

const isSame = (a: Masks, b: Masks): boolean =>
  a.size === b.size && [...a].every(([name, bits]) => b.get(name)?.every((word, i) => word === bits[i]) === true);

/** The sparse kernels of a session's model, and the masks that they were made for. */
export class SessionKernels {
  private readonly kernels: Kernels;
  private made: { readonly sparse: SparseModel; readonly masks: Masks } | null = null;

  constructor(kernels: Kernels) {
    this.kernels = kernels;
  }

  /** Number of layers that have a sparse kernel. */
  get layers(): number {
    return this.made?.sparse.layers.filter(({ kernel }) => kernel !== "dense").length ?? 0;
  }

  /** Return the masks of the weights with zeros that stay zero. */
  private static masksOf({ model, optimizer, masks }: Parts): Masks {
    const frozen = frozenWeights(model, optimizer);
    const params = new Map(model.namedParameters());
    const hasZeros = (name: string, bits: Uint32Array) => numbersOf(bits, params.get(name)!.numel).includes(0);
    return new Map([...(masks?.last ?? [])].filter(([name, bits]) => frozen.has(name) && hasZeros(name, bits)));
  }

  /**
   * Return the change to kernels for the masks at the start of an epoch; null if the model has them. The masks are those that a
   * checkpoint holds, not the weights of now: a run that resumes within the epoch gets the same blocks.
   */
  change(parts: Parts, sparsify: Sparsify): ModelChange | null {
    const { kernels } = this;
    const masks = SessionKernels.masksOf(parts);
    if (isSame(masks, this.made?.masks ?? new Map())) return null;
    const apply = () => {
      this.dispose();
      this.made = { sparse: sparsify(parts.model, masks, kernels), masks };
    };
    return { apply };
  }

  /** True if layers have kernels of this object now. */
  get isUsed(): boolean {
    return this.made !== null;
  }

  /** Give the layers their dense kernels back. Steps that were captured with the others must not run again. */
  dispose(): void {
    this.made?.sparse.dispose();
    this.made = null;
  }
}
