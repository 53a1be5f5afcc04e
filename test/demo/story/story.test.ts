// The steps of the story and the views, without a page.
import { expect, test } from "vitest";
import { PRESET_NAMES, PRESETS, presetSettings } from "../../../demo/story/presets.ts";
import { STEPS, type StoryState, stepReached } from "../../../demo/story/steps.ts";
import { playsOnOpening, viewOf } from "../../../demo/story/views.ts";
import { en } from "../../../demo/texts/en.ts";

const state = (change: Partial<StoryState>): StoryState => ({
  ...{ step: 10, finished: false, left: 1, accuracy: 0.5, threshold: 0.01, weights: 100 },
  ...change,
});

test("the story follows the run from its first step to its end", () => {
  const names = [
    state({ step: 0 }),
    state({}),
    state({ left: 0.9 }),
    state({ left: 0.4 }),
    state({ finished: true }),
  ].map((at) => STEPS[stepReached(at)]);
  expect(names).toEqual(["network", "learns", "gate", "half", "end"]);
  expect(STEPS).toHaveLength(6);
});

test("every step and preset has its texts, and no two presets are the same run", () => {
  for (const step of STEPS)
    expect(Object.keys(en)).toEqual(expect.arrayContaining([`story-title.${step}`, `story-text.${step}`]));
  for (const name of PRESET_NAMES)
    expect(Object.keys(en)).toEqual(expect.arrayContaining([`preset.${name}`, `preset-note.${name}`]));
  expect(new Set(PRESET_NAMES.map((name) => JSON.stringify(presetSettings(name)))).size).toBe(
    Object.keys(PRESETS).length,
  );
});

test("links to runs play, settings do not, the plain page does on a GPU", () => {
  expect([playsOnOpening("", false), playsOnOpening("", true)]).toEqual([true, false]);
  expect(playsOnOpening("#preset=far", true)).toBe(true);
  expect(playsOnOpening("#threshold=0.2&end=0.9:0.5", false)).toBe(true);
  expect(playsOnOpening("#threshold=0.2", false)).toBe(false);
});

test("the address chooses a view", () => {
  expect(viewOf("?embed")).toBe("embed");
  expect(viewOf("?lang=zh&present=1")).toBe("present");
  expect(viewOf("?lang=zh")).toBeNull();
});
