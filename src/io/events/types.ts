// Recordings of event cameras: not images but changes, each with a time, a pixel and a polarity.
import { ArgumentError, expectKeys } from "../../text/index.ts";
import { DamagedFileError } from "../damaged.ts";

/**
 * Events in the order of their file, one entry of each array per event.
 *
 * Times are integer microseconds in f64: files hold up to 63 bits, f64 is exact to 2^53, which is 285 years. An i32
 * would end after 36 minutes, and 64-bit integers of the host are slow and cannot be mixed with other numbers. Times
 * usually rise, but cameras step back a little at packet borders and readers keep the file's order. Code here compares
 * times and never assumes an order.
 */
export interface EventRecording {
  /** Integer microseconds, 0..2^53. */
  readonly t: Float64Array;
  readonly x: Uint16Array;
  readonly y: Uint16Array;
  /** 1 brighter (ON), 0 darker (OFF). */
  readonly p: Uint8Array;
  readonly length: number;
}

/** Height and width of a sensor or of frames, in pixels. */
export type SensorSize = readonly [h: number, w: number];

/** Event counts per time slice, polarity and pixel. */
export interface EventFrames {
  readonly data: Float32Array;
  readonly shape: readonly [t: number, p: number, h: number, w: number];
}

/** Kind of fault in an event file. */
export type EventFault = "empty" | "no header" | "truncated" | "too long" | "wrong content" | "outside the sensor";

/** An event file that is corrupt or of another kind. The message is one line with file, byte and fault. */
export class EventError extends DamagedFileError {
  override readonly name = "EventError";
  /** Kind of fault. */
  readonly fault: EventFault;
  /** Byte of the fault. In a packed file: start of the faulty part. */
  readonly offset: number;
  constructor(file: string, fault: EventFault, offset: number, message: string) {
    super(file, `byte ${offset}: ${message}`);
    this.fault = fault;
    this.offset = offset;
  }
}

/** Size of the sensor, if it is not that of the format. */
export interface SensorOptions {
  /**
   * Sensor size. Events outside are an error: the file is corrupt or of another camera. Default: the format's usual
   * camera.
   */
  readonly sensor?: SensorSize;
}

/** Allocate a recording of `length` events. */
export function allocateRecording(length: number): EventRecording {
  return {
    t: new Float64Array(length),
    x: new Uint16Array(length),
    y: new Uint16Array(length),
    p: new Uint8Array(length),
    length,
  };
}

/** Return events begin..end-1, sharing their memory. */
export function sliceRecording({ t, x, y, p }: EventRecording, begin: number, end: number): EventRecording {
  return {
    t: t.subarray(begin, end),
    x: x.subarray(begin, end),
    y: y.subarray(begin, end),
    p: p.subarray(begin, end),
    length: end - begin,
  };
}

/** Check that one event is inside the sensor; `offset` is its first byte. */
export function expectInside(file: string, x: number, y: number, [h, w]: SensorSize, event: number, offset: number) {
  if (x < w && y < h) return;
  const problem = `expected a pixel of the sensor, ${w} x ${h} (width x height), got x ${x}, y ${y}`;
  throw new EventError(file, "outside the sensor", offset, `event ${event}: ${problem}`);
}

/** Count the records of a file from byte `start`. Errors: EventError if the last one is cut off. */
export function countRecords(file: string, bytes: Uint8Array, start: number, recordBytes: number): number {
  const rest = (bytes.length - start) % recordBytes;
  if (rest === 0) return (bytes.length - start) / recordBytes;
  const problem = `truncated: expected events of ${recordBytes} bytes, got ${rest} bytes at the end`;
  throw new EventError(file, "truncated", bytes.length - rest, problem);
}

/** Check a parser's options, of which `more` are its own, and return the sensor. Errors: ArgumentError. */
export function sensorOf(
  parser: string,
  options: SensorOptions,
  otherwise: SensorSize,
  more: Readonly<Record<string, true>> = {},
): SensorSize {
  expectKeys(options, { sensor: true, ...more }, (problem) => new ArgumentError(`${parser}: ${problem}`));
  const { sensor = otherwise } = options;
  expectSensor(`${parser}: sensor`, sensor);
  return sensor;
}

/** Refuse a sensor that is not a pair of integers of 1..65536. This is a mistake of the caller, not of a file. */
export function expectSensor(what: string, size: SensorSize): void {
  if (size.length === 2 && size.every((n) => Number.isInteger(n) && n >= 1 && n <= 65536)) return;
  throw new ArgumentError(`${what}: expected [height, width], integers in 1..65536, got [${size.join(", ")}]`);
}
