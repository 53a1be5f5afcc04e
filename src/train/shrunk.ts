// The original sizes of a model that a session makes smaller, and the places of its elements in them: results, records and masks are those
// of the original network.
import { BatchNorm2d, Conv2d, Linear, type Module, type StateDict, summarize } from "../nn/index.ts";
import { layoutOf } from "../optim/group_tables.ts";
import type { WeightGroupName } from "../optim/weight_groups.ts";
import { applyCompaction, type CompactLayer, type CompactSizes } from "../prune/compact/description.ts";
import { padsChannels } from "../prune/compact/pads_channels.ts";
import type { TrainingCompaction } from "../prune/compact/training.ts";
import type { GroupZeros } from "../prune/zero_groups.ts";
import { type HostArray, numel, type Shape } from "../tensor/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { ModelChange } from "./model_change.ts";

/** Counts of a layer in the original network. */
interface OriginalLayer {
  readonly weights: number;
  /** Number of groups; absent without groups. */
  readonly groups?: number;
}

/** A record of the zeros of one layer. */
interface LayerRow extends GroupZeros {
  readonly name: string;
  readonly weights: number;
  readonly zeros: number;
}

/** State of a smaller model in a checkpoint. */
export interface ShrunkState {
  /** Sizes of the layers that changed. */
  readonly sizes: CompactSizes;
  /** One bit for each element of an original tensor that is smaller now, by state_dict name: set if it is left. */
  readonly left: ReadonlyMap<string, Uint32Array>;
}

/** Return the sizes of all layers that compaction can change. */
function sizesOf(model: Module): Map<string, CompactLayer> {
  const found = new Map<string, CompactLayer>();
  for (const [path, m] of model.namedModules()) {
    if (m instanceof Conv2d) found.set(path, { weight: m.weight.shape, groups: m.options.groups ?? 1 });
    else if (m instanceof Linear) found.set(path, { weight: m.weight.shape });
    else if (m instanceof BatchNorm2d && !m.folded) found.set(path, { channels: m.running_mean.numel });
    else if (padsChannels(m)) found.set(path, { zeros: m.zeroChannels });
  }
  return found;
}

function bitsOf(positions: Int32Array, size: number): Uint32Array {
  const bits = new Uint32Array(Math.ceil(size / 32));
  for (const i of positions) bits[i >>> 5] = bits[i >>> 5]! | (1 << (i & 31));
  return bits;
}

const positionsOf = (bits: Uint32Array, size: number): Int32Array =>
  Int32Array.from(Array.from({ length: size }, (_, i) => i).filter((i) => (bits[i >>> 5]! >>> (i & 31)) & 1));

/** The original network of a session whose model gets smaller. */
export class Shrunk {
  private readonly shapes: ReadonlyMap<string, Shape>;
  private readonly layers: ReadonlyMap<string, OriginalLayer>;
  private readonly original: ReadonlyMap<string, CompactLayer>;
  private sizes: CompactSizes = {};
  /** Places in the original tensor of the elements that are left, by name; absent: all. */
  private readonly left = new Map<string, Int32Array>();

  private readonly sample: Shape;
  /** Multiply-adds of the original network for one sample. */
  private readonly macs: number;
  private now: number;

  /** `model`: the original; `group`: groups of weights that the run prunes; `sample`: shape of one sample. */
  constructor(model: Module, group: WeightGroupName | undefined, sample: Shape) {
    this.sample = sample;
    this.macs = summarize(model, sample).macs;
    this.now = this.macs;
    this.shapes = new Map([...model.namedState()].map(([name, t]) => [name, t.shape]));
    this.original = sizesOf(model);
    this.layers = new Map(
      [...model.namedParameters()]
        .filter(([, p]) => p.prunable)
        .map(([name, p]) => {
          const { size, groups } = group ? layoutOf(group, p) : { size: 0, groups: 0 };
          return [name, { weights: p.numel, ...(size > 0 ? { groups } : {}) }];
        }),
    );
  }

