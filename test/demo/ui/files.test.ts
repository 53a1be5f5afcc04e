import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULTS } from "../../../demo/shared/settings.ts";
import { isPicture, sortDropped } from "../../../demo/ui/dropped.ts";
import { sumKernels } from "../../../demo/ui/kernel_sums.ts";
import { csvField, metricsCsv, metricsJson } from "../../../demo/ui/metrics_file.ts";

const point = {
  step: 5,
  epoch: 0.1,
  loss: 2.25,
  trainAccuracy: null,
  testAccuracy: 0.5,
  sparsity: 0,
  threshold: 0.01,
  lambda: 1e-7,
  lr: 0.1,
  imagesPerSecond: null,
};

test("writes metrics as CSV, one line per point, unknown numbers empty", () => {
  const text = metricsCsv([
    { method: "lats", points: [point] },
    { method: "dense", points: [{ ...point, lambda: null }] },
  ]);
  expect(text.split("\r\n")).toEqual([
    "lane,method,step,epoch,loss,trainAccuracy,testAccuracy,sparsity,threshold,lambda,lr,imagesPerSecond",
    "0,lats,5,0.1,2.25,,0.5,0,0.01,1e-7,0.1,",
    "1,dense,5,0.1,2.25,,0.5,0,0.01,,0.1,",
    "",
  ]);
});

test("a CSV field holds any text", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const field = csvField(text);
      const read = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
      expect(read).toBe(text);
      if (/[,\r\n]/.test(text)) expect(field).toMatch(/^".*"$/s);
    }),
  );
});

test("metrics as JSON can be read back", () => {
  const read: unknown = JSON.parse(
    metricsJson({
      settings: DEFAULTS,
      adapter: "a GPU",
      moves: [{ step: 3, threshold: 0.2 }],
      lanes: [{ method: "lats", points: [point] }],
    }),
  );
  expect(read).toEqual({
    format: "espalier-demo-metrics-1",
    settings: DEFAULTS,
    adapter: "a GPU",
    moves: [{ step: 3, threshold: 0.2 }],
    lanes: [{ method: "lats", points: [point] }],
  });
});

test("separates a model from data among dropped files and skips system files", () => {
  const paths = ["a/.DS_Store", "a/cat/1.png", "__MACOSX/a/1.png", "m/net.SafeTensors", "a/Thumbs.db", "a/dog/2.png"];
  const { model, data } = sortDropped(paths.map((path) => ({ path })));
  expect(model?.path).toBe("m/net.SafeTensors");
  expect(data.map(({ path }) => path)).toEqual(["a/cat/1.png", "a/dog/2.png"]);
});

test("sums kernels by name, longest first", () => {
  const rows = [
    { kernel: "b", ms: 1 },
    { kernel: "a", ms: 2 },
    { kernel: "b", ms: 3 },
  ];
  expect(sumKernels(rows)).toEqual([
    { kernel: "b", dispatches: 2, ms: 4, share: 4 / 6 },
    { kernel: "a", dispatches: 1, ms: 2, share: 2 / 6 },
  ]);
  const untimed = sumKernels(rows.map(({ kernel }) => ({ kernel, ms: null })));
  expect(untimed.map(({ kernel, ms, share }) => [kernel, ms, share])).toEqual([
    ["b", null, 2 / 3],
    ["a", null, 1 / 3],
  ]);
});

test("a single picture is no data set", () => {
  const image = new Blob([], { type: "image/png" });
  expect(isPicture({ path: "three.png", file: image }, 1)).toBe(true);
  expect(isPicture({ path: "set/three.png", file: image }, 1)).toBe(false);
  expect(isPicture({ path: "three.png", file: image }, 2)).toBe(false);
  expect(isPicture({ path: "a.idx", file: new Blob([]) }, 1)).toBe(false);
});
