// Integrates recordings into frames: slices of time, each an image of event counts per polarity.
import type { EventFrames, EventRecording, SensorSize } from "../../io/events/types.ts";
import { DataError, expectWhole } from "../errors.ts";

/** Height and width of event frames, in pixels. */
export interface FrameSize {
  /** Height and width of the camera; all events are inside. */
  readonly sensor: SensorSize;
  /** Height and width of the frames, at most the sensor's: events are binned. Default: the sensor's. */
  readonly size?: SensorSize;
  /** Largest count of values, frames · 2 · h · w. Default 2^26, 256 MiB. */
  readonly most?: number;
}

/** Default of `most`, 256 MiB of f32: an outlier in time, or a mistake in `duration`, must not take all memory. */
const MOST_VALUES = 2 ** 26;
/** Largest padded batch, 1 GiB. */
const MOST_PADDED = 2 ** 28;

/**
 * Integrate T frames of equally many events: with d = floor(E / T), frame i counts events i·d up to (i+1)·d, the last frame
 * all remaining ones. If there are fewer events than frames, all fall into the last frame; no events give zeros.
 *
 * Shapes    E events -> [T, 2, h, w], channel 1 = ON.
 * Errors    DataError: frames below 1, a size above the sensor's, an event outside the sensor.
 * Source    As SpikingJelly integrates by "number".
 */
export function framesByNumber(
  recording: EventRecording,
  { frames, ...place }: FrameSize & { readonly frames: number },
): EventFrames {
  const out = emptyFrames("framesByNumber", frames, place);
  const each = Math.floor(recording.length / frames);
  return countEvents(out, recording, place, (i) => (each === 0 ? frames - 1 : Math.floor(i / each)));
}

/**
 * Integrate T frames of equal time: with dt = floor((last - first) / T) us, frame i counts events from first + i·dt up to
 * first + (i+1)·dt, the last frame all remaining ones. A frame without events is zero; SpikingJelly fails there.
 *
 * First and last are the smallest and the largest time, so that a clock that stepped back loses no event.
 *
 * Shapes, errors as framesByNumber.
 */
export function framesByTime(
  recording: EventRecording,
  { frames, ...place }: FrameSize & { readonly frames: number },
): EventFrames {
  const out = emptyFrames("framesByTime", frames, place);
  const { first, last } = timeRange(recording);
  const each = Math.floor((last - first) / frames);
  return countEvents(out, recording, place, (i) =>
    each === 0 ? frames - 1 : Math.floor((recording.t[i]! - first) / each),
  );
}

/**
 * Integrate frames of `duration` us each, from the first event: ceil((last - first) / duration) of them, at least one; the
 * last one counts all remaining events. The count of frames differs between recordings: see padFrames.
 *
 * Errors    DataError: as framesByNumber; a duration below 1; frames of more values than `most`.
 */
export function framesByDuration(
  recording: EventRecording,
  { duration, ...place }: FrameSize & { readonly duration: number },
): EventFrames {
  expectWhole("framesByDuration: duration", duration, 1);
  const { first, last } = timeRange(recording);
  const frames = Math.max(1, Math.ceil((last - first) / duration));
  const out = emptyFrames("framesByDuration", frames, place);
  return countEvents(out, recording, place, (i) => Math.floor((recording.t[i]! - first) / duration));
}

/** Frames of several recordings as one batch, time padded with zeros at the end. */
export interface PaddedFrames {
  /** [N, T, 2, h, w], T is the largest length. */
  readonly data: Float32Array;
  readonly shape: readonly [n: number, t: number, p: number, h: number, w: number];
  /** Frames of each recording, [N]. */
  readonly lengths: Int32Array;
  /** Shape [N, T]: 1 where there is a frame, 0 where it is padding. */
  readonly mask: Float32Array;
}

