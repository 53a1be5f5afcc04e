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
])("reads what NumPy's %s wrote", async (_name, bytes) => {
  const found = await parseEventNpz(bytes, "f", { sensor: [6, 4] });
  if (found.kind !== "events") throw new Error("wanted events");
  expect(rowsOf(found.recording)).toEqual([
    [5, 1, 0, 1],
    [9, 2, 4, 0],
    [2 ** 40, 3, 5, 1],
  ]);
});

test("events written are read back, times to 2^53", async () => {
  await fc.assert(
    fc.asyncProperty(rows(65536, 2 ** 31), async (list) => {
      const given = list.map(([t, ...rest]) => [t * 2 ** 22, ...rest] as const);
      const found = await parseEventNpz(writeEventNpz(recordingOf(given)));
      expect(found.kind === "events" && rowsOf(found.recording)).toEqual(given);
    }),
    { numRuns: 30 },
  );
});

test("frames of any type", async () => {
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

test("arrays that are no events are refused by name", async () => {
  const read = (bytes: Uint8Array, options = {}) => refusal(() => parseEventNpz(bytes, "f", options));
  expect((await read(writeNpz(new Map([["t", i32(1)]])))).message).toContain(
    "wants the array frames, or t, x, y and p; it has t",
  );
  expect(await read(writeNpz(new Map()))).toMatchObject({ fault: "wrong content" });
  expect((await read(events({ x: i32(1) }))).message).toContain("array x wants the shape of t, [2], has [1]");
  expect((await read(events({ y: i32(-1, 0) }))).message).toContain(
    "array y has -1 at 0, wanted a whole number in 0..65535",
  );
  expect((await read(events({ p: i32(0, 2) }))).message).toContain("array p has 2 at 1");
  const half = { dtype: "F64", shape: [2], data: Float64Array.of(1, 2.5) } as const;
  expect((await read(events({ t: half }))).message).toContain("array t has 2.5 at 1");
  const f16 = { dtype: "F16", shape: [2], data: Uint16Array.of(0, 0) } as const;
  expect((await read(events({ t: f16 }))).message).toContain("array t is F16");
  expect(await read(events(), { sensor: [6, 4] })).toMatchObject({ fault: "outside the sensor" });
  const frames = (shape: number[], ...values: number[]) =>
    writeNpz(new Map<string, FileArrayInput>([["frames", { dtype: "F32", shape, data: Float32Array.from(values) }]]));
  expect((await read(frames([2, 1, 1, 1], 1, 1))).message).toContain("frames want the shape [T, 2, H, W]");
  expect((await read(frames([1, 2, 1, 1], 1, Number.NaN))).message).toContain("frames have NaN at 1");
  expect((await read(frames([1, 2, 1, 1], -1, 1))).message).toContain("frames have -1 at 0");
});

test("other files in the archive do not matter, damaged arrays do", async () => {
  expect([...(await parseNpz(events())).keys()]).toEqual(["t", "x", "y", "p"]);
  const bytes = events();
  bytes[bytes.indexOf(0x93)] = 0;
  expect((await refusal(() => parseNpz(bytes, "f"))).message).toContain("check sum differs");
});
