// What an event camera records: not images but changes, each with a time, a pixel and a polarity.
import { ArgumentError, EspalierError, visible } from "../../text/index.ts";

/**
 * Events in the order of their file, one entry of each array per event.
 *
 * Times are whole microseconds in f64: files hold up to 63 bits, f64 is exact to 2^53, which is 285 years. An i32 would
 * end after 36 minutes, and 64-bit integers of the host are slow and cannot be mixed with other numbers.
 * Times usually rise but need not: cameras are known to step back a little at packet borders, and readers keep what the
 * file says. Whatever uses times here compares them and never assumes an order.
 */
export interface EventRecording {
  /** Microseconds, whole, 0..2^53. */
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

export type EventFault = "empty" | "no header" | "truncated" | "too long" | "wrong content" | "outside the sensor";

/** An event file that is damaged or not what was asked for; one line naming the file, the byte and what is wrong there. */
export class EventError extends EspalierError {
  override readonly name = "EventError";
  readonly file: string;
  readonly fault: EventFault;
  /** Byte of the file where it goes wrong. In a packed file: where the faulty part begins. */
  readonly offset: number;
  constructor(file: string, fault: EventFault, offset: number, message: string) {
    super(visible(`${file}: byte ${offset}: ${message}`));
    this.file = file;
    this.fault = fault;
    this.offset = offset;
  }
}

export interface SensorOptions {
  /** Events outside are an error: they mean damage, or a file of another camera. Default: the format's usual camera. */
  readonly sensor?: SensorSize;
}

/** An empty recording with room for so many events. */
export function allocateRecording(length: number): EventRecording {
  return {
    t: new Float64Array(length),
    x: new Uint16Array(length),
    y: new Uint16Array(length),
    p: new Uint8Array(length),
    length,
  };
}

/** Events begin..end-1, sharing their memory. */
export function sliceRecording({ t, x, y, p }: EventRecording, begin: number, end: number): EventRecording {
  return {
    t: t.subarray(begin, end),
    x: x.subarray(begin, end),
    y: y.subarray(begin, end),
    p: p.subarray(begin, end),
    length: end - begin,
  };
}

/** Checks one event's place; `offset` is its first byte. */
export function expectInside(file: string, x: number, y: number, [h, w]: SensorSize, event: number, offset: number) {
  if (x < w && y < h) return;
  throw new EventError(
    file,
    "outside the sensor",
    offset,
    `event ${event} is at x ${x}, y ${y}, the sensor has ${w} x ${h} pixels (width x height)`,
  );
}

/** Refuses a sensor that is not a pair of whole numbers of 1..65536. A mistake of the caller, not of a file. */
export function expectSensor(what: string, size: SensorSize): void {
  if (size.length === 2 && size.every((n) => Number.isInteger(n) && n >= 1 && n <= 65536)) return;
  throw new ArgumentError(`${what} wants [height, width], whole numbers in 1..65536, was given [${size.join(", ")}]`);
}
