// Event files built for round trips, and recordings of any content.
import fc from "fast-check";
import { expect } from "vitest";
import { EventError, type EventFault, type EventRecording } from "../../../src/io/events/types.ts";

export const text = (words: string) => new TextEncoder().encode(words);

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** [t, x, y, p] of each event. */
export type Row = readonly [t: number, x: number, y: number, p: number];

export function recordingOf(rows: readonly Row[]): EventRecording {
  return {
    t: Float64Array.from(rows, ([t]) => t),
    x: Uint16Array.from(rows, ([, x]) => x),
    y: Uint16Array.from(rows, ([, , y]) => y),
    p: Uint8Array.from(rows, ([, , , p]) => p),
    length: rows.length,
  };
}

export function rowsOf({ t, x, y, p, length }: EventRecording): Row[] {
  expect([t, x, y, p].map((array) => array.length)).toEqual([length, length, length, length]);
  return Array.from({ length }, (_, i) => [t[i]!, x[i]!, y[i]!, p[i]!]);
}

/** Make events of a sensor of this size, with times below `end` in any order. */
export function rows(size: number, end: number, constraints: fc.ArrayConstraints = {}): fc.Arbitrary<Row[]> {
  return fc.array(fc.tuple(fc.nat(end - 1), fc.nat(size - 1), fc.nat(size - 1), fc.nat(1)), constraints);
}

/** Make a CIFAR10-DVS file of events on its 128 x 128 sensor. */
export function aedat2(events: readonly Row[], header = "#!AER-DAT2.0\r\n# any words\r\n"): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * events.length));
  events.forEach(([t, x, y, p], i) => {
    view.setUint32(8 * i, ((127 - x) << 8) | ((127 - y) << 1) | (1 - p));
    view.setUint32(8 * i + 4, t);
  });
  return joined(text(header), new Uint8Array(view.buffer));
}

export const AEDAT3_HEADER = "#!AER-DAT3.1\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n";

/** Make one packet of an AEDAT 3 file; `room` is its capacity. */
export function packet(
  events: readonly (Row | readonly [...Row, valid: number])[],
  options: { type?: number; overflow?: number; room?: number; size?: number; timeOffset?: number; count?: number } = {},
): Uint8Array {
  const { type = 1, overflow = 0, room = 0, size = 8, timeOffset = 4, count = events.length } = options;
  const capacity = events.length + room;
  const view = new DataView(new ArrayBuffer(28 + 8 * capacity));
  view.setUint16(0, type, true);
  view.setUint16(2, 1, true);
  [size, timeOffset, overflow, capacity, count, count].forEach((word, i) => {
    view.setUint32(4 + 4 * i, word, true);
  });
  events.forEach(([t, x, y, p, valid = 1], i) => {
    view.setUint32(28 + 8 * i, ((x << 17) | (y << 2) | (p << 1) | valid) >>> 0, true);
    view.setUint32(32 + 8 * i, t, true);
  });
  return new Uint8Array(view.buffer);
}

/** Return the EventError of a read; its message is one line that names file and byte. */
export async function refusal(read: () => unknown): Promise<{ fault: EventFault; offset: number; message: string }> {
  let error: unknown;
  try {
    await read();
  } catch (cause) {
    error = cause;
  }
  expect(error).toBeInstanceOf(EventError);
  const { fault, offset, message } = error as EventError;
  expect(message).toMatch(/^f: byte \d+: [^\r\n]+$/);
  return { fault, offset, message };
}
