// DVS128 Gesture records many gestures in one go; a table beside each recording says which was when.
import { quote } from "../array_types.ts";
import { allocateRecording, EventError, type EventRecording, sliceRecording } from "./types.ts";

export interface GestureLabel {
  /** 0-based: the file counts from 1. */
  readonly label: number;
  /** Microseconds; the sample is start <= t < end. */
  readonly start: number;
  readonly end: number;
}

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
 * Reads a labels table: a line of column names, then class (1..11), start and end, in us, per line.
 *
 * Errors    EventError naming the byte at which a line is none of this.
 * Source    Amir et al. 2017, "A low power, fully event-based gesture recognition system".
 */
export function parseGestureLabels(bytes: Uint8Array, name = "labels"): GestureLabel[] {
  // One character per byte, so that places in the text are places in the file.
  const lines = new TextDecoder("latin1").decode(bytes).split("\n");
  const labels: GestureLabel[] = [];
  let offset = 0;
  for (const [number, line] of lines.entries()) {
    const wrong = (wanted: string) =>
      new EventError(name, "wrong content", offset, `line ${number + 1} wants ${wanted}, is ${quote(line.trim())}`);
    const text = line.replace(/\s/g, "");
    if (number === 0) {
      if (text.toLowerCase() !== COLUMNS.toLowerCase()) throw wrong(`the column names ${COLUMNS}`);
    } else if (text !== "") {
      const match = /^(\d{1,3}),(\d{1,16}),(\d{1,16})$/.exec(text);
      if (!match) throw wrong("class,start,end as whole numbers");
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
 * Events with start <= t < end of each label, in the order of the labels. Samples share the recording's memory where its
 * times rise; otherwise they are copies, so that no event is lost to a clock that stepped back.
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

/** Index of the first of rising times that is at least `time`. */
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
