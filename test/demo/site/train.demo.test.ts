// A complete run in the page: training, pruning, plots, drawing, exports.
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModelWeights } from "../../../src/io/index.ts";
import { loadOnnx } from "../../export/onnx_runtime.ts";
import { longestTask } from "./main_thread.ts";
import { download, draw, onCard, openBrowser, PATIENCE, ready, stepOf, textOf, type Visit, visit } from "./visit.ts";

/** Steps of one epoch of the shipped digits: 6000 in batches of 64. */
const STEPS = 94;

let browser: Browser;
let visitor: Visit;
beforeAll(async () => {
  browser = await openBrowser();
  visitor = await visit(browser, "against=none&epochs=1&threshold=0.06&seed=1", { acceptDownloads: true });
  await ready(visitor.page);
});
afterAll(async () => {
  await browser?.close();
});

test("reaches over 90 % accuracy and 80 % zeros within 94 steps, with a responsive main thread", async () => {
  const { page } = visitor;
  await textOf(page.locator("#where"), /^Step 0 of 94, epoch 0\.0$/);
  await page.click("#start");
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(2);
  const longest = await longestTask(browser, page, 8000);
  await textOf(page.locator("#start"), /^Finished$/);
  expect(await stepOf(page)).toBe(STEPS);
  expect(await onCard(page, "test accuracy")).toBeGreaterThan(0.9);
  expect(await onCard(page, "zeros")).toBeGreaterThan(0.8);
  // Processor time, so that a busy machine does not matter.
  expect(longest).toBeLessThan(100);
});

test("every picture of the finished run is drawn and labelled", async () => {
  const { page } = visitor;
  // Pictures out of sight are not drawn.
  for (const plot of ["tradeoff", "accuracy", "sparsity", "threshold", "lambda", "loss"]) {
    const box = page.locator(`#plot-${plot}`);
    await box.scrollIntoViewIfNeeded();
    await textOf(page.locator(`#values-${plot}`), /\d/);
    expect(await box.getAttribute("aria-label")).not.toMatch(/nothing drawn/);
    await expect.poll(() => inkOf(box.locator("canvas").first())).toBeGreaterThan(50);
  }
  for (const pictures of ["#filters", "#maps", "#histograms"]) {
    const canvas = page.locator(`${pictures} canvas`).first();
    await canvas.scrollIntoViewIfNeeded();
    await expect.poll(() => inkOf(canvas)).toBeGreaterThan(50);
  }
  const layers = page.locator("#layer-bars tbody tr");
  expect(await layers.count()).toBe(4);
  await textOf(layers.last(), /%/);
  // LATS keeps the implied penalty constant.
  await textOf(page.locator("#values-threshold"), /0\.06/);
});

test("classifies a drawn 1; shows a test picture with its label", async () => {
  const { page } = visitor;
  await draw(page, [
    [
      [0.52, 0.15],
      [0.5, 0.5],
      [0.48, 0.85],
    ],
  ]);
  await textOf(page.locator("#answer"), /^Pruned: 1 with \d/);
  expect(await page.locator("#probabilities tbody tr").count()).toBe(10);
  await page.click("#clear");
  await textOf(page.locator("#answer"), /^Draw a digit/);
  await page.click("#sample");
  await textOf(page.locator("#answer"), /^This is \d\. Pruned: \d with/);
});

test("saves models and metrics, and loads a model", async () => {
  const { page } = visitor;
  const dense = await download(page, "#export-dense");
  const sparse = await download(page, "#export-sparse");
  expect(sparse.bytes.length).toBeLessThan(dense.bytes.length / 3);
  const [full, packed] = [dense, sparse].map(({ bytes }) => readModelWeights(bytes, "model").weights);
  expect([...(full?.keys() ?? [])]).toContain("0.weight");
  expect([...(packed?.keys() ?? [])].sort()).toEqual([...(full?.keys() ?? [])].sort());
  for (const [name, { data }] of full ?? []) expect(packed?.get(name)?.data).toEqual(data);
  // The worker fetches the ONNX writer now.
  const onnx = await download(page, "#export-onnx");
  const runtime = await loadOnnx(onnx.bytes);
  const blank = { data: new Float32Array(784), shape: [1, 1, 28, 28] };
  expect(new Set((await runtime.run({ input: blank }))["logits"]?.data).size).toBe(10);
  await runtime.release();

  const csv = new TextDecoder()
    .decode((await download(page, "#save-csv")).bytes)
    .trim()
    .split("\r\n");
  const json = JSON.parse(new TextDecoder().decode((await download(page, "#save-json")).bytes));
  expect(json.settings).toMatchObject({ method: "lats", threshold: 0.06, epochs: 1, seed: 1 });
  expect(json.lanes[0].points.length).toBe(csv.length - 1);
  expect(json.lanes[0].points.at(-1)).toMatchObject({ step: STEPS, testAccuracy: expect.any(Number) });

  const accuracy = await onCard(page, "test accuracy");
  await page.setInputFiles("#pick-model", { name: sparse.name, mimeType: "", buffer: Buffer.from(sparse.bytes) });
  const notice = await textOf(page.locator(".message.notice .message-text").first(), /replaces Pruned/);
  expect(notice).toContain(`test accuracy ${(accuracy * 100).toFixed(1)}`);
});

test("lists the kernels of a step", async () => {
  const { page } = visitor;
  await page.click("#reset");
  await ready(page);
  await page.locator("#timeline-panel summary").click();
  await page.click("#step");
  // Only panels in view are drawn.
  await page.locator("#timeline-panel").scrollIntoViewIfNeeded();
  await textOf(page.locator("#timeline-summary"), /\d+ kernels|dispatches/);
  expect(await page.locator("#kernels tbody tr").count()).toBeGreaterThan(5);
});

test("the page logged no errors or warnings", () => {
  expect(visitor.complaints).toEqual([]);
});

/** Count the pixels of a canvas that differ from its first one. */
function inkOf(canvas: Locator): Promise<number> {
  return canvas.evaluate((element) => {
    const { width, height } = element as HTMLCanvasElement;
    // Read a copy: browsers log a warning if a canvas is read often.
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context?.drawImage(element as HTMLCanvasElement, 0, 0);
    const data = context?.getImageData(0, 0, width, height).data ?? [];
    let ink = 0;
    for (let i = 0; i < data.length; i += 4) if ([0, 1, 2, 3].some((c) => data[i + c] !== data[c])) ink++;
    return ink;
  });
}
