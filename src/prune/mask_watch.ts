// Compares the masks of a model with those of the last call, on the host.

import type { Module, Parameter } from "../nn/index.ts";
import { readAll, type TypedArray } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";

/** Change of a layer's zeros between two calls. */
export interface MaskChange {
  /** Name of the parameter, e.g. `conv1.weight`. */
  readonly name: string;
  readonly weights: number;
  /** Entries that are 0 now. */
  readonly zeros: number;
  /** Entries that are 0 now and were not at the last call. */
  readonly pruned: number;
  /** Entries that are not 0 now and were 0 at the last call. */
  readonly regrown: number;
  /** Intersection over union of the live weights of both calls; 1 if there are none. */
  readonly iou: number;
}

/** Return one bit per weight, from the lowest of each word: set if the weight is not 0. */
function maskOf(values: TypedArray): Uint32Array {
  const mask = new Uint32Array(Math.ceil(values.length / 32));
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0) mask[i >>> 5] = mask[i >>> 5]! | (1 << (i & 31));
  }
  return mask;
}

/** Count the set bits of a 32-bit word, by adding neighbours in pairs, fours and eights. */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function changeOf(name: string, weights: number, before: Uint32Array | null, now: Uint32Array): MaskChange {
  let alive = 0;
  let wasAlive = 0;
  let both = 0;
  for (let i = 0; i < now.length; i++) {
    const word = now[i]!;
    alive += bitCount(word);
    if (!before) continue;
    wasAlive += bitCount(before[i]!);
    both += bitCount(word & before[i]!);
  }
  // Before the first call nothing was pruned.
  if (!before) [wasAlive, both] = [weights, alive];
  const union = alive + wasAlive - both;
  return {
    name,
    weights,
    zeros: weights - alive,
    pruned: wasAlive - both,
    regrown: alive - both,
    iou: union === 0 ? 1 : both / union,
  };
}

/**
 * Tracks the masks of a model's prunable parameters from one call to the next, such as once per epoch.
 *
 * It counts net changes: a weight that is pruned and regrows between two calls counts as unchanged. The optimiser's counts add up
 * every step and are larger.
 *
 * Memory    one bit per weight on the host, and the weights themselves during a call.
 * `restore` throws ArgumentError for masks of other layers.
 */
export class MaskWatch {
  private parameters: readonly (readonly [string, Parameter])[] = [];
  private masks: Uint32Array[] | null = null;

  /** Errors: ArgumentError if the model has no prunable parameter. */
  constructor(model: Module) {
    this.follow(model);
    if (this.parameters.length === 0)
      throw new ArgumentError("mask watch: expected a weight to prune, got a model without any");
  }

  /** @internal Take the parameters of a model whose shapes changed, and forget the masks of the last call. */
  follow(model: Module): void {
    this.parameters = [...model.namedParameters()].filter(([, p]) => p.prunable);
    this.masks = null;
  }

  /** Masks of the last call by parameter name, one bit per weight; null before the first. For checkpoints. */
  get last(): ReadonlyMap<string, Uint32Array> | null {
    return this.masks && new Map(this.parameters.map(([name], i) => [name, this.masks![i]!]));
  }

  /** Restore the masks of the last call. Errors: ArgumentError naming a parameter whose mask is missing or has another size. */
  restore(masks: ReadonlyMap<string, Uint32Array>): void {
    this.masks = this.parameters.map(([name, p]) => {
      const words = Math.ceil(p.numel / 32);
      const mask = masks.get(name);
      if (mask?.length !== words)
        throw new ArgumentError(
          `mask watch: ${name}: expected a mask of ${words} words, got ${mask?.length ?? "none"}`,
        );
      return mask;
    });
  }

  /**
   * Return the changes since the last call, one row per prunable parameter. The first call compares with an unpruned network;
   * after loading a checkpoint without masks, call it once and ignore the result. Reads the effective weights, in one wait for
   * the GPU.
   */
  async compare(): Promise<MaskChange[]> {
    return this.compareTo(await readAll(...this.parameters.map(([, p]) => p)));
  }

  /** Return the same for values already read: those of the prunable parameters, in the order of the model. */
  compareTo(values: readonly TypedArray[]): MaskChange[] {
    const masks = values.map(maskOf);
    const before = this.masks;
    this.masks = masks;
    return this.parameters.map(([name, p], i) => changeOf(name, p.numel, before?.[i] ?? null, masks[i]!));
  }
}
