// sparsify(model): inference by kernels that skip the zeros of pruned weights.
import { currentTape, gradEnabled, isTracing } from "../autograd/index.ts";
import { currentGpu } from "../gpu/index.ts";
import { readAll, type Shape, type Tensor } from "../tensor/index.ts";
import { ArgumentError, expectKeys, valueText } from "../text/index.ts";
import { Conv2d } from "./conv.ts";
import { Linear } from "./linear.ts";
import type { Module } from "./module.ts";
import { findFollowers } from "./sparse_ending.ts";
import {
  type KnownLayer,
  type Recording,
  SparseLayer,
  type SparseLayerInfo,
  type SparseTraining,
} from "./sparse_layer.ts";

/**
 * Kernels of pruned layers. auto: by rule, layer by layer; the tuner measures on hardware. block: blocks of 8 or 4 outputs in every
 * layer. csr: single weights in every layer. dense: the dense kernels.
 */
export const SPARSE_KERNELS = ["auto", "dense", "block", "csr"] as const;
/** Kernels of pruned layers; see SPARSE_KERNELS. */
export type SparseKernels = (typeof SPARSE_KERNELS)[number];

/** Options of `sparsify`. */
export interface SparsifyOptions {
  /** Default "auto". */
  readonly kernels?: SparseKernels;
  /**
   * True: also train with the sparse kernels, and with the blocks that are live now. Default false: training uses the dense ones.
   */
  readonly training?: boolean;
  /**
   * Shape of an input without its batch axis. Given, the model is traced, and batch norms, residual additions and ReLUs that alone read
   * the result of a layer become part of its sparse product in inference. Default null: they stay separate passes.
   */
  readonly sample?: Shape | null;
}

/** A model whose layers run sparse kernels. Made by `sparsify`. */
export class SparseModel implements Disposable {
  private readonly sparse: readonly SparseLayer[];

  /** @internal */
  constructor(sparse: readonly SparseLayer[]) {
    this.sparse = sparse;
  }

  /** The convolutions and linear layers of the model, in its order. */
  get layers(): readonly SparseLayerInfo[] {
    return this.sparse.map((layer) => layer.info);
  }

  /**
   * Copy the values of the live blocks from the weights, and the maps of batch norms with `sample`, in stream order: for weights that
   * changed where they were not zero.
   */
  refresh(): void {
    for (const layer of this.sparse) layer.refresh();
  }

  /** Give the layers their dense kernels back and free the tables. Steps that were captured with them must not run again. */
  dispose(): void {
    for (const layer of this.sparse) layer.dispose();
  }

  /** The same as `dispose`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

const isShape = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((size) => Number.isInteger(size) && size >= 1);

/** Return the record of the ops of a forward pass. */
function recording(x: Tensor): Recording {
  if (x.isMeta || isTracing()) return "trace";
  return currentTape() && gradEnabled() ? "gradients" : "none";
}

/**
 * Make the `Conv2d` and `Linear` layers of a model skip the zeros of their weights where that is faster. Reads all weights. The model
 * stays the same: names, weights, training and export; sparse kernels run in evaluation mode where no tape records. `forward` of
 * the layers is replaced until `dispose`.
 *
 * Training  with `training`, forward pass and gradients use the live blocks too. The gradient of a weight is that of its live blocks,
 *           and zero elsewhere, also in layers that keep their dense kernels: the mask is fixed. Zeros inside of a live
 *           block get a gradient. Empty the optimiser's momentum of the zeros, or let it mask them.
 * Zeros     live blocks are found once. After a step that changes weights call `refresh`; after one that revives zeros, make a new
 *           one. A NaN or an infinity in x under a weight of zero is skipped, where the dense kernel gives NaN.
 * Bits      sums have another order than the dense kernels': results agree to about 1e-6 of the largest.
 * Errors    ArgumentError for an unknown option or kernel, and a sample that is no shape; OpError if the model cannot be traced.
 * @example
 * const model = new Sequential([new Linear(64, 32), new ReLU(), new Linear(32, 4)]).eval();
 * using sparse = await sparsify(model, { kernels: "block" });
 * console.log(sparse.layers[0].kernel); // block 8
 * console.log(model.forward(zeros([2, 64])).shape); // 2, 4
 */
export async function sparsify(model: Module, options: SparsifyOptions = {}): Promise<SparseModel> {
  const fail = (problem: string) => new ArgumentError(`sparsify: ${problem}`);
  expectKeys(options, { kernels: true, training: true, sample: true }, fail);
  const { kernels = "auto", training = false, sample = null } = options;
  if (!SPARSE_KERNELS.includes(kernels))
    throw fail(`kernels: expected one of ${SPARSE_KERNELS.join(", ")}, got ${kernels}`);
  if (typeof training !== "boolean") throw fail(`training: expected true or false, got ${valueText(training)}`);
  if (sample !== null && training) throw fail("sample: expected null with training, whose batch norms change");
  if (sample !== null && !isShape(sample)) throw fail(`sample: expected sizes >= 1, got ${valueText(sample)}`);
  const found = productLayers(model);
  const followers = sample ? findFollowers(model, sample) : null;
  const values = await readAll(...found.map(({ layer }) => layer.weight));
  const weights = (i: number) => values[i] as Float32Array;
  const layers = found.map((layer, i) => ({
    ...layer,
    weights: weights(i),
    follower: followers?.get(layer.layer) ?? null,
  }));
  return sparsifyLayers(layers, { kernels, training: training ? "live" : "none" });
}

/** List the convolutions and linear layers of a model, in its order. */
export function productLayers(model: Module): Omit<KnownLayer, "weights">[] {
  return [...model.namedModules()].flatMap(([name, layer]) =>
    layer instanceof Conv2d || layer instanceof Linear ? [{ name, layer }] : [],
  );
}

/** Make layers skip the zeros of weights that are known on the host. Does not wait; see `sparsify`. */
export function sparsifyLayers(
  layers: readonly KnownLayer[],
  { kernels, training }: { readonly kernels: SparseKernels; readonly training: SparseTraining },
): SparseModel {
  const { adapter } = currentGpu();
  return new SparseModel(layers.map((layer) => new SparseLayer({ ...layer, kernels, training, adapter, recording })));
}
