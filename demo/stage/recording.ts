// A recorded run: the frames of a real run in one small file, written by tools/demo/record.ts.
//
// Format before gzip: length of the header (u32, little-endian), header (JSON), then for the largest layer of n weights
//     int8 [n]             levels of the first frame, in steps of 16
//     int8 [n]             levels of the last frame, likewise; 0 for a zero
//     u8 [frames, ceil(n/8)]  bit i % 8 of byte i / 8 is 1 if weight i changed to or from zero since the frame before
// Which weights are zero in a frame is recorded; shades between the first and the last frame are interpolated.

import { volume } from "../ui/layer_map.ts";
import { type Frame, TOP_LEVEL } from "./frame.ts";

export interface Recording {
  /** Shape of the largest layer. */
  readonly shape: readonly number[];
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Weights of all prunable layers. */
  readonly weights: number;
  /** Bytes of the model with every weight stored. */
  readonly denseBytes: number;
  /** Final threshold D. */
  readonly final: number;
  /** Number of test pictures at the end of an epoch. */
  readonly tests: number;
  readonly frames: readonly Frame[];
}

type Header = Omit<Recording, "frames"> & { readonly frames: readonly Omit<Frame, "levels">[] };

/** Coarse levels differ by this. */
const COARSE = 16;
const coarse = (level: number) =>
  Math.sign(level) * Math.max(level === 0 ? 0 : 1, Math.round(Math.abs(level) / COARSE));

/** Return the bytes of a recording before gzip. */
export function packRecording({ frames, ...facts }: Recording): Uint8Array {
  const first = frames[0]!.levels;
  const last = frames.at(-1)!.levels;
  const n = first.length;
  const row = Math.ceil(n / 8);
  const header: Header = {
    ...facts,
    frames: frames.map(({ levels: _, counts, ...frame }) => ({ ...frame, counts: Array.from(counts) })),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(4 + text.length + 2 * n + frames.length * row);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = 4 + text.length;
  for (const levels of [first, last]) {
    bytes.set(new Uint8Array(Int8Array.from(levels, coarse).buffer), at);
    at += n;
  }
  frames.forEach(({ levels }, k) => {
    const before = k === 0 ? null : frames[k - 1]!.levels;
    for (let i = 0; i < n; i++) {
      const changed = (levels[i] !== 0) !== (before !== null && before[i] !== 0);
      if (changed) bytes[at + (i >> 3)]! |= 1 << (i & 7);
    }
    at += row;
  });
  return bytes;
}

/** Read a recording. Throws Error for bytes that are none. */
export function unpackRecording(bytes: Uint8Array): Recording {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  const { frames, ...facts } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))) as Header;
  const n = volume(facts.shape);
  const row = Math.ceil(n / 8);
  let at = 4 + size;
  const expected = at + 2 * n + frames.length * row;
  if (bytes.length !== expected) throw new Error(`recording: expected ${expected} bytes, got ${bytes.length}`);
  const [first, last] = [at, at + n].map((from) => new Int8Array(bytes.slice(from, from + n).buffer));
  at += 2 * n;
  const live = new Uint8Array(n);
  return {
    ...facts,
    frames: frames.map((frame, k) => {
      const levels = new Int8Array(n);
      const share = frames.length > 1 ? k / (frames.length - 1) : 1;
      for (let i = 0; i < n; i++) {
        live[i]! ^= (bytes[at + (i >> 3)]! >> (i & 7)) & 1;
        if (live[i]) levels[i] = shade(first![i]!, last![i]!, share);
      }
      at += row;
      return { ...frame, levels };
    }),
  };
}

/** Interpolate the level of a weight that is not zero. */
function shade(first: number, last: number, share: number): number {
  const mixed = (first + (last - first) * share) * COARSE;
  const sign = Math.sign(mixed) || Math.sign(last) || Math.sign(first) || 1;
  // The least level of a weight that is not zero, as in colors.ts.
  return sign * Math.min(TOP_LEVEL, Math.max(28, Math.round(Math.abs(mixed))));
}

/** Fetch and read the recorded run of the page. */
export async function fetchRecording(url: string): Promise<Recording> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  // Some servers unpack the file on the way.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return unpackRecording(bytes);
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return unpackRecording(new Uint8Array(await new Response(unpacked).arrayBuffer()));
}
