// One form for two passes. The forward pass and every phase of the input gradient are a correlation: written pixel t of
// one axis sums, over taps j, weight j times source pixel start + step · t + spread · j. Only the numbers differ.
import type { Axis, ConvShape } from "./shape.ts";

/** One axis of a correlation, in pixels of that axis. */
export interface Line {
  /** Size of the source. */
  readonly source: number;
  /** Size of the plane written to, and its written pixels: their count, the first, and the distance. */
  readonly plane: number;
  readonly pixels: number;
  readonly planeStart: number;
  readonly planeStep: number;
  readonly taps: number;
  /** Source pixel under tap 0 of written pixel 0; may be negative. Outside the source the values are zeros. */
  readonly start: number;
  readonly step: number;
  readonly spread: number;
  /** Kernel index of tap 0, and the distance from one tap to the next. */
  readonly kernelStart: number;
  readonly kernelStep: number;
}

export interface Correlation {
  readonly batch: number;
  readonly groups: number;
  /** Channels summed over and channels written, per group. */
  readonly reduced: number;
  readonly written: number;
  readonly rows: Line;
  readonly columns: Line;
  /** Weight elements per group, per reduced and per written channel; and from one kernel row to the next. */
  readonly weightGroup: number;
  readonly weightReduced: number;
  readonly weightWritten: number;
  readonly weightRow: number;
}

function forwardLine(a: Axis): Line {
  return {
    source: a.size,
    plane: a.out,
    pixels: a.out,
    planeStart: 0,
    planeStep: 1,
    taps: a.kernel,
    start: -a.padding,
    step: a.stride,
    spread: a.dilation,
    kernelStart: 0,
    kernelStep: 1,
  };
}

function sizes(s: ConvShape, rows: Line, columns: Line) {
  const reduced = s.channels / s.groups;
  const written = s.outputs / s.groups;
  const window = s.rows.kernel * s.columns.kernel;
  const group = written * reduced * window;
  return { batch: s.batch, groups: s.groups, rows, columns, weightGroup: group, weightRow: s.columns.kernel };
}

/** The correlation that computes y from x. */
export function forwardCorrelation(s: ConvShape): Correlation {
  const reduced = s.channels / s.groups;
  const window = s.rows.kernel * s.columns.kernel;
  return {
    ...sizes(s, forwardLine(s.rows), forwardLine(s.columns)),
    reduced,
    written: s.outputs / s.groups,
    weightReduced: window,
    weightWritten: reduced * window,
  };
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/**
 * Return the phases of one axis of the input gradient. Output o read input pixel i through tap k where
 * i + padding = stride · o + dilation · k, so pixels with the same remainder of i + padding by the stride share their
 * taps; for them the gradient is a correlation of step 1. Phases without a pixel are omitted; one without a tap stays
 * with taps = 0: its gradient is zero.
 */
function gradientLines(a: Axis): Line[] {
  const lines: Line[] = [];
  const shared = gcd(a.stride, a.dilation);
  const kernelStep = a.stride / shared;
  for (let phase = 0; phase < a.stride; phase++) {
    const first = (((phase - a.padding) % a.stride) + a.stride) % a.stride;
    if (first >= a.size) continue;
    let low = 0; // the smallest tap of this phase
    while (low < kernelStep && (low * a.dilation) % a.stride !== phase) low++;
    const taps = low < kernelStep && low < a.kernel ? Math.floor((a.kernel - 1 - low) / kernelStep) + 1 : 0;
    // Taps run backwards, so that the output pixel grows with the tap.
    const high = taps > 0 ? low + (taps - 1) * kernelStep : 0;
    lines.push({
      source: a.out,
      plane: a.size,
      pixels: Math.floor((a.size - 1 - first) / a.stride) + 1,
      planeStart: first,
      planeStep: a.stride,
      taps,
      start: taps > 0 ? (first + a.padding - high * a.dilation) / a.stride : 0,
      step: 1,
      spread: a.dilation / shared,
      kernelStart: high,
      kernelStep: -kernelStep,
    });
  }
  return lines;
}

/** Return the correlations for dx from dy, one per pair of phases. Those without a tap are among them: their gradient is zero. */
export function gradientPhases(s: ConvShape): Correlation[] {
  const columns = gradientLines(s.columns);
  const written = s.channels / s.groups;
  const window = s.rows.kernel * s.columns.kernel;
  const shared = { reduced: s.outputs / s.groups, written, weightReduced: written * window, weightWritten: window };
  return gradientLines(s.rows).flatMap((r) => columns.map((c) => ({ ...sizes(s, r, c), ...shared })));
}

/** Return those with a tap. Unless `covered`, some pixels get no term and must be zeroed. */
export function gradientCorrelations(s: ConvShape): { phases: Correlation[]; covered: boolean } {
  const all = gradientPhases(s);
  const phases = all.filter(({ rows, columns }) => rows.taps > 0 && columns.taps > 0);
  return { phases, covered: phases.length === all.length };
}

/** Return a correlation as the shaders' Params. */
export function correlationParams(c: Correlation, hasBias: boolean): Record<string, number | number[]> {
  const both = (name: keyof Line): number[] => [c.rows[name], c.columns[name]];
  return {
    batch: c.batch,
    groups: c.groups,
    reduced: c.reduced,
    written: c.written,
    source: both("source"),
    pixels: both("pixels"),
    plane: both("plane"),
    y_step: both("planeStep"),
    y_start: both("planeStart"),
    taps: both("taps"),
    x_step: both("step"),
    x_start: both("start"),
    spread: both("spread"),
    w_tap: [c.rows.kernelStep * c.weightRow, c.columns.kernelStep],
    w_written: c.weightWritten,
    w_reduced: c.weightReduced,
    w_group: c.weightGroup,
    w_start: c.rows.kernelStart * c.weightRow + c.columns.kernelStart,
    has_bias: hasBias ? 1 : 0,
  };
}
