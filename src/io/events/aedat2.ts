// AEDAT 2.0 of CIFAR10-DVS: pairs of big-endian words, an address and a time.

import { ArgumentError, expectKeys } from "../../text/index.ts";
import { skipAedatHeader } from "./aedat_header.ts";
import {
  allocateRecording,
  EventError,
  type EventRecording,
  expectInside,
  expectSensor,
  type SensorOptions,
} from "./types.ts";

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
  expectKeys(options, { sensor: true }, (problem) => new ArgumentError(`parseAedat2: ${problem}`));
  const { sensor = CIFAR10_DVS_SENSOR } = options;
  expectSensor("parseAedat2: sensor", sensor);
  const start = skipAedatHeader(bytes, name, "2");
  const size = bytes.length - start;
  if (size === 0) throw new EventError(name, "empty", start, "there are no events after the header");
  const rest = size % EVENT_BYTES;
  if (rest > 0) {
    const at = bytes.length - rest;
    throw new EventError(
      name,
      "truncated",
      at,
      `truncated: expected events of ${EVENT_BYTES} bytes, got ${rest} bytes at the end`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const recording = allocateRecording(size / EVENT_BYTES);
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
