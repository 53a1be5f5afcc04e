// A block-sparse weight on the device, and the products that read it.
import gatherWgsl from "../../../shaders/sparse_gather.wgsl";
import scatterWgsl from "../../../shaders/sparse_scatter.wgsl";
import { grid1d, kernel, OpError } from "../../gpu/index.ts";
import { empty, fillZero, persistent, type Tensor } from "../../tensor/index.ts";
import type { ConvShape } from "../conv/shape.ts";
import { type Blocks, everyBlock } from "./blocks.ts";
import { type TermPlanes, termPlanes } from "./grad_tables.ts";
import { MOST_TAPS, tapTable } from "./tables.ts";

const gatherKernel = kernel("sparse_gather", gatherWgsl);
const scatterKernel = kernel("sparse_scatter", scatterWgsl);

/** Upload numbers; one zero in place of none, since nothing cannot be bound. */
function upload(values: Uint32Array | Float32Array, last: number): Tensor {
  if (values.length > 0) return persistent(values, [values.length / last, last]);
  return persistent(values instanceof Float32Array ? new Float32Array(last) : new Uint32Array(last), [1, last]);
}

/** A factor for each output: numbers from `first` on. */
export interface OutputScales {
  readonly numbers: Tensor;
  readonly first: number;
}

/** The live blocks of a weight, on the device. Lives until `dispose`, also across captured steps. */
export class SparseWeight {
  readonly blocks: Blocks;
  /** [rows of blocks, 4]; see Blocks. */
  readonly rows: Tensor;
  /** [live, size]. */
  readonly values: Tensor;
  private readonly tables = new Map<string, Tensor>();
  private readonly planes = new Map<boolean, TermPlanes>();

  constructor(blocks: Blocks) {
    this.blocks = blocks;
    this.rows = upload(blocks.rows, 4);
    this.values = upload(blocks.values, blocks.size);
  }

  /** Number of rows of blocks. */
  get rowCount(): number {
    return this.blocks.rows.length / 4;
  }

  /** Number of live blocks. */
  get live(): number {
    return this.blocks.places.length;
  }

  /** Return a table of this weight, made and uploaded once. `last`: numbers of an entry. */
  table(key: string, last: number, make: () => Uint32Array): Tensor {
    const known = this.tables.get(key);
    if (known) return known;
    const made = upload(make(), last);
    this.tables.set(key, made);
    return made;
  }

  /** Return the taps of the live blocks for images of this size. Throws OpError for a kernel of too many taps. */
  tapsOf(s: ConvShape): Tensor {
    const { rows, columns } = s;
    if (Math.max(rows.kernel, columns.kernel) > MOST_TAPS)
      throw new OpError(
        "sparse conv2d",
        `kernel: expected at most ${MOST_TAPS} taps an axis, got ${rows.kernel}x${columns.kernel}`,
      );
    const key = `taps ${[rows.size, columns.size, rows.dilation, columns.dilation]}`;
    return this.table(key, 2, () => tapTable(this.blocks, s));
  }

  /** Return the planes of the terms of the gradient of x. `all`: a plane for each channel and tap. */
  planesOf(all: boolean): TermPlanes {
    const known = this.planes.get(all) ?? termPlanes(this.blocks, all);
    this.planes.set(all, known);
    return known;
  }

  /** Return, for each live block, the index of its first number in the dense weight, and its outputs. */
  private sources(): Tensor {
    return this.table("sources", 2, () => {
      const sources = new Uint32Array(2 * this.live);
      everyBlock(this.blocks, (block, { count }, at) => sources.set([at, count], 2 * block));
      return sources;
    });
  }

  /**
   * Copy the values of the live blocks from the dense weight, in stream order. The blocks stay: a weight elsewhere is not seen. `scales`:
   * a factor for each output.
   */
  refresh(weight: Tensor, scales: OutputScales | null = null): void {
    this.gather(weight, this.values, scales);
  }

  private gather(w: Tensor, weights: Tensor, scales: OutputScales | null = null): void {
    const { size, shape } = this.blocks;
    const n = this.live * size;
    if (n === 0) return;
    gatherKernel.run({
      bind: { w, sources: this.sources(), weights, scales: scales?.numbers ?? w },
      params: { n, row: w.numel / shape[0]!, first: scales?.first ?? 0 },
      spec: { R: size, SCALED: scales !== null },
      grid: grid1d(n),
    });
  }

  /** Write the gradient of the dense weight: the sums of `parts` [slices, live, size] in live blocks, zero elsewhere. */
  spread(dw: Tensor, parts: Tensor | null): void {
    const { size, shape } = this.blocks;
    const n = this.live * size;
    fillZero(dw);
    if (n === 0 || !parts) return;
    scatterKernel.run({
      bind: { parts, sources: this.sources(), dw },
      params: { n, row: dw.numel / shape[0]!, slices: parts.numel / n },
      spec: { R: size },
      grid: grid1d(n),
    });
  }

  /** Write the numbers of `source`, of the shape of the weight, in live blocks, and zero elsewhere. */
  keepLive(target: Tensor, source: Tensor): void {
    if (this.live === 0) {
      fillZero(target);
      return;
    }
    const numbers = empty([1, this.live, this.blocks.size]);
    this.gather(source, numbers);
    this.spread(target, numbers);
    numbers.dispose();
  }

  /** Free the tables. */
  dispose(): void {
    for (const t of [this.rows, this.values, ...this.tables.values()]) t.dispose();
    this.tables.clear();
  }
}
