// Input arrays of `espalier predict`: refuses values beyond float32, and notes integers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSamples } from "../../src/cli/predict_inputs.ts";
import { type FileArrayInput, writeNpy } from "../../src/io/index.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-predict-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const path = join(root, "x.npy");

function open(array: Omit<FileArrayInput, "shape">, metadata: Record<string, string> = {}) {
  writeFileSync(path, writeNpy({ shape: [1, 1, 1, 2], ...array }));
  return openSamples([path], {}, { metadata: new Map(Object.entries(metadata)), file: "model" });
}

test("leaves floats unchanged, including NaN and infinity", async () => {
  const samples = await open({ dtype: "F32", data: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY) });
  expect([...(await samples.take(0, 1))]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  expect(samples.notes).toEqual([]);
});

test("refuses values beyond float32 with index and value", async () => {
  await expect(open({ dtype: "F64", data: Float64Array.of(1, 1e300) })).rejects.toThrow(
    `${path}: element 1: expected a number that float32 can hold, got 1e+300`,
  );
  await expect(open({ dtype: "I64", data: BigInt64Array.of(0n, 2n ** 24n + 1n) })).rejects.toThrow(
    "element 1: expected a number that float32 can hold, got 16777217",
  );
});

test("uses integers unchanged with a note; counts of events without", async () => {
  const bytes = { dtype: "U8" as const, data: Uint8Array.of(0, 255) };
  const samples = await open(bytes);
  expect([...(await samples.take(0, 1))]).toEqual([0, 255]);
  expect(samples.notes).toEqual([`${path}: expected normalised values, got integers (U8), which are used unchanged`]);
  expect((await open(bytes, { time: "{}" })).notes).toEqual([]);
});

test("counts skipped files of a folder, and names them if there is no image", async () => {
  const model = { metadata: new Map<string, string>(), file: "model" };
  const folder = join(root, "photos");
  mkdirSync(folder);
  writeFileSync(join(folder, "a.bmp"), "x");
  await expect(openSamples([folder], {}, model)).rejects.toThrow(
    "no images (.jpg, .png, .webp, ...); it holds .bmp images, an unsupported format, as a.bmp",
  );
  for (const name of ["b.jpg", "c.bmp"]) writeFileSync(join(folder, name), "x");
  const { names, notes } = await openSamples([folder], {}, model);
  expect(names).toEqual([join(folder, "b.jpg")]);
  expect(notes).toEqual([`${folder}: skipped 2 .bmp images, an unsupported format, such as a.bmp`]);
});
