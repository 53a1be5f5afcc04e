// Tables of the gradients of block-sparse products, made on the host once per mask.
import type { Axis, ConvShape } from "../conv/shape.ts";
import { type Blocks, everyBlock } from "./blocks.ts";

const windowOf = ({ shape }: Blocks) => shape.slice(2).reduce((a, n) => a * n, 1);

/**
 * Return the rows of blocks of each owner, a range of the channels of a group; [owners, rows of a group, 4] as `rows`. `ranges`: of a
 * group.
 */
export function stripTable(b: Blocks, ranges: number): Uint32Array {
  const window = windowOf(b);
  const channels = b.shape[1]!;
  const perGroup = b.rows.length / b.groups;
  const out = new Uint32Array(ranges * b.rows.length);
  for (let owner = 0, at = 0; owner < b.groups * ranges; owner++) {
    const group = Math.floor(owner / ranges);
    const end = Math.floor((((owner % ranges) + 1) * channels) / ranges) * window;
    for (let row = group * perGroup; row < (group + 1) * perGroup; row += 4, at += 4) {
      const begin = owner % ranges === 0 ? b.rows[row]! : out[at + 1 - perGroup]!;
      let last = begin;
      while (last < b.rows[row + 1]! && b.places[last]! < end) last++;
      out.set([begin, last, b.rows[row + 2]!, b.rows[row + 3]!], at);
    }
  }
  return out;
}

/** Planes of the terms of dx: channels and taps with live blocks, ascending. */
export interface TermPlanes {
  /** Tap of each plane. */
  readonly taps: readonly number[];
  /** [channels, 2]: first plane of a channel, end. */
  readonly ranges: Uint32Array;
  /** [live, 2]: plane of each block; 1 for the first one of the plane. */
  readonly terms: Uint32Array;
}

/** Find the planes of the terms of dx. `all`: a plane for each channel and tap. */
export function termPlanes(b: Blocks, all: boolean): TermPlanes {
  const window = windowOf(b);
  const each = b.shape[1]! * window;
  const perGroup = b.shape[0]! / b.groups;
  const used = new Uint8Array(b.groups * each).fill(all ? 1 : 0);
  const placeOf = (block: number, first: number) => Math.floor(first / perGroup) * each + b.places[block]!;
  everyBlock(b, (block, { first }) => {
    used[placeOf(block, first)] = 1;
  });
  const planes = new Uint32Array(used.length);
  const taps: number[] = [];
  const ranges = new Uint32Array((2 * used.length) / window);
  used.forEach((is, place) => {
    const channel = Math.floor(place / window);
    if (place % window === 0) ranges[2 * channel] = taps.length;
    planes[place] = taps.length;
    if (is) taps.push(place % window);
    ranges[2 * channel + 1] = taps.length;
  });
  const terms = new Uint32Array(2 * b.places.length);
  const begun = new Uint8Array(taps.length);
  everyBlock(b, (block, { first }) => {
    const plane = planes[placeOf(block, first)]!;
    terms.set([plane, begun[plane] ? 0 : 1], 2 * block);
    begun[plane] = 1;
  });
  return { taps, ranges, terms };
}

/** Return the distance in a plane of z and the bits of each plane's tap. */
export function planeTaps(taps: readonly number[], { rows, columns }: ConvShape): Uint32Array {
  const back = ({ stride, dilation }: Axis, tap: number) => Math.floor((tap * dilation) / stride);
  return Uint32Array.from(
    taps.flatMap((tap) => {
      const [u, v] = [Math.floor(tap / columns.kernel), tap % columns.kernel];
      return [back(rows, u) * columns.out + back(columns, v), (1 << u) | (1 << (16 + v))];
    }),
  );
}

/** Return the bits of the taps that some output reads this input with. */
function readBits({ out, kernel, stride, padding, dilation }: Axis, at: number): number {
  let bits = 0;
  for (let tap = 0; tap < kernel; tap++) {
    const place = at + padding - tap * dilation;
    if (place >= 0 && place % stride === 0 && place / stride < out) bits |= 1 << tap;
  }
  return bits;
}

/** Return, for each pixel of x, its place in a plane of y, of which a tap takes its distance, and the bits of the taps that read it. */
export function readPixels({ rows, columns }: ConvShape): Uint32Array {
  const out = new Uint32Array(2 * rows.size * columns.size);
  for (let pixel = 0; pixel < out.length / 2; pixel++) {
    const [i, j] = [Math.floor(pixel / columns.size), pixel % columns.size];
    const at = (axis: Axis, k: number) => Math.floor((k + axis.padding) / axis.stride);
    out[2 * pixel] = at(rows, i) * columns.out + at(columns, j);
    out[2 * pixel + 1] = readBits(rows, i) | (readBits(columns, j) << 16);
  }
  return out;
}

/** Return the live blocks of each workgroup of the weight gradient: up to `most` of one row; [jobs, 4] as `rows`. */
export function jobTable(b: Blocks, most: number): Uint32Array {
  const jobs: number[] = [];
  for (let row = 0; row < b.rows.length; row += 4) {
    const [begin, end] = [b.rows[row]!, b.rows[row + 1]!];
    const parts = Math.ceil((end - begin) / most);
    for (let part = 0; part < parts; part++) {
      const at = (i: number) => begin + Math.floor((i * (end - begin)) / parts);
      jobs.push(at(part), at(part + 1), b.rows[row + 2]!, b.rows[row + 3]!);
    }
  }
  return Uint32Array.from(jobs);
}