/** Pad frames to one length. Errors: DataError for no frames, or frames of different height or width. */
export function padFrames(list: readonly EventFrames[]): PaddedFrames {
  const head = list[0];
  if (!head) throw new DataError("padFrames: expected frames of at least one recording, got none");
  const [, channels, h, w] = head.shape;
  for (const [i, { shape }] of list.entries()) {
    if (shape[1] !== channels || shape[2] !== h || shape[3] !== w) {
      const problem = `padFrames: frames ${i}: expected the shape of the first, [${head.shape.join(", ")}], got [${shape.join(", ")}]`;
      throw new DataError(problem);
    }
  }
  const lengths = Int32Array.from(list, ({ shape }) => shape[0]);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const plane = channels * h * w;
  const total = list.length * longest * plane;
  if (total > MOST_PADDED) {
    const shape = [list.length, longest, channels, h, w].join(", ");
    const problem = `padFrames: [${shape}] has ${total} values, expected at most ${MOST_PADDED}: pad fewer at a time`;
    throw new DataError(problem);
  }
  const data = new Float32Array(list.length * longest * plane);
  const mask = new Float32Array(list.length * longest);
  for (const [n, frames] of list.entries()) {
    data.set(frames.data, n * longest * plane);
    mask.fill(1, n * longest, n * longest + frames.shape[0]);
  }
  return { data, shape: [list.length, longest, channels, h, w], lengths, mask };
}

/** Return the row or column of the smaller frame for each one of the larger: floor(i · to / from), in integers. */
export function binTable(from: number, to: number): Int32Array {
  return Int32Array.from({ length: from }, (_, i) => Math.floor((i * to) / from));
}

/** Check a size against the sensor's. Errors: DataError. */
export function expectSize(what: string, sensor: SensorSize, size: SensorSize): void {
  for (const [i, axis] of (["height", "width"] as const).entries()) {
    expectWhole(`${what}: sensor ${axis}`, sensor[i]!, 1, 65536);
    expectWhole(`${what}: size ${axis}`, size[i]!, 1, sensor[i]!);
  }
}

function emptyFrames(
  what: string,
  frames: number,
  { sensor, size = sensor, most = MOST_VALUES }: FrameSize,
): EventFrames {
  expectSize(what, sensor, size);
  expectWhole(`${what}: frames`, frames, 1);
  expectWhole(`${what}: most`, most, 1);
  const shape = [frames, 2, size[0], size[1]] as const;
  const count = frames * 2 * size[0] * size[1];
  if (count > most) {
    const remedy = "use fewer or longer frames or a smaller size, or raise `most`";
    throw new DataError(`${what}: [${shape.join(", ")}] has ${count} values, expected at most ${most}: ${remedy}`);
  }
  return { data: new Float32Array(count), shape };
}

function timeRange({ t, length }: EventRecording): { first: number; last: number } {
  if (length === 0) return { first: 0, last: 0 };
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    first = Math.min(first, t[i]!);
    last = Math.max(last, t[i]!);
  }
  return { first, last };
}

/** Count each event in its frame, channel and pixel; events beyond the last frame belong to the last. */
function countEvents(
  out: EventFrames,
  { t, x, y, p, length }: EventRecording,
  { sensor }: FrameSize,
  frameOf: (event: number) => number,
): EventFrames {
  const [frames, , h, w] = out.shape;
  const { data } = out;
  const rows = binTable(sensor[0], h);
  const columns = binTable(sensor[1], w);
  for (let i = 0; i < length; i++) {
    const row = rows[y[i]!];
    const column = columns[x[i]!];
    if (row === undefined || column === undefined) {
      const problem = `event frames: event ${i}: expected a pixel of the sensor [${sensor.join(", ")}] (height, width), got x ${x[i]}, y ${y[i]}`;
      throw new DataError(problem);
    }
    const polarity = p[i]!;
    if (polarity !== 0 && polarity !== 1)
      throw new DataError(`event frames: event ${i}: polarity: expected 0 or 1, got ${polarity}`);
    const frame = frameOf(i);
    if (!(frame >= 0)) throw new DataError(`event frames: event ${i}: expected a time, got ${t[i]}`);
    const channel = Math.min(frame, frames - 1) * 2 + polarity;
    data[(channel * h + row) * w + column]!++;
  }
  return out;
}
