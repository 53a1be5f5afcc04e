// DVS128 Gesture: each recording holds many gestures; a table beside it gives their times.
import { quote } from "../array_types.ts";
import { allocateRecording, EventError, type EventRecording, sliceRecording } from "./types.ts";

/** Class and time of one gesture of a recording. */
export interface GestureLabel {
  /** 0-based; the file counts from 1. */
  readonly label: number;
  /** Microseconds; the sample is start <= t < end. */
  readonly start: number;
  readonly end: number;
}

/** Names of DVS128 Gesture's classes, in the order of their labels. */
export const GESTURE_CLASSES: readonly string[] = [
  "hand clapping",
  "right hand wave",
  "left hand wave",
  "right arm clockwise",
  "right arm counter clockwise",
  "left arm clockwise",
  "left arm counter clockwise",
  "arm roll",
  "air drums",
  "air guitar",
  "other gestures",
];

const COLUMNS = "class,startTime_usec,endTime_usec";

/**
 * Read a labels table: a line of column names, then class (1..11), start and end in us per line.
 *
 * Errors    EventError naming the byte of a line in another format.
 * Source    Amir et al. 2017, "A low power, fully event-based gesture recognition system".
 */
export function parseGestureLabels(bytes: Uint8Array, name = "labels"): GestureLabel[] {
  // One character per byte, so that positions in the text are positions in the file.
  const lines = new TextDecoder("latin1").decode(bytes).split("\n");
  const labels: GestureLabel[] = [];
  let offset = 0;
  for (const [number, line] of lines.entries()) {
    const wrong = (expected: string) =>
      new EventError(
        name,
        "wrong content",
        offset,
        `line ${number + 1}: expected ${expected}, got ${quote(line.trim())}`,
      );
    const text = line.replace(/\s/g, "");
    if (number === 0) {
      if (text.toLowerCase() !== COLUMNS.toLowerCase()) throw wrong(`the column names ${COLUMNS}`);
    } else if (text !== "") {
      const match = /^(\d{1,3}),(\d{1,16}),(\d{1,16})$/.exec(text);
      if (!match) throw wrong("class,start,end as integers");
      const [kind, start, end] = match.slice(1).map(Number) as [number, number, number];
      if (kind < 1 || kind > GESTURE_CLASSES.length) throw wrong(`a class in 1..${GESTURE_CLASSES.length}`);
      if (start >= end || !Number.isSafeInteger(end)) throw wrong("a start before its end");
      labels.push({ label: kind - 1, start, end });
    }
    offset += line.length + 1;
  }
  return labels;
}

/**
 * Return the events with start <= t < end of each label, in the order of the labels. Samples share the recording's
 * memory if its times rise; otherwise they are copies, so that no event is lost if the clock stepped back.
 */
export function cutGestures(
  recording: EventRecording,
  labels: readonly GestureLabel[],
): { readonly label: number; readonly recording: EventRecording }[] {
  const { t, length } = recording;
  let rising = true;
  for (let i = 1; i < length && rising; i++) rising = t[i - 1]! <= t[i]!;
  return labels.map(({ label, start, end }) => ({
    label,
    recording: rising
      ? sliceRecording(recording, firstAtOrAfter(t, start), firstAtOrAfter(t, end))
      : eventsBetween(recording, start, end),
  }));
}

/** Return the index of the first of rising times that is at least `time`. */
function firstAtOrAfter(t: Float64Array, time: number): number {
  let low = 0;
  let high = t.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (t[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function eventsBetween(recording: EventRecording, start: number, end: number): EventRecording {
  const inside = (i: number) => recording.t[i]! >= start && recording.t[i]! < end;
  let count = 0;
  for (let i = 0; i < recording.length; i++) if (inside(i)) count++;
  const out = allocateRecording(count);
  for (let i = 0, to = 0; i < recording.length; i++) {
    if (!inside(i)) continue;
    out.t[to] = recording.t[i]!;
    out.x[to] = recording.x[i]!;
    out.y[to] = recording.y[i]!;
    out.p[to++] = recording.p[i]!;
  }
  return out;
}
