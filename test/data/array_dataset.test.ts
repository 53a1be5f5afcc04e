import { describe, expect, test } from "vitest";
import { type ArrayParts, arrayDataset } from "../../src/data/array_dataset.ts";
import { DataError } from "../../src/data/errors.ts";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.ts";

const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => i);

describe("reads the shapes of", () => {
  const shapes: [string, ArrayParts, object][] = [
    [
      "lists",
      {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        y: [0, 2, 1],
      },
      { length: 3, shape: [2], targetShape: [] },
    ],
    ["a typed array and its targets", { x: ramp(12), y: [0, 1, 1] }, { length: 3, shape: [4], targetShape: [] }],
    ["a typed array with a shape", { x: ramp(12), shape: [2, 2], y: ramp(6) }, { length: 3, targetShape: [2] }],
    [
      "nested targets",
      {
        x: ramp(12),
        y: [
          [1, 2],
          [3, 4],
        ],
      },
      { length: 2, shape: [6], targetShape: [2] },
    ],
    ["numbers", { x: [1, 2, 3], y: [0.5, 1, 2] }, { length: 3, shape: [], targetShape: [] }],
    ["targets with a shape", { x: ramp(4), y: ramp(8), targetShape: [2, 2] }, { length: 2, shape: [2] }],
  ];
  test.each(shapes)("%s", (_, parts, expected) => {
    expect(arrayDataset(parts)).toMatchObject({ kind: "arrays", name: "arrays", ...expected });
  });
});

test("takes integers as class numbers and other targets as numbers", () => {
  const y = (parts: Partial<ArrayParts>) => arrayDataset({ x: [[1], [2], [3]], y: [0, 2, 1], ...parts });
  expect(y({})).toMatchObject({ y: Int32Array.of(0, 2, 1), classes: ["0", "1", "2"] });
  expect(y({ y: Uint8Array.of(0, 2, 1), classes: ["a", "b", "c", "d"] }).classes).toEqual(["a", "b", "c", "d"]);
  expect(y({ classes: 5 }).classes).toHaveLength(5);
  expect(y({ targets: "numbers" })).toMatchObject({ y: Float32Array.of(0, 2, 1), classes: [] });
  expect(y({ y: Int32Array.of(3, 4, 5), targets: "numbers" }).y).toEqual(Float32Array.of(3, 4, 5));
  expect(y({ y: [0, 2.5, 1] })).toMatchObject({ y: Float32Array.of(0, 2.5, 1), classes: [] });
  expect(y({ y: [[0], [2], [1]] })).toMatchObject({ y: Float32Array.of(0, 2, 1), targetShape: [1] });
});

test("does not copy typed arrays", () => {
  const [x, y] = [Uint8Array.of(1, 2, 3, 4), Float32Array.of(0.5, 1)];
  const dataset = arrayDataset({ x, y });
  expect(dataset.x).toBe(x);
  expect(dataset.y).toBe(y);
});

describe("refuses", () => {
  const x = [[1], [2]];
  const wrong: [string, unknown, string][] = [
    ["an unknown option", { x, y: [0, 1], lables: [] }, "arrayDataset: unknown option lables"],
    ["no samples", { x: [], y: [] }, "dataset arrays: x: expected at least one sample, got none"],
    ["another count of targets", { x, y: [0, 1, 1] }, "dataset arrays: y: expected 2 numbers for [2], got 3"],
    [
      "samples that do not divide",
      { x: ramp(5), y: [0, 1] },
      "x: expected a multiple of 2 numbers, one or more per sample, got 5",
    ],
    ["another shape", { x: ramp(5), shape: [2], y: [0, 1] }, "x: expected a multiple of 2 numbers for [2], got 5"],
    [
      "a shape that is a number",
      { x: ramp(4), shape: 2 as never, y: [0, 1] },
      "shape: expected a list of integers >= 1, got 2",
    ],
    [
      "a target shape of text",
      { x: ramp(4), targetShape: ["2"] as never, y: [0, 1] },
      "targetShape: expected a list of integers >= 1, got [2]",
    ],
    ["lists of unequal lengths", { x: [[1, 2], [3]], y: [0, 1] }, "dataset arrays: x: expected 2 entries at [1]"],
    ["text", { x: "abc", y: [0] }, "x: expected a Float32Array, Uint8Array, Int32Array, Uint32Array or lists"],
    ["float64", { x: Float64Array.of(1), y: [0] }, "or lists of numbers, got Float64Array"],
    ["no targets", { x }, "y: expected a Float32Array, Int32Array, Uint8Array, Uint32Array or lists of numbers"],
    [
      "floats as classes",
      { x, y: ramp(2), targets: "classes" },
      "y: expected an Int32Array, Uint8Array or Uint32Array",
    ],
    [
      "half a class",
      { x, y: [0, 0.5], targets: "classes" },
      "expected class numbers, integers >= 0, got 0.5 at index 1",
    ],
    ["a class beyond", { x, y: [0, 3], classes: 3 }, "label at index 1: expected 0..2, got 3"],
    ["a negative class", { x, y: Int32Array.of(0, -1) }, "label at index 1: expected 0..0, got -1"],
    [
      "classes of numbers",
      { x, y: [0.5, 1], classes: 2 },
      "classes: expected nothing, since the targets are not class",
    ],
    ["another kind", { x, y: [0, 1], targets: "both" }, "targets: expected classes or numbers, got both"],
  ];
  test.each(wrong)("%s", (_, parts, message) => {
    expect(() => arrayDataset(parts as ArrayParts)).toThrow(DataError);
    expect(() => arrayDataset(parts as ArrayParts)).toThrow(message);
  });
});

