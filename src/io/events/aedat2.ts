// AEDAT 2.0 of CIFAR10-DVS: pairs of big-endian words, an address and a time.

import { skipAedatHeader } from "./aedat_header.ts";
import {
  allocateRecording,
  countRecords,
  EventError,
  type EventRecording,
  expectInside,
  type SensorOptions,
  sensorOf,
} from "./types.ts";

/** Size of the sensor of CIFAR10-DVS, in pixels. */
export const CIFAR10_DVS_SENSOR = [128, 128] as const;
const EVENT_BYTES = 8;

/**
 * Read a CIFAR10-DVS recording. Its camera's axes are swapped and mirrored and its polarity bit is 0 for ON; the result
 * is upright, with polarity 1 for ON.
 *
 * Options   sensor, default 128 x 128, the most the seven bits of x and y reach.
 * Errors    EventError: no AEDAT 2 header, no events, a last event that is cut off, an event outside the sensor.
 * Source    Li et al. 2017, "CIFAR10-DVS: an event-stream dataset for object classification".
 */
export function parseAedat2(bytes: Uint8Array, name = "aedat2", options: SensorOptions = {}): EventRecording {
  const sensor = sensorOf("parseAedat2", options, CIFAR10_DVS_SENSOR);
  const start = skipAedatHeader(bytes, name, "2");
  if (bytes.length === start) throw new EventError(name, "empty", start, "there are no events after the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const recording = allocateRecording(countRecords(name, bytes, start, EVENT_BYTES));
  const { t, x, y, p } = recording;
  for (let i = 0, at = start; i < recording.length; i++, at += EVENT_BYTES) {
    const address = view.getUint32(at);
    const column = 127 - ((address >>> 8) & 127);
    const row = 127 - ((address >>> 1) & 127);
    expectInside(name, column, row, sensor, i, at);
    x[i] = column;
    y[i] = row;
    p[i] = 1 - (address & 1);
    t[i] = view.getUint32(at + 4);
  }
  return recording;
}
