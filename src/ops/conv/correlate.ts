// Runs a correlation: the forward pass, or the phases of an input gradient.
import { type Candidate, currentGpu, onDevice, type Trial } from "../../gpu/index.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import type { Correlation, Line } from "./correlation.ts";
import type { TiledAlgorithm } from "./shape.ts";
import { type CorrelationTensors, correlateTile, tileByRule, tilesOf } from "./tile.ts";

export type { CorrelationTensors } from "./tile.ts";

let correlatePatch: typeof import("./correlate_patch.ts").correlatePatch | null = null;
onDevice(({ software }) =>
  software
    ? import("./correlate_patch.ts").then((part) => {
        correlatePatch = part.correlatePatch;
      })
    : undefined,
);

/** Return the key of a correlation: all its sizes, in the order of the interfaces. */
function keyOf(phases: readonly Correlation[]): string {
  const line = (l: Line) => Object.values(l).join(",");
  const { batch, groups, reduced, written } = phases[0]!;
  const lines = phases.map(({ rows, columns }) => ` rows ${line(rows)} columns ${line(columns)}`);
  return `correlation ${batch},${groups},${reduced},${written}${lines.join("")}`;
}

type Tile = ReturnType<typeof tileByRule>;

function trial(phases: readonly Correlation[]): Trial<Tile & Candidate> {
  const c = phases[0]!;
  const plane = (side: "source" | "plane") => c.batch * c.groups * c.rows[side] * c.columns[side];
  const operands = {
    x: trialTensor(plane("source") * c.reduced),
    w: trialTensor(c.groups * c.weightGroup),
    b: null,
    y: trialTensor(plane("plane") * c.written),
  };
  return {
    run: (tile) => correlateTile(phases, tile, operands),
    dispose: () => disposeAll(operands),
  };
}

/** Multiply-adds of all phases. */
function workOf(phases: readonly Correlation[]): number {
  return phases.reduce((sum, { batch, groups, reduced, written, rows, columns }) => {
    return sum + batch * groups * reduced * written * rows.pixels * columns.pixels * rows.taps * columns.taps;
  }, 0);
}

function correlateTiles(phases: readonly Correlation[], tensors: CorrelationTensors, tuned: boolean): void {
  const rule = () => tileByRule(phases);
  const { tuner } = currentGpu();
  if (!(tuned && tuner.active)) {
    correlateTile(phases, rule(), tensors);
    return;
  }
  const choice = { key: keyOf(phases), work: workOf(phases), rule, others: () => tilesOf(phases) };
  correlateTile(phases, tuner.pick({ ...choice, trial: () => trial(phases) }), tensors);
}

/**
 * Write the pixels of y that the phases name, in all channels. With `tuned` the tuner may choose the tile; it chooses among
 * tiles only, so a software adapter tunes nothing here unless it runs "tile".
 */
export function correlate(
  phases: readonly Correlation[],
  algorithm: TiledAlgorithm,
  tensors: CorrelationTensors,
  tuned = false,
): void {
  if (algorithm === "tile") {
    correlateTiles(phases, tensors, tuned);
    return;
  }
  for (const phase of phases) {
    if (!correlatePatch?.(phase, algorithm, tensors)) correlateTiles([phase], tensors, tuned);
  }
}
