import { expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { SYNTHETIC_CLASSES, syntheticEventDataset, syntheticEvents } from "../../../src/data/events/synthetic.ts";
import { EventCamera } from "../../../src/data/events/synthetic_camera.ts";
import { coverage, shapeNames, type Walk } from "../../../src/data/events/synthetic_shapes.ts";
import { rowsOf } from "../../io/events/event_files.ts";

function watch(walk: Walk, duration = 1000, size = 32) {
  const camera = new EventCamera(size, duration);
  camera.start();
  camera.watch(walk);
  return rowsOf(camera.finish());
}

test("a square covers inner pixels fully and edge pixels in part", () => {
  expect(coverage("square", 2, 0, 0)).toBe(1);
  expect(coverage("square", 2, 2, 0)).toBe(0.5);
  expect(coverage("disc", 2, 0, 2.25)).toBe(0.25);
  expect(coverage("disc", 2, 3, 4)).toBe(0);
  expect(coverage("cross", 4, 3, 0)).toBe(1);
  expect(coverage("cross", 4, 3, 3)).toBe(0);
});

test("a bright edge makes one ON event per threshold and pixel, in even time", () => {
  // Log contrast 0.5 crosses 0.2 and 0.4; the edge moves 4 pixels to the right in 1000 us, the tail leaves 4.
  const walk: Walk = { shape: "square", radius: 4, contrast: 0.5, from: [10, 16], to: [14, 16] };
  const events = watch(walk);
  const row = events.filter(([, , y]) => y === 16);
  const on = row.filter(([, , , p]) => p === 1);
  expect(on.map(([, x]) => x)).toEqual([14, 14, 15, 15, 16, 16, 17, 17]);
  expect(on.map(([t]) => t)).toEqual([100, 200, 350, 450, 600, 700, 850, 950]);
  const off = row.filter(([, , , p]) => p === 0);
  expect(off.map(([, x]) => x)).toEqual([6, 6, 7, 7, 8, 8, 9, 9]);
  expect(events.every(([, , y]) => y >= 12 && y < 20)).toBe(true);
  expect(watch({ ...walk, contrast: 0.19 })).toEqual([]);
  const dark = watch({ ...walk, contrast: -0.5 }).filter(([, , y]) => y === 16);
  expect(dark.filter(([, , , p]) => p === 0).map(([, x]) => x)).toEqual(on.map(([, x]) => x));
});

test("the sum of all frames hides the direction: backwards with the other contrast gives the same sum", () => {
  const sum = (walk: Walk) => {
    const counts = new Int32Array(2 * 32 * 32);
    for (const [, x, y, p] of watch(walk)) counts[(p * 32 + y) * 32 + x]!++;
    return counts;
  };
  for (const shape of shapeNames) {
    const walk: Walk = { shape, radius: 5.3, contrast: 0.9, from: [9.1, 14.2], to: [22.4, 14.2] };
    const forward = sum(walk);
    const backward = sum({ ...walk, contrast: -0.9, from: walk.to, to: walk.from });
    const total = forward.reduce((a, b) => a + b, 0);
    const different = forward.reduce((a, b, i) => a + Math.abs(b - backward[i]!), 0);
    expect(total).toBeGreaterThan(300);
    expect(different / total).toBeLessThan(0.05);
  }
});

test("recordings are functions of seed, split and index", () => {
  const first = syntheticEvents({ samples: 14, seed: 3 });
  const again = syntheticEvents({ samples: 5, seed: 3 });
  expect(again.recordings.map(rowsOf)).toEqual(first.recordings.slice(0, 5).map(rowsOf));
  expect([...first.labels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1]);
  expect(first.classes).toBe(SYNTHETIC_CLASSES);
  for (const other of [{ seed: 4 }, { seed: 3, split: "test" }] as const) {
    expect(rowsOf(syntheticEvents({ samples: 1, ...other }).recordings[0]!)).not.toEqual(rowsOf(first.recordings[0]!));
  }
  // The first events of the first recording: the same in every host and version.
  expect(rowsOf(first.recordings[0]!).slice(0, 3)).toMatchInlineSnapshot(`
    [
      [
        1092,
        8,
        15,
        1,
      ],
      [
        1851,
        13,
        18,
        1,
      ],
      [
        1890,
        14,
        24,
        1,
      ],
    ]
  `);
});

test("events are on the sensor, within the duration, in order of time", () => {
  for (const options of [{}, { size: 16, duration: 1000, noise: 500 }, { size: 64, noise: 0 }]) {
    const { recordings, sensor } = syntheticEvents({ samples: 24, ...options });
    for (const { t, x, y, p, length } of recordings) {
      expect(length).toBeGreaterThan(50);
      expect(t.every((time, i) => time >= (t[i - 1] ?? 0) && time < (options.duration ?? 100_000))).toBe(true);
      expect(x.every((column) => column < sensor[1]) && y.every((row) => row < sensor[0])).toBe(true);
      expect(p.every((polarity) => polarity < 2)).toBe(true);
    }
  }
});

test("noise adds its rate", () => {
  const count = (noise: number) =>
    syntheticEvents({ samples: 50, noise }).recordings.reduce((sum, { length }) => sum + length, 0);
  // 10 per second and pixel, 0.1 s, 1024 pixels, 50 recordings.
  expect(count(10) - count(0)).toBeGreaterThan(51_100);
  expect(count(10) - count(0)).toBeLessThan(51_300);
});

test("the centre of the events moves in the direction of the class", () => {
  const { recordings, labels } = syntheticEvents({ samples: 48, noise: 0 });
  const mean = (values: Uint16Array) => values.reduce((a, b) => a + b, 0) / values.length;
  for (const [i, { x, y, length }] of recordings.entries()) {
    const third = Math.floor(length / 3);
    const right = mean(x.subarray(-third)) - mean(x.subarray(0, third));
    const down = mean(y.subarray(-third)) - mean(y.subarray(0, third));
    const seen = Math.abs(right) > Math.abs(down) ? (right > 0 ? "right" : "left") : down > 0 ? "down" : "up";
    expect(SYNTHETIC_CLASSES[labels[i]!]).toContain(seen);
  }
});

test("the data set holds frames of the same recordings", async () => {
  const dataset = await syntheticEventDataset({ split: "test", samples: 30, seed: 9, frames: 5, by: "number" });
  expect(dataset).toMatchObject({ length: 30, shape: [10, 32, 32], timeSteps: 5, saturated: 0, name: "moving-shapes" });
  const { recordings } = syntheticEvents({ samples: 30, seed: 9, split: "test" });
  const pixels = 10 * 32 * 32;
  for (const [i, { length }] of recordings.entries()) {
    expect(dataset.images.subarray(i * pixels, (i + 1) * pixels).reduce((a, b) => a + b, 0)).toBe(length);
  }
});

test("refuses options out of range by name", async () => {
  for (const [options, words] of [
    [{ samples: 0 }, "synthetic events: samples"],
    [{ samples: 1, size: 8 }, "synthetic events: size: expected an integer in 16..128, got 8"],
    [{ samples: 1, duration: 10 }, "synthetic events: duration"],
    [{ samples: 1, noise: Number.NaN }, "synthetic events: noise"],
    [{ samples: 1, seed: -1 }, "synthetic events: seed"],
    [{ samples: 1, split: "x" as "test" }, "split: expected"],
  ] as const) {
    expect(() => syntheticEvents(options)).toThrow(DataError);
    expect(() => syntheticEvents(options)).toThrow(words);
  }
  await expect(syntheticEventDataset({ split: "train", frames: 0 })).rejects.toThrow("frames: expected an integer");
});
