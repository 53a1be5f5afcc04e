// Selects the k-th smallest |weight| of every layer or of all layers together: the threshold that gives a sparsity.
import histogramWgsl from "../../shaders/magnitude_histogram.wgsl";
import pickWgsl from "../../shaders/magnitude_pick.wgsl";
import { expectOptions, groups1d, kernel } from "../gpu/index.ts";
import { type ArenaChunk, SEGMENT, segmentParts } from "../optim/param_arena.ts";
import { partOf, persistent, type Tensor } from "../tensor/index.ts";
import { checksOf } from "../text/index.ts";

const check = checksOf("magnitude selection");

const histogramKernel = kernel("magnitude_histogram", histogramWgsl);
const pickKernel = kernel("magnitude_pick", pickWgsl);

/** Bins of a row: the widest digit has 11 bits. */
const BINS = 2048;
// The 31 bits of |x| in three digits, the highest first.
const DIGITS = [11, 10, 10] as const;
// A workgroup adds 2048 bins to the totals in any case, so it takes several segments; 1024 workgroups fill a large adapter.
const LEAST_SPAN = 8;
const WORKGROUPS = 1024;

/** Weights of several layers, each padded to whole segments of 1024 elements. */
export interface MagnitudeArena {
  /** [segments * 1024] f32. */
  readonly values: Tensor;
  /** [segments, 2] u32: layer within this arena, element count without padding. */
  readonly segmentTable: Tensor;
  readonly segments: number;
  /** Weight count of each layer, without padding. */
  readonly elements: readonly number[];
  /** Enqueue: compute the values. A selection calls it first, and `dispose` with its own memory. */
  refresh?(): void;
  dispose?(): void;
}

/** Return the weights of an optimiser's chunk: the stored ones (theta), or `values` of the same layout. */
export function magnitudeArena(
  chunk: Pick<ArenaChunk, "params" | "segmentTable" | "segments" | "theta">,
  values: Tensor = chunk.theta,
): MagnitudeArena {
  const { segmentTable, segments } = chunk;
  return { values, segmentTable, segments, elements: chunk.params.map((p) => p.numel) };
}

export interface MagnitudeSelectOptions {
  /** One rank per layer (default), or one for all weights together. */
  readonly scope?: "layer" | "all" | undefined;
}

/** Rows of an arena's layers: layer l has row first_row + l * row_step. */
interface ArenaRows {
  readonly first_row: number;
  readonly row_step: number;
}

/**
 * Select order statistics of weight magnitudes on the GPU by a radix selection: three passes, each over some bits of |x|. Exact
 * for every float (infinities sort last, NaN after them) and deterministic. Nothing waits: `run` may be part of a captured
 * step, and a replay reads new ranks.
 *
 * Memory    reads every weight three times (12 bytes per weight and run); holds 8 KiB per row.
 * Errors    ArgumentError if arenas are empty or do not fit their layers.
 */
export class MagnitudeSelect {
  readonly arenas: readonly MagnitudeArena[];
  readonly scope: "layer" | "all";
  /** Number of rows: layers of all arenas in order, or 1. */
  readonly rows: number;
  /** Weight count of each row. */
  readonly elements: readonly number[];
  /** [rows] f32, after `run`: |x| of the rank-th smallest; -1 for rank 0, so that no |x| <= threshold. */
  readonly thresholds: Tensor;
  /** [rows] u32: 1 selects the smallest magnitude, 0 none. A rank above the weight count selects the largest. */
  readonly ranks: Tensor;
  private readonly bins: Tensor;
  private readonly found: Tensor;

