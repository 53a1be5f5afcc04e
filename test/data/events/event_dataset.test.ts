import { expect, test } from "vitest";
import { normalisationTable, takeSubset } from "../../../src/data/dataset.ts";
import { DataError } from "../../../src/data/errors.ts";
import { EventDatasetBuilder, eventDataset } from "../../../src/data/events/event_dataset.ts";
import { DataLoader } from "../../../src/data/loader.ts";
import { type Row, recordingOf } from "../../io/events/event_files.ts";

const repeat = (n: number, row: Row): Row[] => Array.from({ length: n }, () => row);

test("channels are time, then polarity; a loader gives the counts", async () => {
  const recording = recordingOf([...repeat(3, [0, 1, 0, 0]), ...repeat(2, [5, 0, 1, 1]), [9, 1, 1, 1]]);
  const dataset = eventDataset({
    recordings: [recording, recordingOf([])],
    labels: [1, 0],
    classes: ["a", "b"],
    sensor: [2, 2],
    options: { frames: 2, by: "number" },
  });
  expect(dataset).toMatchObject({ length: 2, shape: [4, 2, 2], timeSteps: 2, saturated: 0, name: "events" });
  const loader = new DataLoader({ dataset, batchSize: 2 });
  for await (const { x, y, stored } of loader) {
    expect(stored).toEqual([2, 2]);
    expect([...y]).toEqual([1, 0]);
    const first = [...[0, 3, 0, 0], ...[0, 0, 0, 0], ...[0, 0, 0, 0], ...[0, 0, 2, 1]];
    expect([...x]).toEqual([...first, ...new Array<number>(16).fill(0)]);
  }
  expect(takeSubset(dataset, 1, 2)).toMatchObject({ length: 1, timeSteps: 2 });
});

test("passes every count exactly through loader and normalisation; clips and reports counts above 255", async () => {
  const counts = Array.from({ length: 300 }, (_, i) => i);
  const builder = new EventDatasetBuilder({ name: "n", classes: ["a"], samples: 1, frames: 1, size: [2, 150] });
  const data = Float32Array.from([...counts, ...counts.map(() => 0)]);
  builder.addFrames({ data, shape: [1, 2, 2, 150] }, 0);
  const dataset = builder.finish();
  expect(dataset.saturated).toBe(300 - 256);
  expect([...normalisationTable(dataset).subarray(0, 256)]).toEqual(counts.slice(0, 256));
  for await (const { x } of new DataLoader({ dataset, batchSize: 1 })) {
    expect([...x.subarray(0, 300)]).toEqual(counts.map((n) => Math.min(n, 255)));
  }
});

test("larger frames are binned", () => {
  const builder = new EventDatasetBuilder({ name: "n", classes: ["a"], samples: 1, frames: 1, size: [1, 2] });
  builder.addFrames({ data: Float32Array.from([1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 9]), shape: [1, 2, 2, 3] }, 0);
  expect([...builder.finish().images]).toEqual([12, 9, 0, 9]);
});

test("slices by time", () => {
  const dataset = eventDataset({
    recordings: [
      recordingOf([
        [0, 0, 0, 1],
        [1, 0, 0, 1],
        [10, 0, 0, 1],
      ]),
    ],
    labels: [0],
    classes: ["a"],
    sensor: [1, 1],
    options: { frames: 2, by: "time" },
  });
  expect([...dataset.images]).toEqual([0, 2, 0, 1]);
});

test("refuses samples that do not fit", () => {
  const shape = { name: "n", classes: ["a"], samples: 1, frames: 2, size: [2, 2] } as const;
  const builder = new EventDatasetBuilder(shape);
  expect(() => builder.finish()).toThrow("dataset n: expected 1 samples, got 0");
  const data = new Float32Array(8);
  expect(() => builder.addFrames({ data, shape: [1, 2, 2, 2] }, 0)).toThrow(
    "sample 0: expected frames [2, 2, h, w], got [1, 2, 2, 2]",
  );
  const small = { data: new Float32Array(4), shape: [2, 2, 1, 1] } as const;
  expect(() => builder.addFrames(small, 0)).toThrow("size height: expected an integer in 1..1");
  builder.addRecording(recordingOf([]), 1, [2, 2]);
  expect(() => builder.addRecording(recordingOf([]), 0, [2, 2])).toThrow("expected 1 samples, got more");
  expect(() => builder.finish()).toThrow("label at index 0: expected 0..0, got 1");
  expect(() => new EventDatasetBuilder({ ...shape, samples: 0 })).toThrow(DataError);
  expect(() => new EventDatasetBuilder({ ...shape, samples: 2 ** 45 })).toThrow("do not fit in memory");
  expect(() => eventDataset({ recordings: [recordingOf([])], labels: [], classes: ["a"], sensor: [1, 1] })).toThrow(
    "expected a label for each of 1 recordings, got 0",
  );
});

test("refuses values that are not counts with their index, never rounds or wraps them", () => {
  const add = (...data: number[]) => {
    const builder = new EventDatasetBuilder({ name: "e", classes: ["a"], samples: 1, frames: 1, size: [1, 2] });
    builder.addFrames({ data: Float32Array.from(data), shape: [1, 2, 1, 2] }, 0);
    return builder.finish();
  };
  expect([...add(0, 255, 256, 3).images]).toEqual([0, 255, 255, 3]);
  for (const bad of [0.5, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => add(1, 2, 3, bad)).toThrow(
      `dataset e: sample 0 has ${bad} at [0, 1, 0, 1], expected whole counts of events: frames are kept as bytes`,
    );
  }
});
