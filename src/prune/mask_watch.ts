// Which weights went and which came back since the last look: the masks of a model, compared on the host.

import type { Module, Parameter } from "../nn/index.ts";
import { readAll, type TypedArray } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";

export interface MaskChange {
  /** Name of the parameter, e.g. `conv1.weight`. */
  readonly name: string;
  readonly weights: number;
  /** Entries that are 0 now. */
  readonly zeros: number;
  /** 0 now, not 0 at the last look. */
  readonly pruned: number;
  /** Not 0 now, 0 at the last look. */
  readonly regrown: number;
  /** Intersection over union of the weights alive at the two looks; 1 when none was alive at either. */
  readonly iou: number;
}

/** One bit a weight, from the lowest of each word: set where it is not 0. */
function maskOf(values: TypedArray): Uint32Array {
  const mask = new Uint32Array(Math.ceil(values.length / 32));
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0) mask[i >>> 5] = mask[i >>> 5]! | (1 << (i & 31));
  }
  return mask;
}

/** Number of set bits of a 32-bit word, by adding neighbours in pairs, fours and eights. */
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
  // Before the first look nothing was pruned.
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
 * Watches the masks of a model's prunable parameters, from one look to the next, say at the end of each epoch.
 *
 * It sees net changes: a weight that goes and comes back between two looks has not moved. The optimiser's own counts add
 * up every step, and are larger.
 *
 * Memory    one bit a weight on the host, and the weights themselves during a look.
 */
export class MaskWatch {
  private readonly parameters: readonly (readonly [string, Parameter])[];
  private masks: Uint32Array[] | null = null;

  /** Errors: ArgumentError when the model has no prunable parameter. */
  constructor(model: Module) {
    this.parameters = [...model.namedParameters()].filter(([, p]) => p.prunable);
    if (this.parameters.length === 0) throw new ArgumentError("mask watch: the model has no weight to prune");
  }

  /** The masks of the last look by the name of their parameter, a bit a weight; null before the first. For checkpoints. */
  get last(): ReadonlyMap<string, Uint32Array> | null {
    return this.masks && new Map(this.parameters.map(([name], i) => [name, this.masks![i]!]));
  }

  /** Takes masks for those of the last look. Errors: ArgumentError naming the parameter whose mask is missing or of another size. */
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
   * What changed since the last call, a row for each prunable parameter. The first call compares with a network of which
   * nothing is pruned; after loading a checkpoint without masks, call once and drop the answer. Reads the effective weights, those
   * that forward sees, in one wait for the GPU.
   */
  async compare(): Promise<MaskChange[]> {
    return this.compareTo(await readAll(...this.parameters.map(([, p]) => p)));
  }

  /** The same of weights that were read already: values of the prunable parameters, in the order of the model. */
  compareTo(values: readonly TypedArray[]): MaskChange[] {
    const masks = values.map(maskOf);
    const before = this.masks;
    this.masks = masks;
    return this.parameters.map(([name, p], i) => changeOf(name, p.numel, before?.[i] ?? null, masks[i]!));
  }
}