  /** Prunable weights of the original network. */
  get weights(): number {
    return [...this.layers.values()].reduce((n, l) => n + l.weights, 0);
  }

  /** Multiply-adds of the model, as a share of those of the original network. */
  get multiplyAdds(): number {
    return this.now / this.macs;
  }

  /** True if the model is smaller than the original. */
  get isSmaller(): boolean {
    return this.left.size > 0;
  }

  /** Note a change of the model that was made. */
  note(model: Module, { sizes, positions }: TrainingCompaction): void {
    this.measure(model);
    const paths = new Set([...Object.keys(this.sizes), ...Object.keys(sizes)]);
    this.sizes = Object.fromEntries([...paths].map((path) => [path, { ...this.sizes[path], ...sizes[path] }]));
    for (const [name, kept] of positions) {
      const before = this.left.get(name);
      this.left.set(name, before ? kept.map((i) => before[i]!) : kept);
    }
  }

  /** Count the multiply-adds of the model, after a change. */
  measure(model: Module): void {
    this.now = summarize(model, this.sample).macs;
  }

  /** Return values in the original shapes: removed elements are 0, and removed running variances 1. */
  expanded(state: StateDict): StateDict {
    return new Map([...state].map(([name, array]): [string, HostArray] => [name, this.expandedArray(name, array)]));
  }

  private expandedArray(name: string, array: HostArray): HostArray {
    const left = this.left.get(name);
    const shape = this.shapes.get(name)!;
    if (!left) return array;
    const data = new Float32Array(numel(shape));
    if (name.endsWith("running_var")) data.fill(1);
    for (const [i, at] of left.entries()) data[at] = array.data[i]!;
    return { data, shape };
  }

  /** Return a layer's row with the counts of the original network: what was removed is zero. */
  row<R extends LayerRow>(row: R): R {
    const { weights, groups } = this.layers.get(row.name)!;
    const zeros = weights - (row.weights - row.zeros);
    const own = { ...row, ...("shape" in row ? { shape: this.shapes.get(row.name) } : {}), weights, zeros };
    if (groups === undefined) return own;
    return { ...own, groups, zeroGroups: groups - ((row.groups ?? 0) - (row.zeroGroups ?? 0)) };
  }

  /** Return the change that gives the model its original sizes again; null if it has them. */
  regrowth(model: Module): ModelChange | null {
    if (!this.isSmaller) return null;
    const sizes = Object.fromEntries(Object.keys(this.sizes).map((path) => [path, this.original.get(path)!]));
    const positions = new Map(
      [...this.left].map(([name, left]) => {
        const all = new Int32Array(numel(this.shapes.get(name)!)).fill(-1);
        for (const [i, at] of left.entries()) all[at] = i;
        return [name, all];
      }),
    );
    return { apply: () => applyCompaction(model, sizes), positions };
  }

  /** Note that the model has its original sizes again. */
  forget(): void {
    this.now = this.macs;
    this.sizes = {};
    this.left.clear();
  }

  /** Return the state for a checkpoint; null if the model has its original sizes. */
  state(): ShrunkState | null {
    if (!this.isSmaller) return null;
    const { sizes, left, shapes } = this;
    return { sizes, left: new Map([...left].map(([name, kept]) => [name, bitsOf(kept, numel(shapes.get(name)!))])) };
  }

  /** Take the state of a checkpoint, and return the sizes to apply. Throws ArgumentError for places of another model. */
  restore({ sizes, left }: ShrunkState): CompactSizes {
    for (const [name, bits] of left) {
      const shape = this.shapes.get(name);
      if (!shape || bits.length !== Math.ceil(numel(shape) / 32))
        throw new ArgumentError(`places of ${name}: expected those of a tensor of the model, got ${bits.length} words`);
      this.left.set(name, positionsOf(bits, numel(shape)));
    }
    this.sizes = sizes;
    return sizes;
  }
}
