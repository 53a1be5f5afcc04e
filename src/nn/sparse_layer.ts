// A convolution or linear layer whose forward pass skips the zeros of its weight.
import { type AdapterReport, type Candidate, currentGpu, type Trial, tuneClass } from "../gpu/index.ts";
import { type ConvShape, convShape, outputShape } from "../ops/conv/shape.ts";
import { conv2d } from "../ops/conv2d.ts";
import { linear } from "../ops/linear.ts";
import { BLOCK_SIZES, type BlockSize, packBlocks } from "../ops/sparse/blocks.ts";
import { liveWeightOp, sparseConv2dOp, sparseEndOp, sparseLinearOp } from "../ops/sparse/ops.ts";
import { idleShare } from "../ops/sparse/product.ts";
import { type BlockCount, bestBlocks, countBlocks, type LayerWork } from "../ops/sparse/rule.ts";
import { SparseWeight } from "../ops/sparse/sparse_weight.ts";
import { MOST_TAPS } from "../ops/sparse/tables.ts";
import { Scope, type Shape, type Tensor, zeros } from "../tensor/index.ts";
import { Conv2d } from "./conv.ts";
import type { Linear } from "./linear.ts";
import { type End, Ending, type Follower } from "./sparse_ending.ts";

/** Facts of a layer. */
export interface SparseLayerInfo {
  /** Name of the layer in the model. */
  readonly name: string;
  /** Numbers of the weight, and those that are not zero. */
  readonly weights: number;
  readonly nonzeros: number;
  /** Share of the blocks of 8 outputs that are live. */
  readonly liveBlocks: number;
  /** Kernel before the sizes of an input are known; small inputs may get the dense one. */
  readonly kernel: "dense" | "block 8" | "block 4" | "csr";
}

/** Record of the ops that a forward pass makes: a graph, gradients, or none. */
export type Recording = "trace" | "gradients" | "none";

/**
 * Training of a layer. none: by its dense kernels. live: with a frozen mask, so that all kernels give the gradients of the live blocks
 * only. masked: the same, of an optimiser that masks the zeros: dense kernels are left as they are.
 */
export type SparseTraining = "none" | "live" | "masked";

/** A layer, and the values of its weight. */
export interface KnownLayer {
  readonly name: string;
  readonly layer: Conv2d | Linear;
  /** Zeros decide the blocks. */
  readonly weights: Float32Array;
  /** Batch norm or ReLU that alone reads the layer's result, for inference. Default null: none is known. */
  readonly follower?: Follower | null;
}

interface Given extends KnownLayer {
  readonly kernels: "auto" | "dense" | "block" | "csr";
  readonly training: SparseTraining;
  readonly adapter: AdapterReport;
  readonly recording: (x: Tensor) => Recording;
}

interface Way extends Candidate {
  run(x: Tensor): Tensor;
}

const SIZES: Readonly<Record<Given["kernels"], readonly BlockSize[]>> = {
  auto: BLOCK_SIZES,
  block: [8, 4],
  csr: [1],
  dense: [],
};

const NAMES = { 8: "block 8", 4: "block 4", 1: "csr" } as const;

/** Return the work of a layer. */
function workOf({ weight, ...layer }: Conv2d | Linear, follower: Follower | null): LayerWork {
  const [outputs, , kh = 1, kw = 1] = weight.shape as [number, number, number?, number?];
  const { groups = 1, stride = 1 } = "options" in layer ? layer.options : {};
  const isStrided = [stride].flat().some((step) => step > 1);
  const kind = kh * kw === 1 ? "point" : isStrided ? "strided" : "window";
  return { outputs, groups, each: weight.numel / outputs, kind, passes: follower ? 1 : 0 };
}

/** Return the blocks that take the fewest bytes of weights and taps: for kernels that the caller demands. */
const fewestBytes = (counts: readonly BlockCount[]): BlockCount =>
  counts.reduce((a, b) => (b.live * (b.size + 2) < a.live * (a.size + 2) ? b : a));

/** A layer with its sparse weight. */
export class SparseLayer {
  readonly info: SparseLayerInfo;
  private readonly layer: Conv2d | Linear;
  private readonly given: Given;
  private readonly work: LayerWork;
  private readonly count: BlockCount | null;
  private readonly weight: SparseWeight | null;
  private readonly ending: Ending | null;
  /** True by the sizes of an input if the sparse kernel is used. */
  private readonly used = new Map<string, boolean>();

  constructor(given: Given) {
    const { name, layer, weights, kernels, adapter, follower = null } = given;
    this.given = given;
    this.layer = layer;
    const work = workOf(layer, follower);
    this.work = work;
    const counts = BLOCK_SIZES.map((size) => countBlocks(weights, work, size));
    const allowed = counts.filter(({ size }) => SIZES[kernels].includes(size));
    this.count = this.choose(allowed, adapter);
    const [most] = counts as [BlockCount];
    this.info = {
      name,
      weights: weights.length,
      nonzeros: counts.at(-1)!.live,
      liveBlocks: most.live / (most.rows * work.each),
      kernel: this.count ? NAMES[this.count.size] : "dense",
    };
    const { training } = given;
    const size = this.count?.size ?? most.size;
    const isNeeded = this.count !== null || (training === "live" && most.live < most.rows * work.each);
    const { groups } = work;
    this.weight = isNeeded ? new SparseWeight(packBlocks(weights, layer.weight.shape, { size, groups })) : null;
    const run = (x: Tensor, end: End) => this.ended(x, end);
    this.ending = follower && this.count ? new Ending(follower, work.outputs, run) : null;
    if (this.weight) layer.forward = (x: Tensor) => this.forward(x);
    if (this.ending) this.refresh();
  }

