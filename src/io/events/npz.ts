// .npz: a zip archive of .npy files. Converted event data are events (t, x, y, p) or frames [T, 2, H, W].

import { cut, visible } from "../../text/index.ts";
import { type FileArray, type FileArrayInput, quote, toFloat32 } from "../array_types.ts";
import { NpyError, parseNpy, writeNpy } from "../npy.ts";
import { readZip, writeZip, ZipError } from "../zip.ts";
import {
  allocateRecording,
  EventError,
  type EventFrames,
  type EventRecording,
  expectInside,
  type SensorOptions,
  sensorOf,
} from "./types.ts";

/**
 * Read all arrays of an .npz file, by name without `.npy`; other files in it are left out.
 *
 * Options   wanted: selects the arrays to unpack, default all. They may unpack to 64 MiB together, or to 64 times the
 *           file's size if that is more, at most 1 GiB.
 * Errors    EventError: a damaged archive, ZIP64, an array that is damaged or of a type that is not read.
 */
export async function parseNpz(
  bytes: Uint8Array,
  name = "npz",
  { wanted = () => true }: { readonly wanted?: (array: string) => boolean } = {},
): Promise<Map<string, FileArray>> {
  try {
    const arrays = new Map<string, FileArray>();
    const options = { wanted: (path: string) => path.endsWith(".npy") && wanted(path.slice(0, -4)) };
    for (const [path, data] of await readZip(bytes, name, options)) {
      arrays.set(path.slice(0, -4), parseNpy(data, quote(path)));
    }
    return arrays;
  } catch (error) {
    if (error instanceof ZipError) throw new EventError(name, "wrong content", error.offset, error.problem);
    if (error instanceof NpyError) throw new EventError(name, "wrong content", 0, error.message);
    throw error;
  }
}

/** Write an .npz file of arrays, stored. Errors: NpyError, ZipError. */
export function writeNpz(arrays: ReadonlyMap<string, FileArrayInput>): Uint8Array<ArrayBuffer> {
  return writeZip(new Map([...arrays].map(([name, array]) => [`${name}.npy`, writeNpy(array, name)])));
}

const EVENT_ARRAYS = new Set(["frames", "t", "x", "y", "p"]);

/** Frames or events of an npz file, with their label. */
export type EventNpz =
  | { readonly kind: "events"; readonly recording: EventRecording }
  | { readonly kind: "frames"; readonly frames: EventFrames };

/**
 * Read an .npz of one recording: arrays t, x, y, p of one length, integers of any type, or `frames` [T, 2, H, W] of
 * integer counts, of any type. Frames are used if a file has both. Nothing is rounded or clipped.
 *
 * Options   sensor: events outside are refused; default: any pixel a u16 can name.
 * Errors    EventError: as parseNpz; neither set of arrays; shapes that disagree; a time that is no integer in 0..2^53;
 *           a polarity that is not 0 or 1; a count that is no integer in 0..2^24; an event outside the sensor.
 */
export async function parseEventNpz(bytes: Uint8Array, name = "npz", options: SensorOptions = {}): Promise<EventNpz> {
  const sensor = sensorOf("parseEventNpz", options, [65536, 65536]);
  const found: string[] = [];
  const arrays = await parseNpz(bytes, name, { wanted: (array) => found.push(array) > 0 && EVENT_ARRAYS.has(array) });
  const refuse = (message: string): never => {
    throw new EventError(name, "wrong content", 0, message);
  };
  const frames = arrays.get("frames");
  if (frames) return { kind: "frames", frames: framesOf(frames, refuse) };
  const [t, x, y, p] = ["t", "x", "y", "p"].map((key) => arrays.get(key));
  if (!t || !x || !y || !p)
    return refuse(`expected the array frames, or t, x, y and p, got ${visible(cut(found.join(", ") || "none", 200))}`);
  const recording = allocateRecording(t.data.length);
  fill(recording.t, "t", t, Number.MAX_SAFE_INTEGER, refuse);
  fill(recording.x, "x", x, 65535, refuse);
  fill(recording.y, "y", y, 65535, refuse);
  fill(recording.p, "p", p, 1, refuse);
  for (let i = 0; i < recording.length; i++) {
    expectInside(name, recording.x[i]!, recording.y[i]!, sensor, i, 0);
  }
  return { kind: "events", recording };
}

type Refuse = (message: string) => never;

function fill(
  out: Float64Array | Uint16Array | Uint8Array,
  name: string,
  array: FileArray,
  largest: number,
  refuse: Refuse,
): void {
  const { dtype, shape, data } = array;
  if (dtype === "F16" || dtype === "BF16") refuse(`array ${name}: expected integers, got ${dtype}`);
  if (shape.length !== 1 || data.length !== out.length) {
    refuse(`array ${name}: expected the shape of t, [${out.length}], got [${shape.join(", ")}]`);
  }
  for (let i = 0; i < out.length; i++) {
    const value = Number(data[i]);
    if (!(Number.isInteger(value) && value >= 0 && value <= largest)) {
      const hint = name === "p" && value === -1 ? ": save -1, for OFF, as 0" : "";
      refuse(`array ${name}: expected an integer in 0..${largest} at ${i}, got ${data[i]}${hint}`);
    }
    out[i] = value;
  }
}

function framesOf(array: FileArray, refuse: Refuse): EventFrames {
  const { shape } = array;
  if (shape.length !== 4 || shape[1] !== 2 || shape.includes(0)) {
    refuse(`frames: expected the shape [T, 2, H, W] without zeros, got [${shape.join(", ")}]`);
  }
  const small = array.dtype === "F16" || array.dtype === "BF16";
  const exact = small ? toFloat32(array) : array.data; // halves are bits: as numbers they are exact in f32
  for (let i = 0; i < exact.length; i++) {
    const count = Number(exact[i]);
    if (Number.isInteger(count) && count >= 0 && count <= LARGEST_COUNT) continue;
    const at = indexOf(shape, i).join(", ");
    refuse(`frames: expected an unscaled count of events in 0..${LARGEST_COUNT} at [${at}], got ${exact[i]}`);
  }
  return { data: toFloat32(array), shape: shape as unknown as EventFrames["shape"] };
}

/** Largest integer below which all are exact in f32. */
const LARGEST_COUNT = 2 ** 24;

/** Return the index of element i of an array of this shape. */
function indexOf(shape: readonly number[], i: number): number[] {
  const index: number[] = [];
  for (let rest = i, axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Write a recording as .npz: t as i64, x and y as u16, p as u8, stored. */
export function writeEventNpz({ t, x, y, p, length }: EventRecording): Uint8Array<ArrayBuffer> {
  const shape = [length];
  return writeNpz(
    new Map<string, FileArrayInput>([
      ["t", { dtype: "I64", shape, data: BigInt64Array.from(t, (time) => BigInt(time)) }],
      ["x", { dtype: "U16", shape, data: x }],
      ["y", { dtype: "U16", shape, data: y }],
      ["p", { dtype: "U8", shape, data: p }],
    ]),
  );
}
