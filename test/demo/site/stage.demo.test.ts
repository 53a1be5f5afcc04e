// Tests of the stage: what a visitor sees without scrolling, and each of its controls.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faults } from "./faults.ts";
import { openBrowser, PATIENCE, ready, stepOf, textOf, visit } from "./visit.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

const left = (page: Page) => page.locator("#stage-left");
const share = async (page: Page) => Number(((await left(page).textContent()) ?? "").replace(/[^\d.]/g, "")) / 100;
const caption = (page: Page) => page.locator("#stage-caption");

const SCREENS = {
  laptop: { width: 1366, height: 768 },
  projector: { width: 1920, height: 1080 },
  phone: { width: 390, height: 844 },
} as const;

test.each(Object.entries(SCREENS))(
  "%s: the recorded run plays at once, with everything in view, and nothing to fault",
  async (_, viewport) => {
    const { page, complaints } = await visit(browser, "", { inside: false, viewport });
    await textOf(page.locator(".stage-badge"), /^Recording of a real run$/);
    await expect.poll(() => share(page), { timeout: PATIENCE }).toBeLessThan(0.8);
    const inView = "#stage-left, #stage-accuracy, .stage-map, .bell, #pad, #start, #scrub, #stage-caption";
    const boxes = await page
      .locator(inView)
      .evaluateAll((all) => all.map((one) => [one.id || one.className, one.getBoundingClientRect().bottom] as const));
    expect(boxes).toHaveLength(8);
    for (const [name, bottom] of boxes) expect(bottom, String(name)).toBeLessThanOrEqual(viewport.height);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  },
);

test.each([
  ["320 pixels", { width: 320, height: 640 }],
  ["a laptop at 200 % zoom", { width: 683, height: 384 }],
])("fits the width of %s", async (_, viewport) => {
  const { page } = await visit(browser, "", { inside: false, viewport });
  await textOf(page.locator(".stage-badge"), /./);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
  await page.locator("#scrub").scrollIntoViewIfNeeded();
  expect(await page.locator("#scrub").isVisible()).toBe(true);
  await page.context().close();
});

test("with reduced motion the recording shows its end and its result, and can be played", async () => {
  const { page } = await visit(browser, "", { inside: false, reducedMotion: "reduce" });
  await textOf(caption(page), /^9\d\.\d.% of the weights are gone; 97\.\d.% .* smaller\.$/);
  const still = await left(page).textContent();
  await page.waitForTimeout(1500);
  expect(await left(page).textContent()).toBe(still);
  await page.click("#replay");
  await expect.poll(() => left(page).textContent()).not.toBe(still);
  await page.context().close();
});

test("a live run replaces the recording without a shift; pause, step, speed, film, gate and result", async () => {
  const { page, complaints } = await visit(browser, "batchSize=64&epochs=1&threshold=0.03&against=none", {
    inside: false,
  });
  await ready(page);
  const places = () =>
    page
      .locator("#stage > *, #stage button, #stage canvas, #look-inside")
      .evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
  const before = await places();
  await page.click("#step");
  expect(await page.locator("#step").isDisabled()).toBe(true);
  await textOf(page.locator("#where"), /^Step 1 of 94/);
  await textOf(caption(page), /^Paused/);
  expect(await page.locator(".stage-badge").isVisible()).toBe(false);
  await page.selectOption("#tempo", "max");
  await page.click("#start");
  await textOf(page.locator("#start"), /^Pause$/);
  await expect.poll(() => share(page), { timeout: PATIENCE }).toBeLessThan(0.95);
  expect(await places()).toEqual(before);

  // The film of the run so far.
  await page.locator("#scrub").fill("1");
  await textOf(page.locator("#replay"), /^Back to live$/);
  expect(await share(page)).toBeGreaterThan(0.97);
  expect(await page.locator("#gate").getAttribute("aria-disabled")).toBe("true");
  await page.click("#replay");
  await textOf(page.locator("#replay"), /^Replay$/);
  expect(await share(page)).toBeLessThan(0.97);

  await textOf(page.locator("#start"), /^Finished$/);
  await textOf(
    caption(page),
    /^\d+\.\d.% of the weights are gone; \d+\.\d.% of new digits are read right; the model is/,
  );
  const end = await share(page);
  const accuracy = Number.parseFloat((await page.textContent("#stage-accuracy")) ?? "");
  expect(accuracy).toBeGreaterThan(70);

  // After the end the gate acts on the weights: by keyboard until it breaks, by pointer back.
  await page.click("#next-break");
  await page.keyboard.press("End");
  await textOf(caption(page), /^Too far: the network only guesses now/);
  expect(await share(page)).toBeLessThan(end / 4);
  expect(new URL(page.url()).hash).toMatch(/\b0\.5\b/);
  const box = (await page.locator(".bell-area").boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.51, box.y + box.height / 2, { steps: 4 });
  await page.mouse.up();
  await expect.poll(() => share(page), { timeout: PATIENCE }).toBeGreaterThan(end);
  await textOf(caption(page), /of the weights are gone/);
  expect(Number(await page.locator("#gate").getAttribute("aria-valuenow"))).toBeLessThan(0.03);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("both networks read the drawing beside the map; a method without D has no gate to move", async () => {
  const { page } = await visit(browser, "batchSize=8&epochs=1&method=gmp", { inside: false });
  await ready(page);
  await page.click("#sample");
  await expect
    .poll(() => page.locator(".stage-read").allTextContents(), { timeout: PATIENCE })
    .toEqual([expect.stringMatching(/^\d$/), expect.stringMatching(/^\d$/)]);
  expect(await page.locator("#gate").isVisible()).toBe(false);
  await page.click("#start");
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(0);
  await page.context().close();
});

test("what is inside opens and closes, and its plots are loaded when it opens", async () => {
  const { page } = await visit(browser, "", { inside: false });
  expect(await page.locator("#inside").isVisible()).toBe(false);
  const plot = page.locator("#plot-accuracy .uplot");
  expect(await plot.count()).toBe(0);
  await page.click("#look-inside");
  await expect.poll(() => plot.count(), { timeout: PATIENCE }).toBe(1);
  expect(await page.locator("#inside").isVisible()).toBe(true);
  expect(await page.locator("#look-inside").getAttribute("aria-expanded")).toBe("true");
  await page.click("#look-inside");
  expect(await page.locator("#inside").isVisible()).toBe(false);
  await page.context().close();
});