  /** Return the blocks to use; null for the dense kernel. */
  private choose(allowed: readonly BlockCount[], adapter: AdapterReport): BlockCount | null {
    const [, , ...kernel] = this.layer.weight.shape;
    if (allowed.length === 0 || kernel.some((taps) => taps > MOST_TAPS)) return null;
    return this.given.kernels === "auto" ? bestBlocks(adapter, this.work, allowed) : fewestBytes(allowed);
  }

  private dense(x: Tensor, masks = false): Tensor {
    const { layer } = this;
    const w = masks ? liveWeightOp(layer.weight, { weight: this.weight! }) : layer.weight;
    return layer instanceof Conv2d ? conv2d(x, w, layer.bias, layer.options) : linear(x, w, layer.bias);
  }

  private sparse(x: Tensor): Tensor {
    const { layer } = this;
    const weight = this.weight!;
    const dense = this.given.training === "none" ? null : layer.weight;
    return layer instanceof Conv2d
      ? sparseConv2dOp(x, layer.bias, dense, { weight, shape: this.shapeOf(layer, x) })
      : sparseLinearOp(x, layer.bias, dense, { weight });
  }

  private ended(x: Tensor, { residual, relu }: End): Tensor {
    const { layer } = this;
    const weight = this.weight!;
    const shape = layer instanceof Conv2d ? this.shapeOf(layer, x) : null;
    return sparseEndOp(x, this.ending!.biasOf(layer), residual, { weight, shape, relu });
  }

  private resultShape(x: Tensor): Shape {
    const { layer } = this;
    if (layer instanceof Conv2d) return outputShape(this.shapeOf(layer, x));
    return [...x.shape.slice(0, -1), layer.weight.shape[0]!];
  }

  private shapeOf({ weight, bias, options }: Conv2d, x: Tensor): ConvShape {
    return convShape(x, weight, bias, options);
  }

  private forward(x: Tensor): Tensor {
    const { training, recording } = this.given;
    const use = recording(x);
    const trains = this.layer.training || use === "gradients";
    if (use === "trace" || (training === "none" && trains)) return this.dense(x);
    const { ending } = this;
    // The sparse weight contains the batch norm's scales.
    if (ending && !ending.isFixed) return this.dense(x);
    const way = this.wayOf(x, use);
    return ending && way.label !== "dense" ? ending.defer(x, this.resultShape(x)) : way.run(x);
  }

  /** Choose the kernel for an input: by rule, or by the tuner. */
  private wayOf(x: Tensor, use: Recording): Way {
    const { kernels, training } = this.given;
    const trains = this.layer.training || use === "gradients";
    const isForced = kernels !== "auto";
    const isSparse = this.count !== null && (isForced || this.suits(x));
    const [dense, sparse]: [Way, Way] = [
      { label: "dense", run: (t) => this.dense(t, training === "live" && use === "gradients") },
      { label: this.info.kernel, run: (t) => this.sparse(t) },
    ];
    const { tuner } = currentGpu();
    const rule = isSparse ? sparse : dense;
    // No trials in training: a checkpointed layer runs again in the backward pass, and must give the same bits.
    if (isForced || !this.count || trains || !tuner.active) return rule;
    const { live, size } = this.count;
    const pixels = x.numel / x.shape[this.layer instanceof Conv2d ? 1 : x.shape.length - 1]!;
    const choice = {
      key: `${this.info.kernel} ${live} of [${this.layer.weight.shape}] pixels ${tuneClass(pixels)} ${x.dtype}`,
      work: live * size * pixels,
      rule: () => rule,
      others: () => [rule === dense ? sparse : dense],
      trial: (): Trial<Way> => {
        const given = zeros(x.shape, x.dtype);
        Scope.release(given);
        return { run: (way) => way.run(given).dispose(), dispose: () => given.dispose() };
      },
    };
    return tuner.pick<Way>(choice);
  }

  /** True if the rule still prefers the sparse kernel for an input of these sizes. */
  private suits(x: Tensor): boolean {
    const key = x.shape.join();
    const known = this.used.get(key);
    if (known !== undefined) return known;
    const { layer, weight, work, given, count } = this;
    const shape = layer instanceof Conv2d ? this.shapeOf(layer, x) : null;
    const rows = x.numel / x.shape.at(-1)!;
    const pixels = shape ? shape.batch * shape.rows.out * shape.columns.out : rows;
    const suits = bestBlocks(given.adapter, work, [count!], { pixels, idle: idleShare(shape, rows, weight!) }) !== null;
    this.used.set(key, suits);
    return suits;
  }

  /** Copy the values of the live blocks from the layer's weight, and batch norm's map. */
  refresh(): void {
    if (!this.weight) return;
    if (this.ending) this.ending.refresh(this.layer, this.weight);
    else this.weight.refresh(this.layer.weight);
  }

  /** Give the layer its own forward pass back. */
  dispose(): void {
    if (!this.weight) return;
    this.weight.dispose();
    this.ending?.dispose();
    Reflect.deleteProperty(this.layer, "forward");
  }
}
