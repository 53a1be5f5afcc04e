// The speed panel of the built page, with the real worker.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBrowser, PATIENCE, ready, textOf, visit } from "./visit.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

test("measures the speed of a network and the bytes of its files, and training can go on", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=16&epochs=1&threshold=0.3");
  await ready(page);
  await page.click("#step");
  await textOf(page.locator("#where"), /^Step 1 of 375/);
  await page.click("#measure-speed");
  await textOf(page.locator("#speed-state"), /^Pruned: sparse kernels use (dense|block [84]|csr) in \d layers?/);
  const tables = page.locator("#speed-rates table");
  expect(await tables.count()).toBe(2);
  expect(await tables.nth(1).locator("tbody th").allTextContents()).toEqual([
    ...["dense", "sparse kernels", "compact", "compact, sparse kernels"],
  ]);
  for (const text of await tables.nth(1).locator("tbody td").allTextContents()) expect(text).toMatch(/^[\d,]+/);
  const files = page.locator("#speed-files tbody tr");
  expect(await files.count()).toBe(6);
  expect(await files.first().textContent()).toMatch(/^every weight\d+\u202fkB$/);
  expect(await page.locator("#measure-speed").isDisabled()).toBe(false);
  await page.click("#step");
  await textOf(page.locator("#where"), /^Step 2 of 375/);
  // A change before the first step of a new network empties the panel.
  await page.click("#reset");
  await expect.poll(() => tables.count(), { timeout: PATIENCE }).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});
