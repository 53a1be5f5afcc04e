// AEDAT 3.1 of DVS128 Gesture: little-endian packets of one kind of event each.

import { skipAedatHeader } from "./aedat_header.ts";
import {
  allocateRecording,
  EventError,
  type EventRecording,
  expectInside,
  type SensorOptions,
  sensorOf,
} from "./types.ts";

/** Size of the sensor of DVS128 Gesture, in pixels. */
export const DVS128_SENSOR = [128, 128] as const;

/** Options of `parseAedat3`. */
export interface Aedat3Options extends SensorOptions {
  /**
   * True reads only events whose valid bit is set. A packet may have room for more events than it holds. By default
   * every slot is read and the bit ignored, as in SpikingJelly.
   */
  readonly validOnly?: boolean;
}

const PACKET_HEADER_BYTES = 28;
const POLARITY = 1;
/** Size of a polarity event, and offset of its time. */
const EVENT_BYTES = 8;
const TIME_OFFSET = 4;
/** Overflow count from which times exceed the exact integers of f64. */
const OVERFLOW_LIMIT = 2 ** 22;

/** Event slots of one packet of polarity events. */
interface Packet {
  readonly at: number;
  readonly slots: number;
  /** Start of the packet's times, in us: the overflows of the camera's 31-bit clock so far. */
  readonly base: number;
}

/**
 * Read a DVS128 recording; skip packets of other kinds (frames, inertial, special events).
 *
 * Options   sensor, default 128 x 128; validOnly, default false.
 * Errors    EventError: no AEDAT 3 header, no polarity events, a packet that is cut off or of another layout, times
 *           beyond 2^53 us, an event outside the sensor.
 * Source    iniVation, "AEDAT file formats", version 3.1; Amir et al. 2017 (DVS128 Gesture).
 */
export function parseAedat3(bytes: Uint8Array, name = "aedat3", options: Aedat3Options = {}): EventRecording {
  const { validOnly = false } = options;
  const sensor = sensorOf("parseAedat3", options, DVS128_SENSOR, { validOnly: true });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const packets = findPackets(view, skipAedatHeader(bytes, name, "3"), name, validOnly);
  const recording = allocateRecording(countEvents(view, packets, validOnly));
  if (recording.length === 0) throw new EventError(name, "empty", bytes.length, "there are no polarity events");
  const { t, x, y, p } = recording;
  let i = 0;
  for (const { at: start, slots, base } of packets) {
    for (let at = start; at < start + slots * EVENT_BYTES; at += EVENT_BYTES) {
      const data = view.getUint32(at, true);
      if (validOnly && (data & 1) === 0) continue;
      const column = data >>> 17;
      const row = (data >>> 2) & 0x7fff;
      expectInside(name, column, row, sensor, i, at);
      x[i] = column;
      y[i] = row;
      p[i] = (data >>> 1) & 1;
      const time = view.getUint32(at + TIME_OFFSET, true);
      // time | overflow << 31: a 32nd bit, which a camera does not set, would fall on the lowest bit of the overflow.
      const carried = time >= 2 ** 31 && base % 2 ** 32 === 0;
      t[i++] = base + (time & 0x7fffffff) + (carried ? 2 ** 31 : 0);
    }
  }
  return recording;
}

function findPackets(view: DataView, start: number, name: string, validOnly: boolean): Packet[] {
  const packets: Packet[] = [];
  for (let at = start; at < view.byteLength; ) {
    const left = view.byteLength - at;
    if (left < PACKET_HEADER_BYTES)
      throw new EventError(name, "truncated", at, `truncated: expected a packet header of 28 bytes, got ${left}`);
    const word = (offset: number) => view.getUint32(at + offset, true);
    const [size, timeOffset, overflow, capacity, count] = [word(4), word(8), word(12), word(16), word(20)];
    const body = at + PACKET_HEADER_BYTES;
    const length = capacity * size; // at most 2^64: rounded there, but then far beyond any file
    if (length > view.byteLength - body) {
      const words = `expected a packet of ${capacity} events of ${size} bytes, got ${view.byteLength - body} bytes`;
      throw new EventError(name, "truncated", at, `truncated: ${words}`);
    }
    if (view.getUint16(at, true) === POLARITY) {
      const wrong = (words: string) => {
        throw new EventError(name, "wrong content", at, words);
      };
      if (size !== EVENT_BYTES || timeOffset !== TIME_OFFSET) {
        wrong(
          `expected polarity events of 8 bytes with the time at byte 4, got ${size} bytes with the time at ${timeOffset}`,
        );
      }
      if (count > capacity) wrong(`expected at most ${capacity} events in the packet, got ${count}`);
      if (overflow >= OVERFLOW_LIMIT) wrong(`the clock overflowed ${overflow} times: times would exceed 2^53 us`);
      packets.push({ at: body, slots: validOnly ? count : capacity, base: overflow * 2 ** 31 });
    }
    at = body + length;
  }
  return packets;
}

function countEvents(view: DataView, packets: readonly Packet[], validOnly: boolean): number {
  let count = 0;
  for (const { at, slots } of packets) {
    if (!validOnly) count += slots;
    else for (let i = 0; i < slots; i++) count += view.getUint8(at + i * EVENT_BYTES) & 1;
  }
  return count;
}
