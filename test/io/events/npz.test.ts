import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEventNpz, parseNpz, writeEventNpz, writeNpz } from "../../../src/io/events/npz.ts";
import type { FileArrayInput } from "../../../src/io/index.ts";
import { recordingOf, refusal, rows, rowsOf } from "./event_files.ts";
import { numpySavez, numpySavezCompressed } from "./numpy_npz.ts";

const i32 = (...values: number[]): FileArrayInput => ({
  dtype: "I32",
  shape: [values.length],
  data: Int32Array.from(values),
});
const events = (change: Record<string, FileArrayInput> = {}) =>
  writeNpz(new Map(Object.entries({ t: i32(1, 2), x: i32(3, 4), y: i32(5, 6), p: i32(0, 1), ...change })));

test.each([
  ["savez", new Uint8Array(gunzipSync(Buffer.from(numpySavez, "base64")))],
  ["savez_compressed", new Uint8Array(Buffer.from(numpySavezCompressed, "base64"))],
])("reads the output of NumPy's %s", async (_name, bytes) => {
  const found = await parseEventNpz(bytes, "f", { sensor: [6, 4] });
  if (found.kind !== "events") throw new Error("wanted events");
  expect(rowsOf(found.recording)).toEqual([
    [5, 1, 0, 1],
    [9, 2, 4, 0],
    [2 ** 40, 3, 5, 1],
  ]);
});

test("reads back events with times to 2^53", async () => {
  await fc.assert(
    fc.asyncProperty(rows(65536, 2 ** 31), async (list) => {
      const given = list.map(([t, ...rest]) => [t * 2 ** 22, ...rest] as const);
      const found = await parseEventNpz(writeEventNpz(recordingOf(given)));
      expect(found.kind === "events" && rowsOf(found.recording)).toEqual(given);
    }),
    { numRuns: 30 },
  );
});

test("reads frames of any type", async () => {
  const data = Uint8Array.from({ length: 24 }, (_, i) => i);
  const bytes = writeNpz(new Map([["frames", { dtype: "U8", shape: [3, 2, 2, 2], data }]]));
  expect(await parseEventNpz(bytes)).toEqual({
    kind: "frames",
    frames: { shape: [3, 2, 2, 2], data: Float32Array.from(data) },
  });
  const halves = new Map<string, FileArrayInput>([
    ["frames", { dtype: "F16", shape: [1, 2, 1, 1], data: Uint16Array.of(0x3c00, 0x4000) }],
  ]);
  const found = await parseEventNpz(writeNpz(halves));
  expect(found.kind === "frames" && [...found.frames.data]).toEqual([1, 2]);
});

test("refuses arrays that are no events by name", async () => {
  const read = (bytes: Uint8Array, options = {}) => refusal(() => parseEventNpz(bytes, "f", options));
  expect((await read(writeNpz(new Map([["t", i32(1)]])))).message).toContain(
    "byte 0: expected the array frames, or t, x, y and p, got t",
  );
  expect(await read(writeNpz(new Map()))).toMatchObject({ fault: "wrong content" });
  expect((await read(events({ x: i32(1) }))).message).toContain(
    "byte 0: array x: expected the shape of t, [2], got [1]",
  );
  expect((await read(events({ y: i32(-1, 0) }))).message).toContain(
    "byte 0: array y: expected an integer in 0..65535 at 0, got -1",
  );
  expect((await read(events({ p: i32(0, 2) }))).message).toContain(
    "byte 0: array p: expected an integer in 0..1 at 1, got 2",
  );
  const half = { dtype: "F64", shape: [2], data: Float64Array.of(1, 2.5) } as const;
  expect((await read(events({ t: half }))).message).toContain(
    "byte 0: array t: expected an integer in 0..9007199254740991 at 1, got 2.5",
  );
  const f16 = { dtype: "F16", shape: [2], data: Uint16Array.of(0, 0) } as const;
  expect((await read(events({ t: f16 }))).message).toContain("array t: expected integers, got F16");
  expect(await read(events(), { sensor: [6, 4] })).toMatchObject({ fault: "outside the sensor" });
  const frames = (shape: number[], ...values: number[]) =>
    writeNpz(new Map<string, FileArrayInput>([["frames", { dtype: "F32", shape, data: Float32Array.from(values) }]]));
  expect((await read(frames([2, 1, 1, 1], 1, 1))).message).toContain(
    "frames: expected the shape [T, 2, H, W] without zeros, got [2, 1, 1, 1]",
  );
  expect((await read(frames([1, 2, 1, 1], 1, Number.NaN))).message).toContain(
    "byte 0: frames: expected an unscaled count of events in 0..16777216 at [0, 1, 0, 0], got NaN",
  );
  expect((await read(frames([1, 2, 1, 1], -1, 1))).message).toContain(
    "byte 0: frames: expected an unscaled count of events in 0..16777216 at [0, 0, 0, 0], got -1",
  );
});

