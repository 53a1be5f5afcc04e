// The table that the convolutions on matrix units read in place of divisions: terms by eight, with their distance in x and the
// place of their tap in a mask of bits. It depends on the layer, not on the batch, and is made once per device.
import { persistent, type Tensor } from "../../tensor/index.ts";
import type { Correlation } from "./correlation.ts";
import { phaseTables } from "./phase_tables.ts";

/** Most taps of a window whose bits repeat in 32 from any of its taps on for eight more. */
const MOST_TAPS = 25;
/** Most taps on an axis, which are bits of a mask. */
const MOST_LINE = 32;
const NO_PLACE = 0xffffffff;

/** Octets of all phases. */
export interface OctetTable {
  /** [entries, 4]: two entries for each phase, then three for each octet. */
  readonly table: Tensor;
  /** Places of the terms in w, eight for each octet. */
  readonly places: Tensor;
  readonly octets: number;
  /** True if each kernel row begins an octet. */
  readonly byRow: boolean;
}

/** A term of the sum; null: a number that counts as zero. */
type Term = { readonly channel: number; readonly row: number; readonly column: number } | null;
/** Eight terms: the first tap in the mask of taps, and the kernel row in the mask of rows. */
interface OctetOf {
  readonly terms: readonly Term[];
  readonly tap: number;
  readonly row: number;
}

/** Return the octets of a phase, in the order of (channel, tap row, tap column). */
function octetsOf({ reduced, rows, columns }: Correlation, byRow: boolean): OctetOf[] {
  const out: OctetOf[] = [];
  const fill = (terms: Term[]) => [...terms, ...Array<null>(8 - terms.length).fill(null)];
  const window = rows.taps * columns.taps;
  if (!byRow) {
    const term = (i: number): Term => {
      const tap = i % window;
      return { channel: Math.floor(i / window), row: Math.floor(tap / columns.taps), column: tap % columns.taps };
    };
    const count = reduced * window;
    for (let i = 0; i < count; i += 8) {
      const terms = Array.from({ length: Math.min(8, count - i) }, (_, e) => term(i + e));
      out.push({ terms: fill(terms), tap: i % window, row: 0 });
    }
    return out;
  }
  for (let channel = 0; channel < reduced; channel++) {
    for (let row = 0; row < rows.taps; row++) {
      for (let tap = 0; tap < columns.taps; tap += 8) {
        const terms = Array.from({ length: Math.min(8, columns.taps - tap) }, (_, e) => ({
          channel,
          row,
          column: tap + e,
        }));
        out.push({ terms: fill(terms), tap, row });
      }
    }
  }
  return out;
}

function makeTable(phases: readonly Correlation[], byRow: boolean): { table: Uint32Array; places: Uint32Array } {
  const all = phases.map((c) => octetsOf(c, byRow));
  const octets = all.reduce((sum, { length }) => sum + length, 0);
  const table = new Uint32Array(4 * (2 * phases.length + 3 * octets));
  const places = new Uint32Array(8 * octets).fill(NO_PLACE);
  let first = 0;
  phases.forEach((c, i) => {
    const { rows, columns } = c;
    const mine = all[i]!;
    // The last octet of a phase may be shorter; terms within that do not exist count as zero by their bits.
    const terms = byRow ? 8 * mine.length : c.reduced * rows.taps * columns.taps;
    table.set([columns.pixels, rows.pixels * columns.pixels, terms, first], 8 * i);
    const start = rows.planeStart * columns.plane + columns.planeStart;
    table.set([start, rows.start, columns.start, rows.taps | (columns.taps << 16)], 8 * i + 4);
    mine.forEach(({ terms, tap, row }, o) => {
      const at = 4 * (2 * phases.length + 3 * (first + o));
      terms.forEach((t, e) => {
        if (!t) return;
        const [down, along] = [t.row * rows.spread, t.column * columns.spread];
        table[at + e] = (t.channel * rows.source + down) * columns.source + along;
        places[8 * (first + o) + e] =
          t.channel * c.weightReduced +
          (rows.kernelStart + t.row * rows.kernelStep) * c.weightRow +
          columns.kernelStart +
          t.column * columns.kernelStep;
      });
      table.set([tap, row], at + 8);
    });
    first += mine.length;
  });
  return { table, places };
}

const octetTables = phaseTables((phases): OctetTable => {
  const byRow = phases.some(({ rows, columns }) => rows.taps * columns.taps > MOST_TAPS);
  const { table, places } = makeTable(phases, byRow);
  return {
    table: persistent(table, [table.length / 4, 4]),
    places: persistent(places, [places.length]),
    octets: places.length / 8,
    byRow,
  };
});

/** Return the table of the phases of one correlation; null if an axis has more taps than a mask has bits. */
export function octetTable(phases: readonly Correlation[]): OctetTable | null {
  if (phases.some(({ rows, columns }) => Math.max(rows.taps, columns.taps) > MOST_LINE)) return null;
  return octetTables(phases);
}
