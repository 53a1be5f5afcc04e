// Computes positions in the spike figure: of samples, steps, neurons and potentials.

import type { PotentialTrace, SpikeFigure } from "../internal.ts";
import { ArgumentError } from "../text/index.ts";

/** The parts of a figure that set its time axis. */
type Timing = Pick<SpikeFigure, "samples" | "timeSteps">;

/** Return the gap between two samples in steps; more steps if they are narrow. */
export function sampleGap({ samples, timeSteps }: Timing): number {
  return Math.max(0.6, 0.02 * samples.length * timeSteps);
}

/** Return the position of a step on the time axis: samples follow each other, a step is 1 wide, its middle at .5. */
export function stepAt(timing: Timing, sample: number, step: number): number {
  return sample * (timing.timeSteps + sampleGap(timing)) + step + 0.5;
}

/** Return the length of the time axis. */
export function timeSpan(timing: Timing): number {
  return stepAt(timing, timing.samples.length - 1, timing.timeSteps - 0.5);
}

/** Choose the steps to number on the axis, from 1: the first, the last, and round ones between, at a distance from both. */
export function numberedSteps(timeSteps: number, room: number): number[] {
  const most = Math.max(2, Math.floor(room));
  if (timeSteps <= most) return Array.from({ length: timeSteps }, (_, t) => t + 1);
  const pitch = [2, 4, 5, 8, 10, 20, 25, 50, 100].find((p) => timeSteps / p <= most - 1) ?? timeSteps;
  const between = Array.from({ length: Math.floor(timeSteps / pitch) }, (_, i) => (i + 1) * pitch);
  const clear = between.filter((t) => t - 1 >= pitch / 2 && (t === timeSteps || timeSteps - t >= pitch / 2));
  return [...new Set([1, ...clear, timeSteps])];
}

/** A dot at a spike, or a corner of the potential's line. */
interface TracePoint {
  readonly x: number;
  readonly y: number;
}

interface TracePath {
  /** For each sample: the rest potential, H of each step, and the reset after a spike. */
  readonly lines: readonly (readonly TracePoint[])[];
  readonly spikes: readonly TracePoint[];
}

/** Compute the path of one neuron's potential. The reset is at the step itself, the charge between steps. */
export function tracePath(trace: PotentialTrace, figure: SpikeFigure): TracePath {
  const { samples, timeSteps, vThreshold, vReset } = figure;
  const spikes: TracePoint[] = [];
  const lines = samples.map((_, s) => {
    const line: TracePoint[] = [{ x: stepAt(figure, s, -0.5), y: vReset ?? 0 }];
    for (let t = 0; t < timeSteps; t++) {
      const at = s * timeSteps + t;
      const point = { x: stepAt(figure, s, t), y: trace.h[at]! };
      line.push(point);
      if (trace.spikes[at] === 0) continue;
      spikes.push(point);
      line.push({ x: point.x, y: vReset ?? point.y - vThreshold });
    }
    return line;
  });
  return { lines, spikes };
}

/** Return the range of all traces with the threshold and the reset, and a margin. */
export function potentialDomain(figure: SpikeFigure): [number, number] {
  const { traces, vThreshold, vReset } = figure;
  let low = Math.min(vThreshold, vReset ?? 0);
  let high = Math.max(vThreshold, vReset ?? 0);
  for (const trace of traces) {
    for (const { y } of tracePath(trace, figure).lines.flat()) {
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  const air = 0.08 * (high - low || 1);
  return [low - air, high + air];
}

/** Width of an average letter in font sizes; slightly more than in most fonts. */
export const LETTER = 0.62;

/** Shorten a name to about `width` units at a font size. */
export function fit(name: string, width: number, fontSize: number): string {
  const letters = Math.max(1, Math.floor(width / (LETTER * fontSize) + 1e-6));
  return [...name].length <= letters ? name : `${[...name].slice(0, Math.max(1, letters - 1)).join("")}…`;
}

/** Check that the sizes of the figure's parts agree. Errors: ArgumentError that names the part. */
export function checkFigure({ samples, timeSteps, layers, traces, vThreshold, vReset }: SpikeFigure): void {
  const check = (ok: boolean, what: string) => {
    if (!ok) throw new ArgumentError(`spike figure: ${what}`);
  };
  check(Number.isInteger(timeSteps) && timeSteps >= 1, `timeSteps: expected an integer >= 1, got ${timeSteps}`);
  check(samples.length > 0, "expected at least one sample, got none");
  check(layers.length > 0, "expected at least one layer, got none");
  check(Number.isFinite(vThreshold), `vThreshold: expected a number, got ${vThreshold}`);
  check(vReset === null || Number.isFinite(vReset), `vReset: expected a number or null, got ${vReset}`);
  const steps = samples.length * timeSteps;
  for (const { name, shown, spikes } of layers) {
    check(shown.length > 0, `${name}: expected at least one neuron, got none`);
    const size = steps * shown.length;
    check(spikes.length === size, `${name}: expected ${size} values, got ${spikes.length}`);
  }
  for (const { name, neuron, h, spikes } of traces) {
    const what = `trace of ${name}, neuron ${neuron}`;
    check(
      h.length === steps && spikes.length === steps,
      `${what}: expected ${steps} values, got ${h.length} and ${spikes.length}`,
    );
    check(h.every(Number.isFinite), `${what}: expected finite potentials`);
  }
}