test("ignores other files in the archive, and refuses corrupt arrays", async () => {
  expect([...(await parseNpz(events())).keys()]).toEqual(["t", "x", "y", "p"]);
  const bytes = events();
  bytes[bytes.indexOf(0x93)] = 0;
  expect((await refusal(() => parseNpz(bytes, "f"))).message).toContain(
    'byte 0: "t.npy" is corrupt: its checksum differs',
  );
});

test("refuses the first count outside the range, with its index and value", async () => {
  const frames = (array: Omit<FileArrayInput, "shape">) =>
    parseEventNpz(writeNpz(new Map([["frames", { shape: [2, 2, 1, 2], ...array }]])), "f");
  const values = [0, 1, 2, 3, 4, 5, 6, 7];
  const f32 = (i: number, value: number) => Float32Array.from(values, (v, at) => (at === i ? value : v));
  const count = "frames: expected an unscaled count of events in 0..16777216";
  const message = async (array: Omit<FileArrayInput, "shape">) => (await refusal(() => frames(array))).message;
  for (const bad of [0.25, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 25]) {
    expect(await message({ dtype: "F32", data: f32(5, bad) })).toContain(`${count} at [1, 0, 0, 1], got ${bad}`);
    expect(await message({ dtype: "F64", data: Float64Array.from(f32(3, bad)) })).toContain(
      `${count} at [0, 1, 0, 1], got ${bad}`,
    );
  }
  const large = BigInt64Array.from(values, (v) => (v === 6 ? 2n ** 53n + 1n : BigInt(v)));
  expect(await message({ dtype: "I64", data: large })).toContain(`${count} at [1, 1, 0, 0], got 9007199254740993`);
  expect(await message({ dtype: "F16", data: Uint16Array.from(values, (v) => (v === 1 ? 0x3800 : 0)) })).toContain(
    `${count} at [0, 0, 0, 1], got 0.5`,
  );
  expect(await message({ dtype: "I8", data: Int8Array.from(values, (v) => -v) })).toContain(
    `${count} at [0, 0, 0, 1], got -1`,
  );
  // Above 255 is for a data set to cut and to tell; here it is kept.
  const found = await frames({ dtype: "U16", data: Uint16Array.from(values, (v) => v * 1000) });
  expect(found.kind === "frames" && [...found.frames.data]).toEqual(values.map((v) => v * 1000));
});

test("refuses events with inexact numbers", async () => {
  const message = async (change: Record<string, FileArrayInput>) =>
    (await refusal(() => parseEventNpz(events(change), "f"))).message;
  const i64 = (...data: bigint[]) => ({ dtype: "I64" as const, shape: [data.length], data: BigInt64Array.from(data) });
  expect(await message({ t: i64(0n, 2n ** 53n) })).toContain(
    "byte 0: array t: expected an integer in 0..9007199254740991 at 1, got 9007199254740992",
  );
  expect(await message({ t: i64(-5n, 0n) })).toContain(
    "byte 0: array t: expected an integer in 0..9007199254740991 at 0, got -5",
  );
  expect(await message({ p: i64(1n, -1n) })).toContain(
    "array p: expected an integer in 0..1 at 1, got -1: save -1, for OFF, as 0",
  );
  expect(await message({ x: i64(0n, 65536n) })).toContain("array x: expected an integer in 0..65535 at 1, got 65536");
  const nan = { dtype: "F32" as const, shape: [2], data: Float32Array.of(0, Number.NaN) };
  expect(await message({ y: nan })).toContain("array y: expected an integer in 0..65535 at 1, got NaN");
});

test("does not unpack arrays that no event needs", async () => {
  const other = { dtype: "U8" as const, shape: [2], data: Uint8Array.of(1, 2) };
  const bytes = events({ other });
  bytes[bytes.lastIndexOf(0x93)] = 0; // damages `other`, the last one
  expect((await parseEventNpz(bytes, "f")).kind).toBe("events");
  await expect(parseNpz(bytes, "f")).rejects.toThrow('byte 684: "other.npy" is corrupt: its checksum differs');
});
