// Runs a correlation: the forward pass, or the phases of an input gradient.
import { currentGpu, devicePart, type Trial, tuneClass } from "../../gpu/index.ts";
import type { DType } from "../../tensor/index.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import type { Correlation, Line } from "./correlation.ts";
import type { TiledAlgorithm } from "./shape.ts";
import { tileWayByRule, tileWays } from "./tile.ts";
import type { CorrelationTensors, Way } from "./ways.ts";

const patch = devicePart(
  ({ software }) => software,
  () => import("./correlate_patch.ts"),
);

/** Return the key of a correlation: its sizes in the order of the interfaces, and the class of its pixels. */
function keyOf(phases: readonly Correlation[], dtype: DType): string {
  const line = ({ taps, step, spread }: Line) => [taps, step, spread].join(",");
  const { batch, groups, reduced, written, rows, columns } = phases[0]!;
  const lines = phases.map((c) => ` rows ${line(c.rows)} columns ${line(c.columns)}`);
  const pixels = tuneClass(batch * rows.pixels * columns.pixels);
  return `correlation ${dtype} ${groups},${reduced},${written} pixels ${pixels}${lines.join("")}`;
}

function trial(c: Correlation, dtype: DType): Trial<Way> {
  const plane = (side: "source" | "plane") => c.batch * c.groups * c.rows[side] * c.columns[side];
  const operands = {
    x: trialTensor(plane("source") * c.reduced, dtype),
    w: trialTensor(c.groups * c.weightGroup),
    b: null,
    y: trialTensor(plane("plane") * c.written, dtype),
  };
  return { run: (way) => way.run(operands), dispose: () => disposeAll(operands) };
}

/** Multiply-adds of all phases. */
function workOf(phases: readonly Correlation[]): number {
  return phases.reduce((sum, { batch, groups, reduced, written, rows, columns }) => {
    return sum + batch * groups * reduced * written * rows.pixels * columns.pixels * rows.taps * columns.taps;
  }, 0);
}

/** Run the rule's way, or the one that the tuner has found to be the fastest. */
function runBest(phases: readonly Correlation[], rule: Way, others: () => Way[], run: CorrelationTensors): void {
  const bytes = run.x.bytes + run.w.bytes + run.y.bytes;
  const { dtype } = run.x;
  const choice = { key: keyOf(phases, dtype), work: workOf(phases), bytes, rule: () => rule, others };
  currentGpu()
    .tuner.pick({ ...choice, trial: () => trial(phases[0]!, dtype) })
    .run(run);
}

/**
 * Write the pixels of y that the phases name, in all channels. "tile" runs all of them at once. With `tuned` the tuner may
 * replace the rule's way.
 */
export function correlate(
  phases: readonly Correlation[],
  algorithm: TiledAlgorithm,
  tensors: CorrelationTensors,
  tuned = false,
): void {
  const measured = tuned && currentGpu().tuner.active;
  if (algorithm === "tile") {
    const rule = tileWayByRule(phases);
    if (measured) runBest(phases, rule, () => tileWays(phases), tensors);
    else rule.run(tensors);
    return;
  }
  for (const phase of phases) {
    const [first, ...rest] = patch()?.patchWays(phase, algorithm) ?? [];
    const tile = tileWayByRule([phase]);
    if (measured) runBest([phase], first ?? tile, () => [...rest, tile], tensors);
    else (first ?? tile).run(tensors);
  }
}
