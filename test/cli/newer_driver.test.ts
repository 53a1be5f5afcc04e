// The decision to start a command on mesa-latest.
import { expect, test } from "vitest";
import { type StartFacts, startsOnMesaLatest } from "../../src/cli/newer_driver.ts";

const starts = (words: string, change: Partial<StartFacts> = {}) =>
  startsOnMesaLatest({ argv: words.split(" "), env: {}, chosen: true, gpu: false, ...change });

test("starts the commands that open an adapter, if the user chose the driver", () => {
  for (const words of ["train --data mnist", "eval runs/a", "predict m", "info", "doctor", "setup", "--version train"])
    expect(starts(words)).toBe(true);
  for (const words of ["bench-model runs/a", "compact runs/a", "recalibrate runs/a", "export m --format onnx --int8"])
    expect(starts(words)).toBe(true);
  for (const words of ["", "--help", "schema", "recipes", "pack train", "exec node", "help train"])
    expect(starts(words)).toBe(false);
  expect(starts("train", { chosen: false })).toBe(false);
});

test("does not start on it beside a GPU, nor if a GPU is required, nor for help", () => {
  expect(starts("train", { gpu: true })).toBe(false);
  expect(starts("train --require-gpu")).toBe(false);
  expect(starts("train", { env: { ESPALIER_REQUIRE_GPU: "1" } })).toBe(false);
  expect(starts("train --help")).toBe(false);
});

test("leaves other drivers to the user: by setup --driver, ESPALIER_DRIVER and Vulkan's own variables", () => {
  expect(starts("setup --driver mesa")).toBe(false);
  expect(starts("setup --driver=mesa")).toBe(false);
  expect(starts("train", { env: { ESPALIER_DRIVER: "mesa" } })).toBe(false);
  expect(starts("train", { env: { ESPALIER_DRIVER: "mesa-latest" }, chosen: false, gpu: true })).toBe(true);
  expect(starts("train", { env: { VK_DRIVER_FILES: "/a.json" } })).toBe(false);
  expect(starts("train", { env: { VK_ICD_FILENAMES: "/a.json" } })).toBe(false);
});
