// Magnitude pruning: sets weights up to a threshold to zero.
import cutWgsl from "../../shaders/cut_smallest.wgsl";
import { groups1d, kernel } from "../gpu/index.ts";
import { segmentParts } from "../optim/param_arena.ts";
import { empty, partOf, type Tensor } from "../tensor/index.ts";
import { checksOf } from "../text/index.ts";
import type { MagnitudeArena, MagnitudeSelect } from "./magnitude_select.ts";

const check = checksOf("magnitude cut");

const cutKernel = kernel("cut_smallest", cutWgsl);

/** An arena to cut, with companions of the same layout that are cut at the same entries. */
export interface CutArena extends MagnitudeArena {
  readonly velocity?: Tensor | null | undefined;
  /** Other copies of the weights; at most one. */
  readonly copies?: readonly Tensor[] | undefined;
}

/**
 * Set every weight with |w| <= the threshold of its row to +0, and with it its momentum and its copy. All other entries keep
 * their bits. Enqueues only, after `select.run()`; may be part of a captured step.
 *
 * With rank k a row has exactly k zeros afterwards if its magnitudes are distinct. All weights at the threshold are cut, so
 * ties give more zeros, never fewer. Weights that were zero before are the smallest and count among the k.
 *
 * Shapes   arenas as in `select`: same number, order and layers; `values` may be other tensors of the same layout.
 * Errors   ArgumentError if they differ from those of `select`, or a companion has another size.
 */
export function cutSmallest(select: MagnitudeSelect, arenas: readonly CutArena[]): void {
  check(
    "arenas",
    `${select.arenas.length}, as in the selection`,
    arenas.length,
    arenas.length === select.arenas.length,
  );
  arenas.forEach(({ values, velocity, copies = [], segmentTable, segments, elements }, index) => {
    const selected = select.arenas[index]!;
    check(
      `layers of arena ${index}`,
      `[${selected.elements}]`,
      `[${elements}]`,
      `${elements}` === `${selected.elements}`,
    );
    check(`copies of arena ${index}`, "at most one", copies.length, copies.length <= 1);
    const companions = velocity ? [velocity, ...copies] : copies;
    for (const t of [values, ...companions]) {
      const fits = t.dtype === "f32" && t.numel === selected.values.numel;
      check(`memory of arena ${index}`, `${selected.values.numel} f32`, t.describe(), fits);
    }
    // WebGPU requires every declared binding to be bound, and writable ones must not share memory.
    using dummy0 = empty([4]);
    using dummy1 = empty([4]);
    for (const part of segmentParts(segments)) {
      cutKernel.run({
        bind: {
          values: partOf(values, part),
          companion0: companions[0] ? partOf(companions[0], part) : dummy0,
          companion1: companions[1] ? partOf(companions[1], part) : dummy1,
          segment: partOf(segmentTable, part),
          thresholds: select.thresholds,
        },
        params: { segments: part.rows, ...select.rowsOf(index) },
        spec: { COMPANIONS: companions.length },
        grid: groups1d(part.rows),
      });
    }
  });
}