  constructor(arenas: readonly MagnitudeArena[], options: MagnitudeSelectOptions = {}) {
    expectOptions("MagnitudeSelect", options, { scope: true });
    const scope = options.scope ?? "layer";
    check("scope", '"layer" or "all"', scope, scope === "layer" || scope === "all");
    check("arenas", "at least one", arenas.length, arenas.length > 0);
    arenas.forEach(checkArena);
    const layers = arenas.flatMap((a) => a.elements);
    this.arenas = arenas;
    this.scope = scope;
    this.elements = scope === "all" ? [layers.reduce((sum, n) => sum + n, 0)] : layers;
    this.rows = this.elements.length;
    const { rows } = this;
    // Counts have 32 bits.
    const most = Math.max(...this.elements);
    check("a row", "fewer than 2^32 weights", most, most < 2 ** 32);
    this.thresholds = persistent(new Float32Array(rows).fill(-1), [rows]);
    this.ranks = persistent(new Uint32Array(rows), [rows]);
    this.bins = persistent(new Uint32Array(rows * BINS), [rows, BINS]);
    this.found = persistent(new Uint32Array(rows * 2), [rows, 2]);
  }

  /** Return the rows of the layers of arena `index`. */
  rowsOf(index: number): ArenaRows {
    if (this.scope === "all") return { first_row: 0, row_step: 0 };
    const before = this.arenas.slice(0, index);
    return { first_row: before.reduce((sum, a) => sum + a.elements.length, 0), row_step: 1 };
  }

  /**
   * Set the ranks of the next runs, also of replayed ones. Call it outside a captured step. Throws ArgumentError unless there is
   * one integer per row, from 0 to the row's weight count.
   */
  setRanks(ranks: readonly number[]): void {
    check("ranks", `${this.rows}, one per row`, ranks.length, ranks.length === this.rows);
    ranks.forEach((rank, row) => {
      const most = this.elements[row]!;
      const ok = Number.isInteger(rank) && rank >= 0 && rank <= most;
      check(`rank of row ${row}`, `an integer from 0 to ${most}`, rank, ok);
    });
    this.ranks.set(Uint32Array.from(ranks));
  }

  /** Enqueue the selection; its result is in `thresholds`. */
  run(): void {
    const { ranks, bins, found, thresholds, rows } = this;
    for (const arena of this.arenas) arena.refresh?.();
    let above = 31; // bits that earlier passes have not fixed
    DIGITS.forEach((width, pass) => {
      const shift = above - width;
      this.arenas.forEach(({ values, segmentTable, segments }, index) => {
        for (const part of segmentParts(segments)) {
          const { rows: here } = part;
          const span = Math.max(LEAST_SPAN, Math.ceil(here / WORKGROUPS));
          // In the first pass no bit is fixed: a shift by 31 leaves 0, and `found` holds 0 between runs.
          histogramKernel.run({
            bind: { values: partOf(values, part), segment: partOf(segmentTable, part), found, bins },
            params: { segments: here, span, ...this.rowsOf(index), shift, above, mask: 2 ** width - 1 },
            grid: groups1d(Math.ceil(here / span)),
          });
        }
      });
      const [first, last] = [Number(pass === 0), Number(pass === DIGITS.length - 1)];
      pickKernel.run({
        bind: { ranks, bins, found, thresholds },
        params: { rows, bits: width, first, last },
        grid: groups1d(rows),
      });
      above = shift;
    });
  }

  dispose(): void {
    for (const t of [this.thresholds, this.ranks, this.bins, this.found, ...this.arenas]) t.dispose?.();
  }
}

function checkArena({ values, segmentTable, segments, elements }: MagnitudeArena, index: number): void {
  const what = (part: string) => `${part} of arena ${index}`;
  const whole = elements.length > 0 && elements.every((n) => Number.isInteger(n) && n > 0);
  check(what("elements"), "integers > 0", `[${elements.join(",")}]`, whole);
  const needed = elements.reduce((sum, n) => sum + Math.ceil(n / SEGMENT), 0);
  check(what("segments"), `${needed} for its layers`, segments, segments === needed);
  const given = (t: Tensor) => t.describe();
  const fits = values.dtype === "f32" && values.numel === segments * SEGMENT;
  check(what("values"), `${segments * SEGMENT} f32`, given(values), fits);
  const listed = segmentTable.dtype === "u32" && segmentTable.numel === 2 * segments;
  check(what("segmentTable"), `${2 * segments} u32`, given(segmentTable), listed);
}