const points = arrayDataset({ x: ramp(10), shape: [2], y: [0, 1, 0, 1, 1] });

test("batches hold samples, targets and their shapes", async () => {
  const batches = [];
  for await (const { x, shape, y, targetShape, indices } of new DataLoader({ dataset: points, batchSize: 2 }))
    batches.push([[...x], shape, [...y], targetShape, [...indices]]);
  expect(batches).toEqual([
    [[0, 1, 2, 3], [2, 2], [0, 1], [2], [0, 1]],
    [[4, 5, 6, 7], [2, 2], [0, 1], [2], [2, 3]],
    [[8, 9], [1, 2], [1], [1], [4]],
  ]);
});

test("batches have the type of the samples; bytes become numbers", async () => {
  const typeOf = async (x: ArrayParts["x"], y: ArrayParts["y"]) => {
    for await (const batch of new DataLoader({ dataset: arrayDataset({ x, y }), batchSize: 2 }))
      return [batch.x, batch.y];
    return [];
  };
  expect(await typeOf(Uint8Array.of(7, 255), [0, 1])).toEqual([Float32Array.of(7, 255), Int32Array.of(0, 1)]);
  expect(await typeOf(Int32Array.of(-7, 9), [0.5, 1])).toEqual([Int32Array.of(-7, 9), Float32Array.of(0.5, 1)]);
  expect(await typeOf(Uint32Array.of(7, 9), [[1], [2]])).toEqual([Uint32Array.of(7, 9), Float32Array.of(1, 2)]);
});

async function samplesOf(more: Partial<DataLoaderOptions<typeof points>>): Promise<Map<number, string>> {
  const samples = new Map<number, string>();
  for await (const { x, indices } of new DataLoader({ dataset: points, batchSize: 2, ...more }))
    indices.forEach((index, i) => {
      samples.set(index, [...x.subarray(2 * i, 2 * i + 2)].join());
    });
  return samples;
}

test("a transform gets random numbers that depend on the sample, the epoch and the seed alone", async () => {
  const transform: DataLoaderOptions<typeof points>["transform"] = (sample, { index, random }) => {
    sample[0] = random.nextFloat() + index;
    return undefined;
  };
  const want = await samplesOf({ transform, batchSize: 5 });
  expect(await samplesOf({ transform, batchSize: 2, shuffle: true, prefetch: 0 })).toEqual(want);
  expect(await samplesOf({ transform, epoch: 1 })).not.toEqual(want);
  expect(await samplesOf({ transform, seed: 1 })).not.toEqual(want);
  expect([...points.x]).toEqual([...ramp(10)]);
  const doubled = await samplesOf({ transform: (sample) => sample.map((v) => 2 * v) });
  expect(doubled.get(4)).toBe("16,18");
  await expect(samplesOf({ transform: () => [1] })).rejects.toThrow(
    "DataLoader: transform: sample 0: expected 2 numbers, got 1",
  );
  expect(() => new DataLoader({ dataset: points, batchSize: 2, transform: {} as never })).toThrow(
    "DataLoader: transform: expected a function for arrays, got object",
  );
});

test("collate makes the result of each batch, whose arrays can be recycled", async () => {
  const collate = ({ x, y, size }: { x: ArrayLike<number>; y: ArrayLike<number>; size: number }) => ({ x, y, size });
  const loader = new DataLoader({ dataset: points, batchSize: 2, collate, prefetch: 0 });
  const seen = new Set<unknown>();
  for await (const batch of loader) {
    if (batch.size === 2) seen.add(batch.x);
    loader.recycle(batch);
  }
  expect(seen.size).toBe(1);
  const sums: number[] = [];
  const sum = ({ x }: { x: Iterable<number> }) => [...x].reduce((a, b) => a + b, 0);
  for await (const total of new DataLoader({ dataset: points, batchSize: 2, collate: sum })) sums.push(total);
  expect(sums).toEqual([6, 22, 17]);
});

test("dropLast counts samples", () => {
  expect(() => new DataLoader({ dataset: points, batchSize: 6, dropLast: true })).toThrow(
    "DataLoader: dropLast: 5 samples of arrays make no full batch of 6",
  );
});
