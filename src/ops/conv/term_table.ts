// The table that conv2d.wgsl reads in place of divisions: for each phase its sizes, for each term of its sum the distance in
// x and in w. It depends on the layer, not on the batch, and is made once per device.
import { persistent, type Tensor } from "../../tensor/index.ts";
import type { Correlation } from "./correlation.ts";
import { phaseTables } from "./phase_tables.ts";

/** Terms of a phase are filled up to a multiple of this: every depth of a stage divides it. */
const TERM_STEP = 16;
/** Most taps on an axis for the test by bits. The bit above them marks terms that do not exist. */
const MOST_BITS = 15;
const NO_TAP = 1 << MOST_BITS;
const NO_WEIGHT = 0xffffffff;

/** Terms of all phases with their fill. */
export interface TermTable {
  /** [entries, 4]: two entries for each phase, then the terms. */
  readonly table: Tensor;
  readonly terms: number;
  /** True if an entry holds bits of its tap; else it holds the tap's distance in rows and columns. */
  readonly masked: boolean;
}

/** True if the kernel may test taps by bits. */
export const isMasked = (phases: readonly Correlation[]): boolean =>
  phases.every(({ rows, columns }) => Math.max(rows.taps, columns.taps) <= MOST_BITS);

const paddedTerms = ({ reduced, rows, columns }: Correlation) =>
  Math.ceil((reduced * rows.taps * columns.taps) / TERM_STEP) * TERM_STEP;

/** Write the terms of a phase into `out`, four numbers each. */
function writeTerms(out: Uint32Array, c: Correlation, masked: boolean): void {
  const { rows, columns } = c;
  const plane = rows.source * columns.source;
  let at = 0;
  for (let channel = 0; channel < c.reduced; channel++) {
    for (let i = 0; i < rows.taps; i++) {
      for (let j = 0; j < columns.taps; j++) {
        const [down, along] = [i * rows.spread, j * columns.spread];
        const row = (rows.kernelStart + i * rows.kernelStep) * c.weightRow;
        out[at] = channel * plane + down * columns.source + along;
        out[at + 1] = masked ? (1 << i) | (1 << (16 + j)) : down;
        out[at + 2] = channel * c.weightReduced + row + columns.kernelStart + j * columns.kernelStep;
        out[at + 3] = along;
        at += 4;
      }
    }
  }
  // What lies outside of every source: its number counts as zero.
  for (; at < out.length; at += 4) out.set([0, masked ? NO_TAP : 0x7fffffff, NO_WEIGHT, 0], at);
}

function makeTable(phases: readonly Correlation[], masked: boolean): Uint32Array {
  const terms = phases.map(paddedTerms);
  const total = terms.reduce((a, b) => a + b, 0);
  const out = new Uint32Array(4 * (2 * phases.length + total));
  let first = 0;
  phases.forEach((c, i) => {
    const { rows, columns } = c;
    const count = c.reduced * rows.taps * columns.taps;
    out.set([columns.pixels, rows.pixels * columns.pixels, count, first], 8 * i);
    const start = rows.planeStart * columns.plane + columns.planeStart;
    out.set([start, rows.start, columns.start, rows.taps | (columns.taps << 16)], 8 * i + 4);
    const from = 4 * (2 * phases.length + first);
    writeTerms(out.subarray(from, from + 4 * terms[i]!), c, masked);
    first += terms[i]!;
  });
  return out;
}

/** Return the table of the phases of one correlation. */
export const termTable = phaseTables((phases): TermTable => {
  const masked = isMasked(phases);
  const numbers = makeTable(phases, masked);
  const terms = phases.reduce((sum, c) => sum + paddedTerms(c), 0);
  return { table: persistent(numbers, [numbers.length / 4, 4]), terms, masked };
});
