// Writes TensorBoard's event files: records with checksums, each an Event message of protobuf.
//
// The messages are written field by field with the wire writer of @bufbuild/protobuf, a few lines per message. Generated
// classes would bring all of TensorFlow's graph and tensor definitions, and a generator. The test reads the files through
// separate descriptors and the library's reflection.
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { ArgumentError, expectKeys } from "../../text/index.ts";
import { maskedCrc32c } from "./crc32c.ts";
import type { Histogram } from "./histogram.ts";

/** Image as an encoded PNG. */
export interface EventImage {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
  /** Number of channels: 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA. Default 4. */
  readonly channels?: 1 | 2 | 3 | 4;
}

/** Value to show under a tag; slashes group tags. */
export type EventValue = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly histogram: Histogram }
  | { readonly image: EventImage }
  /** Markdown text. */
  | { readonly text: string }
);

/** Values of one step. */
export interface TensorBoardEvent {
  /** Time in seconds since 1970. */
  readonly wallTime: number;
  /** Integer position on the horizontal axis. */
  readonly step: number;
  readonly values: readonly EventValue[];
  /**
   * True marks the start of a run at this step, or its continuation: readers drop the values of this and later steps from
   * earlier files of the folder. Readers do so from the second such event on, so the first file needs one too, at step 0.
   * Such an event has no values.
   */
  readonly start?: boolean;
}

/** Options of `encodeEvents`. */
export interface EventFileOptions {
  /** True writes the first record of a file; false for appended bytes. Default true. */
  readonly header?: boolean;
}

/** Text of the first record of every file. */
const FILE_VERSION = "brain.Event:2";
const STRING_TYPE = 7; // DT_STRING of tensorflow.DataType
const START = 1; // of tensorflow.SessionLog.SessionStatus

/** Wire types of fields that are not integers. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Write a field that is a message. */
function nested(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.tag(field, WIRE.bytes).bytes(inner.finish());
}

const double = (w: BinaryWriter, field: number, value: number) => w.tag(field, WIRE.fixed64).double(value);
const whole = (w: BinaryWriter, field: number, value: number) => w.tag(field, WIRE.varint).int64(value);
const text = (w: BinaryWriter, field: number, value: string) => w.tag(field, WIRE.bytes).string(value);

/** Write tensorflow.HistogramProto; the two lists are packed. */
function writeHistogram(w: BinaryWriter, h: Histogram): void {
  for (const [i, value] of [h.min, h.max, h.count, h.sum, h.sumOfSquares].entries()) double(w, i + 1, value);
  for (const [field, list] of [
    [6, h.limits],
    [7, h.counts],
  ] as const) {
    nested(w, field, (inner) => {
      for (const value of list) inner.double(value);
    });
  }
}

/** Write tensorflow.Summary.Image. */
function writeImage(w: BinaryWriter, { width, height, png, channels = 4 }: EventImage): void {
  for (const [i, value] of [height, width, channels].entries()) w.tag(i + 1, WIRE.varint).int32(value);
  w.tag(4, WIRE.bytes).bytes(png);
}

/** Write tensorflow.Summary.Value. Text is a tensor of strings, with metadata that selects the text plugin. */
function writeValue(w: BinaryWriter, value: EventValue): void {
  text(w, 1, value.tag);
  if ("scalar" in value)
    w.tag(2, WIRE.fixed32).float(Math.fround(value.scalar)); // infinite beyond the range of float32
  else if ("image" in value) nested(w, 4, (inner) => writeImage(inner, value.image));
  else if ("histogram" in value) nested(w, 5, (inner) => writeHistogram(inner, value.histogram));
  else {
    nested(w, 8, (tensor) => {
      tensor.tag(1, WIRE.varint).int32(STRING_TYPE);
      nested(tensor, 2, () => {}); // a shape without axes
      tensor.tag(8, WIRE.bytes).bytes(new TextEncoder().encode(value.text));
    });
    nested(w, 9, (metadata) => nested(metadata, 1, (plugin) => text(plugin, 1, "text")));
  }
}

/** Write tensorflow.Event. */
function eventMessage({ wallTime, step, values, start }: TensorBoardEvent): Uint8Array {
  const w = new BinaryWriter();
  double(w, 1, wallTime);
  whole(w, 2, step);
  if (start) nested(w, 7, (log) => log.tag(1, WIRE.varint).int32(START));
  else
    nested(w, 5, (summary) => {
      for (const value of values) nested(summary, 1, (inner) => writeValue(inner, value));
    });
  return w.finish();
}

function versionMessage(wallTime: number): Uint8Array {
  const w = new BinaryWriter();
  double(w, 1, wallTime);
  text(w, 3, FILE_VERSION);
  return w.finish();
}

/** Frame a record: length as u64, its checksum, the data, their checksum; all little-endian. */
function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length, true); // below 2^32, the upper half stays 0
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

const wrong = (what: string, expected: string, got: unknown) =>
  new ArgumentError(`encodeEvents: ${what}: expected ${expected}, got ${String(got)}`);

function checkValue(value: EventValue): void {
  if (value.tag === "") throw wrong("tag", "a name", '""');
  if ("scalar" in value && typeof value.scalar !== "number") throw wrong(value.tag, "a number", value.scalar);
  if ("histogram" in value) {
    const { limits, counts } = value.histogram;
    if (limits.length === 0 || limits.length !== counts.length)
      throw wrong(value.tag, "one count per limit", `${counts.length} and ${limits.length}`);
  }
  if ("image" in value && !(value.image.width >= 1 && value.image.height >= 1))
    throw wrong(value.tag, "an image of at least one pixel", `${value.image.width} x ${value.image.height}`);
}

function check({ wallTime, step, values, start }: TensorBoardEvent): void {
  if (!Number.isFinite(wallTime) || wallTime < 0) throw wrong("wallTime", "seconds since 1970", wallTime);
  if (!Number.isSafeInteger(step) || step < 0) throw wrong("step", "an integer >= 0", step);
  if (start && values.length > 0) throw wrong("start", "no values", values.length);
  values.forEach(checkValue);
}

/**
 * Encode an event file, or with `header: false` bytes to append to one. TensorBoard reads files with `tfevents` in their name,
 * see `eventFileName`.
 *
 * Errors    ArgumentError that names the value out of range.
 * Source    TensorFlow: record_writer.h (framing), event.proto and summary.proto (messages).
 */
export function encodeEvents(
  events: readonly TensorBoardEvent[],
  options: EventFileOptions = {},
): Uint8Array<ArrayBuffer> {
  expectKeys(options, { header: true }, (problem) => new ArgumentError(`encodeEvents: ${problem}`));
  const { header = true } = options;
  events.forEach(check);
  const records = events.map((event) => record(eventMessage(event)));
  if (header) records.unshift(record(versionMessage(events[0]?.wallTime ?? 0)));
  const bytes = new Uint8Array(records.reduce((n, r) => n + r.length, 0));
  let at = 0;
  for (const r of records) {
    bytes.set(r, at);
    at += r.length;
  }
  return bytes;
}

/** Return a file name that TensorBoard reads, from the start time (seconds since 1970) and the host. */
export function eventFileName(wallTime: number, host = "espalier"): string {
  return `events.out.tfevents.${Math.floor(wallTime)}.${host.replaceAll(/[^\w-]+/g, "-") || "espalier"}`;
}
