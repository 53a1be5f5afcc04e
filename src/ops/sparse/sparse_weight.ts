// A block-sparse weight on the device, and the products that read it.
import gatherWgsl from "../../../shaders/sparse_gather.wgsl";
import { grid1d, kernel, OpError } from "../../gpu/index.ts";
import { persistent, type Tensor } from "../../tensor/index.ts";
import type { ConvShape } from "../conv/shape.ts";
import { type Blocks, everyBlock } from "./blocks.ts";
import { MOST_TAPS, tapTable } from "./tables.ts";

const gatherKernel = kernel("sparse_gather", gatherWgsl);

/** Upload numbers; one zero in place of none, since nothing cannot be bound. */
function upload(values: Uint32Array | Float32Array, last: number): Tensor {
  if (values.length > 0) return persistent(values, [values.length / last, last]);
  return persistent(values instanceof Float32Array ? new Float32Array(last) : new Uint32Array(last), [1, last]);
}

/** The live blocks of a weight, on the device. Lives until `dispose`, also across captured steps. */
export class SparseWeight {
  readonly blocks: Blocks;
  /** [rows of blocks, 4]; see Blocks. */
  readonly rows: Tensor;
  /** [live, size]. */
  readonly values: Tensor;
  private readonly tables = new Map<string, Tensor>();
  private sources: Tensor | null = null;

  constructor(blocks: Blocks) {
    this.blocks = blocks;
    this.rows = upload(blocks.rows, 4);
    this.values = upload(blocks.values, blocks.size);
  }

  /** Number of rows of blocks. */
  get rowCount(): number {
    return this.blocks.rows.length / 4;
  }

  /** Return the taps of the live blocks for images of this size. Throws OpError for a kernel of too many taps. */
  tapsOf(s: ConvShape): Tensor {
    const { rows, columns } = s;
    if (Math.max(rows.kernel, columns.kernel) > MOST_TAPS)
      throw new OpError(
        "sparse conv2d",
        `kernel: expected at most ${MOST_TAPS} taps an axis, got ${rows.kernel}x${columns.kernel}`,
      );
    const key = [rows.size, columns.size, rows.dilation, columns.dilation].join();
    const known = this.tables.get(key);
    if (known) return known;
    const made = upload(tapTable(this.blocks, s), 2);
    this.tables.set(key, made);
    return made;
  }

  /** Copy the values of the live blocks from the dense weight, in stream order. The blocks stay: a weight elsewhere is not seen. */
  refresh(weight: Tensor): void {
    const { size, places, shape } = this.blocks;
    if (places.length === 0) return;
    if (!this.sources) {
      const sources = new Uint32Array(2 * places.length);
      everyBlock(this.blocks, (block, { count }, at) => sources.set([at, count], 2 * block));
      this.sources = upload(sources, 2);
    }
    const n = places.length * size;
    gatherKernel.run({
      bind: { w: weight, sources: this.sources, weights: this.values },
      params: { n, row: weight.numel / shape[0]! },
      spec: { R: size },
      grid: grid1d(n),
    });
  }

  /** Free the tables. */
  dispose(): void {
    for (const t of [this.rows, this.values, this.sources, ...this.tables.values()]) t?.dispose();
    this.tables.clear();
  }
}
