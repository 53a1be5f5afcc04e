// The page under adverse conditions: no GPU, a lost GPU, no network, a small screen, no mouse.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { faults } from "./faults.ts";
import { onCard, openBrowser, PATIENCE, ready, stepOf, textOf, visit } from "./visit.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
});

const SIZES = { projector: { width: 1920, height: 1080 }, phone: { width: 360, height: 740 } } as const;

for (const [screen, scheme] of [
  ["projector", "light"],
  ["phone", "dark"],
] as const)
  test(`is accessible and fits the screen: ${screen}, ${scheme}`, async () => {
    const { page, complaints } = await visit(browser, "batchSize=8&epochs=1", {
      viewport: SIZES[screen],
      colorScheme: scheme,
      reducedMotion: "reduce",
    });
    await ready(page);
    for (const details of await page.locator("details").all())
      await details.evaluate((element) => {
        (element as HTMLDetailsElement).open = true;
      });
    await page.click("#step");
    await page.click("#sample");
    await textOf(page.locator("#answer"), /^This is/);
    await textOf(page.locator("#where"), /^Step 1 of/);
    expect(await faults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(SIZES[screen].width);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

test("the keyboard reaches every control in the order of the page", async () => {
  const { page } = await visit(browser, "against=none");
  await ready(page);
  await page.focus(".skip");
  const reached: string[] = [];
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    const id = await page.evaluate(() => document.activeElement?.id ?? "");
    if (id) reached.push(id);
  }
  const expected = [
    ...["gate", "sample", "start", "reset", "tempo", "scrub"],
    ...["look-inside", "threshold-slider", "setting-method", "setting-seed", "copy-link"],
  ];
  expect(expected.filter((id) => !reached.includes(id))).toEqual([]);
  const order = expected.map((id) => reached.indexOf(id));
  expect(order).toEqual([...order].sort((a, b) => a - b));
  await page.context().close();
});

test("after a lost device training continues from the last snapshot, with a message", async () => {
  const { page, complaints } = await visit(browser, "against=none&batchSize=8&epochs=1&model=lenet-bn");
  await ready(page);
  await page.click("#start");
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(20);
  // A pause takes a snapshot.
  await page.click("#start");
  await textOf(page.locator("#start"), /^Start$/);
  await page.waitForTimeout(3000);
  const pausedAt = await stepOf(page);
  await page.click("#start");
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(pausedAt + 5);

  const worker = page.workers()[0];
  if (!worker) throw new Error("the page has no worker");
  await worker.evaluate(() => dispatchEvent(new MessageEvent("message", { data: { kind: "lose" } })));
  await textOf(page.locator(".message.problem .message-text").first(), /^The GPU was lost/);
  const back = await textOf(page.locator(".message.notice .message-text").first(), /^Training continues at step \d+/);
  const from = Number(/\d+/.exec(back)?.[0]);
  expect(from).toBeGreaterThanOrEqual(pausedAt);
  await expect.poll(() => stepOf(page), { timeout: PATIENCE }).toBeGreaterThan(from + 20);
  expect(await onCard(page, "zeros")).toBeGreaterThanOrEqual(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** Check the page in a browser without a usable GPU; `reason`: the expected text. */
async function refused(plain: Browser, reason: RegExp, site = inject("site")): Promise<void> {
  try {
    const { page, complaints } = await visit(plain, "", { inside: false }, site);
    await textOf(page.locator("#no-gpu-reason"), reason);
    expect(await page.locator("#no-gpu").isVisible()).toBe(true);
    expect(await page.locator("#inside").isVisible()).toBe(false);
    // The recorded run plays.
    await textOf(page.locator(".stage-badge"), /^Recording of a real run$/);
    await expect.poll(async () => Number.parseFloat((await page.textContent("#stage-left")) ?? "")).toBeLessThan(90);
    expect(await page.textContent("#no-gpu")).toMatch(/Chrome and Edge/);
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await plain.close();
  }
}

test("without WebGPU the page explains what is missing", async () => {
  // Browsers offer no WebGPU to plain http from another host.
  const elsewhere = inject("site").replace("localhost", "elsewhere.test");
  await refused(await openBrowser(["--host-resolver-rules=MAP elsewhere.test 127.0.0.1"]), /does not offer/, elsewhere);
});

test("with WebGPU but without an adapter the page says so", async () => {
  await refused(await openBrowser([], ["--enable-unsafe-webgpu", "--use-webgpu-adapter"]), /found no graphics adapter/);
});

test("reopens without a network", async () => {
  const { page, complaints } = await visit(browser, "against=none");
  await ready(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => null));
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  expect(await page.textContent("#adapter")).toMatch(/^Runs on/);
  const other = await page.context().newPage();
  await other.goto(`${inject("site")}bench.html`);
  expect(await other.title()).toMatch(/\w/);
  expect(complaints).toEqual([]);
  await page.context().close();
});
