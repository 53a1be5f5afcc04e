import fc from "fast-check";
import { expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { framesByDuration, framesByNumber, framesByTime, padFrames } from "../../../src/data/events/integrate.ts";
import { type Row, recordingOf, rows } from "../../io/events/event_files.ts";

const sensor = [6, 6] as const;

/** Counts of each group of events, one group a frame, by a loop without cleverness. */
function counted(groups: readonly (readonly Row[])[], [h, w]: readonly [number, number] = sensor): number[] {
  const out = new Array<number>(groups.length * 2 * h * w).fill(0);
  for (const [frame, group] of groups.entries()) {
    for (const [, x, y, p] of group) {
      const row = Math.floor((y * h) / 6);
      const column = Math.floor((x * w) / 6);
      out[((frame * 2 + p) * h + row) * w + column]! += 1;
    }
  }
  return out;
}

const risingRows = rows(6, 200, { maxLength: 40 }).map((events) => events.sort(([a], [b]) => a - b));

test("by number: equal shares, the last frame takes the rest", () => {
  fc.assert(
    fc.property(rows(6, 100), fc.integer({ min: 1, max: 9 }), (events, frames) => {
      const d = Math.floor(events.length / frames);
      const groups = Array.from({ length: frames }, (_, i) =>
        events.slice(i * d, i === frames - 1 ? events.length : (i + 1) * d),
      );
      const { data, shape } = framesByNumber(recordingOf(events), { frames, sensor });
      expect(shape).toEqual([frames, 2, 6, 6]);
      expect([...data]).toEqual(counted(groups));
    }),
  );
});

test("by time: slices of equal length from the first event, empty ones zero", () => {
  fc.assert(
    fc.property(risingRows, fc.integer({ min: 1, max: 9 }), (events, frames) => {
      const first = events[0]?.[0] ?? 0;
      const dt = Math.floor(((events.at(-1)?.[0] ?? 0) - first) / frames);
      const groups = Array.from({ length: frames }, (_, i) =>
        events.filter(([t]) => t >= first + i * dt && (i === frames - 1 || t < first + (i + 1) * dt)),
      );
      expect([...framesByTime(recordingOf(events), { frames, sensor }).data]).toEqual(counted(groups));
    }),
  );
});

test("by duration: as many frames as needed, the last takes the rest", () => {
  fc.assert(
    fc.property(risingRows, fc.integer({ min: 1, max: 90 }), (events, duration) => {
      const first = events[0]?.[0] ?? 0;
      const frames = Math.max(1, Math.ceil(((events.at(-1)?.[0] ?? 0) - first) / duration));
      const groups = Array.from({ length: frames }, (_, i) =>
        events.filter(([t]) => Math.min(frames - 1, Math.floor((t - first) / duration)) === i),
      );
      const { data, shape } = framesByDuration(recordingOf(events), { duration, sensor });
      expect(shape[0]).toBe(frames);
      expect([...data]).toEqual(counted(groups));
    }),
  );
});

test("no event is lost, at any size, whether times rise or not", () => {
  fc.assert(
    fc.property(rows(6, 50), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (events, h, w) => {
      const recording = recordingOf(events);
      const place = { sensor, size: [h, w] } as const;
      for (const { data } of [
        framesByNumber(recording, { frames: 3, ...place }),
        framesByTime(recording, { frames: 3, ...place }),
        framesByDuration(recording, { duration: 7, ...place }),
      ]) {
        expect(data.reduce((a, b) => a + b, 0)).toBe(events.length);
      }
      expect([...framesByNumber(recording, { frames: 1, ...place }).data]).toEqual(counted([events], [h, w]));
    }),
  );
});

test("times beyond 32 bits are sliced exactly", () => {
  const start = 2 ** 45;
  const recording = recordingOf([0, 1, 2, 3].map((t) => [start + t, t, 0, 1] as const));
  const { data } = framesByTime(recording, { frames: 3, sensor: [1, 4] });
  expect([...data]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
});

test("padding: zeros behind, lengths and mask", () => {
  const short = framesByNumber(recordingOf([[0, 0, 0, 1]]), { frames: 1, sensor: [1, 1] });
  const long = framesByNumber(
    recordingOf([
      [0, 0, 0, 0],
      [1, 0, 0, 1],
      [2, 0, 0, 1],
    ]),
    { frames: 2, sensor: [1, 1] },
  );
  const { data, shape, lengths, mask } = padFrames([short, long]);
  expect(shape).toEqual([2, 2, 2, 1, 1]);
  expect([...data]).toEqual([0, 1, 0, 0, 1, 0, 0, 2]);
  expect([...lengths]).toEqual([1, 2]);
  expect([...mask]).toEqual([1, 0, 1, 1]);
  expect(() => padFrames([])).toThrow(DataError);
  const other = framesByNumber(recordingOf([]), { frames: 1, sensor: [1, 2] });
  expect(() => padFrames([short, other])).toThrow(
    "padFrames: frames 1: expected the shape of the first, [1, 2, 1, 1], got [1, 2, 1, 2]",
  );
});

test("refuses invalid recordings and options", () => {
  const one = recordingOf([[0, 6, 0, 1]]);
  expect(() => framesByNumber(one, { frames: 1, sensor })).toThrow(
    "event 0: expected a pixel of the sensor [6, 6] (height, width), got x 6, y 0",
  );
  expect(() => framesByTime(one, { frames: 0, sensor })).toThrow("framesByTime: frames: expected an integer");
  expect(() => framesByTime(one, { frames: 1, sensor, size: [7, 6] })).toThrow(
    "size height: expected an integer in 1..6",
  );
  expect(() => framesByDuration(one, { duration: 0.5, sensor })).toThrow("duration: expected an integer");
  const apart = recordingOf([
    [0, 0, 0, 0],
    [2 ** 40, 0, 0, 0],
  ]);
  // Ten bytes of a file: two events 8 s apart.
  const eight = recordingOf([
    [0, 0, 0, 0],
    [8_000_000, 1, 1, 1],
  ]);
  const wide = { duration: 1000, sensor: [128, 128] } as const;
  expect(() => framesByDuration(eight, wide)).toThrow(
    "framesByDuration: [8000, 2, 128, 128] has 262144000 values, expected at most 67108864: use fewer or longer frames",
  );
  expect(framesByDuration(eight, { ...wide, size: [8, 8] }).shape).toEqual([8000, 2, 8, 8]);
  expect(() => framesByDuration(eight, { ...wide, size: [8, 8], most: 1000 })).toThrow("expected at most 1000");
  expect(() => framesByNumber(one, { frames: 2 ** 40, sensor })).toThrow("expected at most 67108864");
  const polarity = { ...one, x: Uint16Array.of(0), p: Uint8Array.of(255) };
  expect(() => framesByNumber(polarity, { frames: 1, sensor })).toThrow("event 0: polarity: expected 0 or 1, got 255");
  const timeless = { ...polarity, t: Float64Array.of(Number.NaN), p: Uint8Array.of(1) };
  expect(() => framesByTime(timeless, { frames: 1, sensor })).toThrow("event 0: expected a time, got NaN");
  expect(() => framesByDuration(apart, { duration: 1, sensor })).toThrow("expected at most 67108864");
});
