import { expect, test } from "vitest";
import { HYPER, LAYER, layerWord, phaseNumber } from "../../src/optim/hyper.ts";

test("checkpoints hold 16 numbers of the step and 8 of each layer", () => {
  expect([layerWord(0), layerWord(3), LAYER.wordOf("next"), LAYER.wordOf("raw")]).toEqual([16, 40, 2, 4]);
});

test("the scheduled threshold is three numbers in a row", () => {
  const first = HYPER.wordOf("threshold_now");
  expect([HYPER.wordOf("threshold_next"), HYPER.wordOf("tau")]).toEqual([first + 1, first + 2]);
});

test("phases have the shader's numbers", () => {
  expect((["prune", "mask", "dense"] as const).map(phaseNumber)).toEqual([0, 1, 2]);
});
