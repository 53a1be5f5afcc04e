// Frames, films and recordings of the stage.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Film } from "../../../demo/stage/film.ts";
import { type Frame, frameOf, largestOf, levelsOf, weightsOf } from "../../../demo/stage/frame.ts";
import { packRecording, unpackRecording } from "../../../demo/stage/recording.ts";
import { describeLayer } from "../../../demo/worker/pictures.ts";

const frame = (step: number, levels: Int8Array = new Int8Array(4)): Frame => ({
  step,
  left: 1,
  accuracy: [0.5, null],
  threshold: 0,
  sparseBytes: 10,
  dead: false,
  levels,
  range: 1,
  counts: [1, 2],
});

test("a frame takes its numbers from all layers, and its map from the largest one", () => {
  const small = describeLayer("a", Float32Array.of(0, 0), null, 0.1);
  const large = describeLayer("b", Float32Array.of(0.5, 0, -0.5, 2), null, 0.1);
  const picture = { step: 3, layers: [small, large], sparseBytes: 9 };
  expect(largestOf([{ shape: [2] }, { shape: [2, 2] }])).toBe(1);
  const made = frameOf(picture, 1, [0.25]);
  expect(made).toMatchObject({ step: 3, left: 0.5, accuracy: [0.25], threshold: 0.1, sparseBytes: 9, dead: true });
  expect([...made.levels].map(Math.sign)).toEqual([1, 0, -1, 1]);
  expect(frameOf({ ...picture, layers: [large, large] }, 1, []).dead).toBe(false);
});

test("levels keep zeros, signs and the order of magnitudes", () => {
  const weights = Float32Array.from({ length: 200 }, (_, i) => (i < 20 ? 0 : Math.sin(i) * i * 1e-3));
  const back = weightsOf(levelsOf(weights));
  expect([...back].map(Math.sign)).toEqual([...weights].map(Math.sign));
  expect(levelsOf(back).every((level, i) => Math.abs(level) >= Math.abs(levelsOf(weights)[i]!) - 12)).toBe(true);
});

test("a film stays bounded, covers the whole run, and follows a run that goes back", () => {
  const film = new Film(8);
  for (let step = 0; step < 1000; step++) film.add(frame(step));
  expect(film.frames.length).toBeLessThanOrEqual(8);
  expect([film.frames[0]?.step, film.last?.step]).toEqual([0, 999]);
  film.add(frame(500));
  expect(film.last?.step).toBe(500);
  expect(film.at(499)?.step).toBeLessThan(500);
  expect(film.at(-1)?.step).toBe(0);
});

test("a recording keeps which weights are zero in each frame, and all numbers", () => {
  const random = (k: number) => Int8Array.from({ length: 30 }, (_, i) => ((i * 7 + k * 11) % 5 === 0 ? 0 : 60 - 4 * i));
  const frames = [0, 1, 2, 3].map((k) => frame(k * 5, random(k)));
  const facts = { shape: [5, 6], totalSteps: 15, stepsPerEpoch: 5, weights: 30, denseBytes: 120, final: 0.1, tests: 9 };
  const bytes = packRecording({ ...facts, frames });
  const read = unpackRecording(bytes);
  expect(read).toMatchObject(facts);
  read.frames.forEach(({ levels, ...numbers }, k) => {
    const { levels: original, ...rest } = frames[k]!;
    expect(numbers).toEqual(rest);
    expect([...levels].map((level) => level === 0)).toEqual([...original].map((level) => level === 0));
  });
  expect(() => unpackRecording(bytes.subarray(0, bytes.length - 1))).toThrow(
    /^recording: expected \d+ bytes, got \d+$/,
  );
});

test("the recorded run of the page is small, and its end is a pruned network that reads digits", () => {
  const packed = readFileSync(new URL("../../../demo/stage/recording.gz", import.meta.url));
  expect(packed.length).toBeLessThan(200_000);
  const { frames, totalSteps, shape } = unpackRecording(gunzipSync(packed));
  expect(frames[0]).toMatchObject({ step: 0, left: 1 });
  expect(shape).toEqual([128, 784]);
  const last = frames.at(-1)!;
  expect(last.step).toBe(totalSteps);
  expect(last.left).toBeLessThan(0.1);
  expect(last.accuracy.every((accuracy) => accuracy !== null && accuracy > 0.96)).toBe(true);
  const live = last.levels.reduce((n, level) => n + (level === 0 ? 0 : 1), 0);
  expect(live / last.levels.length).toBeLessThan(0.1);
});
