// Sentences, shapes and axes of the stage.
import { expect, test } from "vitest";
import { axisEnd } from "../../../demo/stage/axis_end.ts";
import type { Frame } from "../../../demo/stage/frame.ts";
import { tileMap } from "../../../demo/stage/tile_map.ts";
import { collapsed, endSentence } from "../../../demo/stage/verdict.ts";

const frame = (accuracy: Frame["accuracy"], more: Partial<Frame> = {}): Frame => ({
  step: 9,
  left: 0.074,
  accuracy,
  threshold: 0.1,
  sparseBytes: 100,
  dead: false,
  levels: new Int8Array(1),
  range: 1,
  counts: [],
  ...more,
});

test("the sentence at the end names the weights, the accuracy and the size that were measured", () => {
  const plain = (text: string) => text.replaceAll("\u202f", " ");
  expect(plain(endSentence(frame([0.975, 0.976]), 970))).toBe(
    "92.6 % of the weights are gone; 97.5 % of new digits are still read right, as with all weights; " +
      "the model is 9.7 times smaller.",
  );
  expect(plain(endSentence(frame([0.9, 0.976]), 970))).toContain(
    "90.0 % of new digits are read right, 7.6 points less",
  );
  expect(plain(endSentence(frame([0.98, 0.97]), 970))).toContain("1.0 points more");
  expect(plain(endSentence(frame([0.98]), 970))).toContain("98.0 % of new digits are read right;");
  expect(endSentence(frame([0.98]), 90)).toContain("the model is not smaller");
});

test("a collapse is a network that guesses but could read, or a layer without weights", () => {
  expect(collapsed(frame([0.1]), 0.9, 10)).toBe(true);
  expect(collapsed(frame([0.1]), 0.12, 10)).toBe(false);
  expect(collapsed(frame([0.8]), 0.9, 10)).toBe(false);
  expect(collapsed(frame([null], { dead: true }), 0, 10)).toBe(true);
  expect(collapsed(frame([0.5]), 0.9, 2)).toBe(true);
});

test.each([
  [[128, 784], 1.15],
  [[10, 128], 1],
  [[16, 3, 3, 3], 2],
  [[1, 5], 1],
] as const)("the map of %s has every weight once, and about the given shape", (shape, aspect) => {
  const { width, height, indices } = tileMap(shape, aspect);
  const weights = shape.reduce((a: number, b) => a * b, 1);
  expect(indices.length).toBe(width * height);
  expect([...indices].filter((i) => i >= 0).sort((a, b) => a - b)).toEqual(
    Array.from({ length: weights }, (_, i) => i),
  );
  if (shape[0] >= 10) expect(Math.abs(Math.log(width / height / aspect))).toBeLessThan(0.7);
});

test("an axis ends at or above its value, at a readable number", () => {
  expect([0.1, 0.143, 0.26, 1, 7.1].map(axisEnd)).toEqual([0.1, 0.15, 0.275, 1, 7.25]);
});
