// The story, presets, views, camera and the sheet for teachers, in one browser.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PRESET_NAMES } from "../../../demo/story/presets.ts";
import { STEPS } from "../../../demo/story/steps.ts";
import { en } from "../../../demo/texts/en.ts";
import { zh } from "../../../demo/texts/zh.ts";
import { faults } from "./faults.ts";
import { openBrowser, PATIENCE, ready, textOf, visit } from "./visit.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
});
afterAll(async () => {
  await browser?.close();
});

test("the story follows the run, turns by buttons and keys, and links to presets", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=16&epochs=1");
  await ready(page);
  const story = page.locator("#story");
  const at = () => story.getAttribute("data-step");
  expect(await at()).toBe("network");
  await page.locator("#step").click();
  await expect.poll(at, { timeout: PATIENCE }).not.toBe("network");
  for (const step of STEPS.slice(STEPS.indexOf("half"))) {
    await expect
      .poll(async () => {
        await story
          .getByRole("button", { name: en["story.next"] })
          .click({ timeout: 1000 })
          .catch(() => {});
        return STEPS.indexOf((await at()) as (typeof STEPS)[number]);
      })
      .toBeGreaterThanOrEqual(STEPS.indexOf(step));
  }
  expect(await at()).toBe("break");
  await story.getByRole("button", { name: en["story.back"] }).focus();
  await page.keyboard.press("ArrowLeft");
  expect(await at()).toBe("end");
  await story.getByRole("button", { name: en["story.follow"] }).click();
  expect(await at()).not.toBe("end");
  expect(await faults(page)).toEqual([]);

  // The camera shows a test pattern, of which any class may be read.
  await page.locator("#camera").click();
  const dialog = page.getByRole("dialog", { name: en["camera.title"] });
  await dialog.waitFor();
  expect(await faults(page)).toEqual([]);
  await dialog.getByRole("button", { name: en["camera.take"] }).click();
  await expect.poll(() => page.locator("#pad").getAttribute("aria-label")).toBe(en["pad.picture"]);
  expect(await dialog.count()).toBe(0);

  for (const name of PRESET_NAMES) expect(await story.locator(`a[href="#preset=${name}"]`).count()).toBe(1);
  await story.locator('a[href="#preset=far"]').click();
  await expect.poll(() => page.inputValue("#threshold"), { timeout: PATIENCE }).toBe("0.4");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("in Chinese the page has Chinese texts, and a link back to English keeps the settings", async () => {
  const site = inject("site");
  const { page, complaints } = await visit(browser, "", { inside: false }, `${site}?lang=zh&present#epochs=2`);
  await ready(page);
  expect(await page.title()).toBe(zh["page.tab"]);
  expect(await page.locator("html").getAttribute("lang")).toBe("zh-Hans");
  expect(await page.locator("#story h3").textContent()).toBe(zh["story-title.network"]);
  // The view for projectors has no settings, and large type.
  expect(await page.locator("#look-inside").isVisible()).toBe(false);
  const size = await page.locator("#story .story-text").evaluate((element) => getComputedStyle(element).fontSize);
  expect(Number.parseFloat(size)).toBeGreaterThanOrEqual(24);
  expect(await faults(page)).toEqual([]);

  const link = page.locator("#languages a");
  await link.dispatchEvent("pointerdown");
  const href = (await link.getAttribute("href")) ?? "";
  expect(href).toBe("?lang=en&present=#epochs=2");
  await page.goto(`${site}?embed`);
  await ready(page);
  for (const hidden of ["#languages", "#story", "#inside", "footer"])
    expect(await page.locator(hidden).isVisible()).toBe(false);
  expect(await page.locator("#stage").isVisible()).toBe(true);
  expect(await faults(page)).toEqual([]);

  await page.goto(`${site}teach.html?lang=zh`);
  await textOf(page.locator("h1"), new RegExp(zh["teach.title"].slice(0, 6)));
  expect(await faults(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});
