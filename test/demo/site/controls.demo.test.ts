// Tests of every control of the page, with the real worker.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Resvg } from "@resvg/resvg-js";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { METHODS, MODELS } from "../../../demo/shared/settings.ts";
import { t } from "../../../demo/texts/text.ts";
import { laneNames } from "../../../demo/ui/lane_names.ts";
import { parseSafetensors } from "../../../src/io/index.ts";
import { idxImages, idxLabels } from "../../support/idx_folder.ts";
import { squares } from "../../support/shapes.ts";
import { download, onCard, openBrowser, PATIENCE, ready, stepOf, textOf, visit } from "./visit.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

const parameters = async (page: Page) =>
  Number(/([\d,]+) parameters/.exec((await page.textContent("#about-run")) ?? "")?.[1]?.replace(/\D/g, ""));

/** Make a file for the page's inputs. */
const upload = (name: string, bytes: Uint8Array) => ({ name, mimeType: "", buffer: Buffer.from(bytes) });

test("step, start, pause, change of the threshold during training, reset", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=16&epochs=1&threshold=0.02");
  await ready(page);
  await page.click("#step");
  await textOf(page.locator("#where"), /^Step 1 of 375/);
  await page.click("#start");
  await textOf(page.locator("#start"), /^Pause$/);
  expect(await page.locator("#step").isDisabled()).toBe(true);
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(10);

  // The keyboard moves the slider; field, address and curve follow.
  await page.focus("#threshold-slider");
  await page.keyboard.press("End");
  expect(await page.inputValue("#threshold")).toBe("0.5");
  // The link has the threshold of the start and the move.
  await expect.poll(() => new URL(page.url()).hash, { timeout: PATIENCE }).toMatch(/threshold=0\.02&.*moves=\d+:0\.5$/);
  const before = await stepOf(page);
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(before + 10);
  expect(await page.locator("#pending").isVisible()).toBe(false);

  await page.click("#start");
  await textOf(page.locator("#start"), /^Start$/);
  const pausedAt = await settled(page);
  // Far steeper than with D = 0.02.
  await page.locator("#plot-threshold").scrollIntoViewIfNeeded();
  await textOf(page.locator("#values-threshold"), /\d/);
  const threshold = Number(/[\d.]+/.exec((await page.textContent("#values-threshold")) ?? "")?.[0]);
  expect(threshold).toBeGreaterThan(0.02 * (pausedAt / 375));

  // A setting after the first step waits for a reset.
  await page.selectOption("#setting-method", "pgh");
  expect(await page.locator("#pending").isVisible()).toBe(true);
  expect(await page.textContent(".card-method")).toBe("LATS");
  await page.click("#reset");
  await textOf(page.locator(".card-method").first(), /^PGH$/);
  await ready(page);
  expect(await stepOf(page)).toBe(0);
  expect(await page.locator("#pending").isVisible()).toBe(false);
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** Return the step at which the run has paused: points arrive every five steps, and steps may be slow. */
async function settled(page: Page): Promise<number> {
  for (let last = -1; ; ) {
    const step = await stepOf(page);
    if (step === last) return step;
    last = step;
    await page.waitForTimeout(5000);
  }
}

test("every method can be chosen, shows its note, and takes a step next to another method", async () => {
  const { page, complaints } = await visit(browser, "batchSize=8&epochs=1");
  await ready(page);
  for (const method of METHODS) {
    await page.selectOption("#setting-method", method);
    expect(await page.textContent("#setting-method-note")).toBe(t(`method-note.${method}`));
    // Two networks of the same method have different names.
    const other = method === "ltp" ? "str" : method;
    await page.selectOption("#setting-against", other);
    await textOf(page.locator(".card-method").first(), new RegExp(`^${t(`method.${method}`)}$`));
    // The networks before may have the same first method.
    const titles = laneNames([method, other]);
    await expect.poll(() => page.locator(".card-name").allTextContents(), { timeout: PATIENCE }).toEqual(titles);
    expect(new Set(titles).size).toBe(2);
    await ready(page);
    await page.click("#step");
    await textOf(page.locator("#where"), /^Step 1 of/);
    await expect.poll(() => page.locator("#setting-ltpL0").isVisible()).toBe(method === "ltp");
    expect(await page.locator("#setting-sparsity").isVisible()).toBe(method === "gmp");
    await page.click("#reset");
    await ready(page);
  }
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("every network can be chosen and takes a step; the spiking one shows its spikes", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=8&epochs=1&timeSteps=2");
  await ready(page);
  const sizes = new Set<number>();
  for (const model of MODELS) {
    await page.selectOption("#setting-model", model);
    await textOf(page.locator("#where"), /^Step 0 of/);
    await expect.poll(async () => !sizes.has(await parameters(page)), { timeout: PATIENCE }).toBe(true);
    await ready(page);
    sizes.add(await parameters(page));
    expect(await page.locator("#setting-timeSteps").isVisible()).toBe(model === "spiking-cnn");
    expect(await page.locator("#spikes-panel").isVisible()).toBe(model === "spiking-cnn");
    await page.click("#step");
    await textOf(page.locator("#where"), /^Step 1 of/);
    await page.click("#reset");
    await ready(page);
  }
  // The last one is the spiking network.
  await textOf(page.locator("#operations"), /\d/);
  expect(await page.locator("#rates tbody tr").count()).toBeGreaterThan(1);
  expect(await page.locator("#rasters canvas").count()).toBeGreaterThan(1);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a link restores all settings; invalid ones are reported", async () => {
  const { page } = await visit(browser, "method=gmp&against=ltp&lr=0.05&sparsity=7&batchSize=16&seed=3&what=ever", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await ready(page);
  expect(await page.inputValue("#setting-method")).toBe("gmp");
  expect(await page.inputValue("#setting-lr")).toBe("0.05");
  expect(await page.inputValue("#setting-seed")).toBe("3");
  expect(await page.textContent(".message-text")).toMatch(/Ignored in the address: sparsity=7, what=ever/);
  await page.click("text=Dismiss");
  await page.fill("#setting-epochs", "2");
  await page.press("#setting-epochs", "Enter");
  await page.click("#copy-link");
  await textOf(page.locator(".message.notice .message-text").first(), /copied/);
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(link).toMatch(/#method=gmp&against=ltp&epochs=2&batchSize=16&lr=0.05&seed=3$/);

  const again = await page.context().newPage();
  await again.goto(link);
  await ready(again);
  for (const key of ["method", "against", "epochs", "batchSize", "lr", "momentum", "seed", "model", "data"])
    expect(await again.inputValue(`#setting-${key}`)).toBe(await page.inputValue(`#setting-${key}`));
  await page.context().close();
});

test("an invalid number shows a message at its field and changes nothing", async () => {
  const { page } = await visit(browser, "against=none");
  await ready(page);
  const field = page.locator("#setting-batchSize");
  for (const wrong of ["abc", "0", "64.5", "1e9", ""]) {
    await field.fill(wrong);
    await field.press("Tab");
    expect(await page.textContent("#setting-batchSize-error")).toBe("Give a whole number from 8 to 512.");
    expect(await field.getAttribute("aria-invalid")).toBe("true");
  }
  expect(new URL(page.url()).hash).not.toContain("batchSize");
  await field.fill("32");
  await field.press("Tab");
  expect(await page.textContent("#setting-batchSize-error")).toBe("");
  await textOf(page.locator("#where"), /^Step 0 of 1,504/);
  await page.context().close();
});

test("trains on IDX files of the visitor; corrupt and unknown files get a message", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=16&epochs=1");
  await ready(page);
  const problem = page.locator(".message.problem .message-text").first();
  await page.setInputFiles("#pick-model", [upload("<img src=x onerror=alert(1)>.safetensors", Buffer.from("junk"))]);
  await textOf(problem, /<img src=x onerror=alert\(1\)>\.safetensors/);
  await page.setInputFiles("#pick-files", [upload("train-images-idx3-ubyte", Buffer.from("junk"))]);
  await textOf(problem, /train-images-idx3-ubyte/);
  expect(await page.locator("#messages img").count()).toBe(0);
  expect(await page.inputValue("#setting-data")).toBe("mnist");

  const [train, test] = [squares(160, 28, 1), squares(32, 28, 2)];
  const files = [
    upload("train-images-idx3-ubyte", idxImages(train.length, train.images)),
    upload("train-labels-idx1-ubyte", idxLabels(train.labels)),
    upload("t10k-images-idx3-ubyte", idxImages(test.length, test.images)),
    upload("t10k-labels-idx1-ubyte", idxLabels(test.labels)),
  ];
  await page.setInputFiles("#pick-files", files);
  await textOf(page.locator("#about-run"), /^Your files: 160 pictures to learn from, 32 to test/);
  await ready(page);
  expect(new URL(page.url()).hash).toContain("data=files");
  await page.click("#start");
  await textOf(page.locator("#start"), /^Finished$/);
  expect(await stepOf(page)).toBe(10);

  // The link does not contain the files.
  const other = await page.context().newPage();
  await other.goto(`${inject("site")}#data=files&against=none`);
  await ready(other);
  expect(await other.textContent(".message-text")).toMatch(/Drop the files on the page again/);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("trains on a folder of images whose subfolders are the classes; accepts dropped files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "espalier-shapes-"));
  const shapes = { circle: `<circle cx="14" cy="14" r="9"/>`, bar: `<rect x="11" y="3" width="6" height="22"/>` };
  for (const [name, shape] of Object.entries(shapes)) {
    await mkdir(join(folder, name));
    for (let i = 0; i < 24; i++) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect width="28" height="28"/>
        <g fill="#fff" transform="translate(${i % 5} ${i % 3}) scale(${0.8 + i / 120})">${shape}</g></svg>`;
      await writeFile(join(folder, name, `${i}.png`), new Resvg(svg).render().asPng());
    }
    // A system file, not an image.
    await writeFile(join(folder, name, ".DS_Store"), "junk");
  }
  const { page, complaints } = await visit(browser, "against=none&batchSize=8&epochs=2&threshold=0.01&lr=0.02");
  await ready(page);
  await page.setInputFiles("#pick-folder", folder);
  await textOf(page.locator("#about-run"), /^Your files: 40 pictures to learn from, 8 to test/);
  await ready(page);
  await page.click("#start");
  await textOf(page.locator("#start"), /^Finished$/);
  expect(await onCard(page, "test accuracy")).toBeGreaterThan(0.7);
  await page.click("#sample");
  await textOf(page.locator("#answer"), /^This is (circle|bar)\. Pruned: (circle|bar) with/);

  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["no model"], "dropped.safetensors"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  });
  await textOf(page.locator(".message.problem .message-text").first(), /dropped\.safetensors/);
  expect(complaints).toEqual([]);
  await page.context().close();
  // Only now: the page reads files when it needs them.
  await rm(folder, { recursive: true, force: true });
});

test("either network can be saved, and every layer has a histogram", async () => {
  const { page, complaints } = await visit(browser, "method=lats&against=gmp&batchSize=8&epochs=1");
  await ready(page);
  await page.click("#step");
  await textOf(page.locator("#where"), /^Step 1 of/);
  for (const [lane, method] of [
    ["0", "lats"],
    ["1", "gmp"],
  ] as const) {
    await page.selectOption("#export-lane", lane);
    const { name, bytes } = await download(page, "#export-dense");
    expect(name).toContain(method);
    expect(parseSafetensors(bytes, name).metadata.get("method")).toBe(method);
  }
  const layers = await page.locator("#histogram-layer option").allTextContents();
  expect(layers).toHaveLength(4);
  const seen = new Set<string>();
  for (const layer of layers) {
    await page.selectOption("#histogram-layer", { label: layer });
    await page.locator("#histograms").scrollIntoViewIfNeeded();
    await page.waitForTimeout(400);
    seen.add(
      await page
        .locator("#histograms canvas")
        .first()
        .evaluate((c) => (c as HTMLCanvasElement).toDataURL()),
    );
  }
  expect(seen.size).toBe(layers.length);
  expect(complaints).toEqual([]);
  await page.context().close();
});
