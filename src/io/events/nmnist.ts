// N-MNIST's .bin files: five bytes per event, no header. N-Caltech101 has the same format on a larger sensor.

import { ArgumentError } from "../../text/index.ts";
import {
  allocateRecording,
  countRecords,
  EventError,
  type EventRecording,
  expectInside,
  type SensorOptions,
  sensorOf,
} from "./types.ts";

/** Size of the sensor of N-MNIST, in pixels. */
export const NMNIST_SENSOR = [34, 34] as const;
const EVENT_BYTES = 5;
/** 23 bits of microseconds. */
const LAST_TIME = 2 ** 23 - 1;

/**
 * Read an N-MNIST recording: x, y, then polarity (the highest bit) and 23 bits of time, big-endian.
 *
 * Options   sensor, default 34 x 34. N-Caltech101 is up to 240 x 180 (give [180, 240]).
 * Errors    EventError: no events, a length that is not a multiple of 5, an event outside the sensor. Some converters
 *           mark timer overflows by events at y 240, which the published files, all below 8 s, do not need; such a
 *           marker is refused as an event outside the sensor rather than counted as one.
 * Source    Orchard et al. 2015, "Converting static image datasets to spiking neuromorphic datasets using saccades".
 */
export function parseNMnist(bytes: Uint8Array, name = "nmnist", options: SensorOptions = {}): EventRecording {
  const sensor = sensorOf("parseNMnist", options, NMNIST_SENSOR);
  if (bytes.length === 0) throw new EventError(name, "empty", 0, "the file is empty");
  const recording = allocateRecording(countRecords(name, bytes, 0, EVENT_BYTES));
  const { t, x, y, p } = recording;
  for (let i = 0, at = 0; i < recording.length; i++, at += EVENT_BYTES) {
    const column = bytes[at]!;
    const row = bytes[at + 1]!;
    const high = bytes[at + 2]!;
    expectInside(name, column, row, sensor, i, at);
    x[i] = column;
    y[i] = row;
    p[i] = high >> 7;
    t[i] = ((high & 127) << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
  }
  return recording;
}

/**
 * Write a recording as an N-MNIST file.
 *
 * Errors    ArgumentError naming the first event that does not fit: x or y above 255, a time that is not whole or beyond 23 bits (8.4 s), or
 *           a polarity that is not 0 or 1.
 */
export function writeNMnist({ t, x, y, p, length }: EventRecording): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length * EVENT_BYTES);
  for (let i = 0, at = 0; i < length; i++, at += EVENT_BYTES) {
    const [time, column, row] = [t[i]!, x[i]!, y[i]!];
    const polarity = p[i]!;
    if (polarity !== 0 && polarity !== 1)
      throw new ArgumentError(`writeNMnist: event ${i}: polarity: expected 0 or 1, got ${polarity}`);
    if (column > 255 || row > 255 || !(Number.isInteger(time) && time >= 0 && time <= LAST_TIME)) {
      const problem = `writeNMnist: event ${i}: expected x and y up to 255 and t up to ${LAST_TIME}, got x ${column}, y ${row}, t ${time}`;
      throw new ArgumentError(problem);
    }
    bytes.set([column, row, (polarity << 7) | (time >> 16), (time >> 8) & 255, time & 255], at);
  }
  return bytes;
}
