// A visitor's browser for the demo tests: opens the built page, keeps what it complains of, and knows its way around.
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { expect, inject } from "vitest";
import { browserLaunch } from "../../../tools/chromium.ts";

/** Software rendering compiles every kernel on the CPU: the first step of a network takes its time. */
export const PATIENCE = 120_000;

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, of scripts and of failed requests, since the page was opened. */
  readonly complaints: string[];
}

/** `without`: beginnings of the usual flags to leave out. */
export async function openBrowser(more: readonly string[] = [], without: readonly string[] = []): Promise<Browser> {
  const { args, ...rest } = browserLaunch();
  const kept = args.filter((arg) => !without.some((flag) => arg.startsWith(flag)));
  return chromium.launch({ ...rest, args: [...kept, ...more] });
}

/** Software adapters are announced by the browser itself, once for each device. */
const EXPECTED = /^powerPreference|experimental|SwiftShader|software/i;

/** Opens the page in a context of its own. `hash`: settings as the page's link writes them, without "#". */
export async function visit(
  browser: Browser,
  hash = "",
  options: BrowserContextOptions = {},
  site = inject("site"),
): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    const text = message.text();
    if (["error", "warning"].includes(message.type()) && !EXPECTED.test(text)) complaints.push(text);
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });
  await page.goto(`${site}${hash ? `#${hash}` : ""}`);
  return { page, complaints };
}

/** Waits until networks are built and the first step can be taken. */
export async function ready(page: Page): Promise<void> {
  await page.locator("#start:not([disabled])").waitFor();
}

/** Waits until the text of an element matches, and returns it. */
export async function textOf(locator: Locator, pattern: RegExp): Promise<string> {
  await expect.poll(() => locator.textContent(), { timeout: PATIENCE, interval: 100 }).toMatch(pattern);
  return (await locator.textContent()) ?? "";
}

/** The step that the page shows. */
export async function stepOf(page: Page): Promise<number> {
  const text = (await page.locator("#where").textContent()) ?? "";
  return Number(/^Step ([\d,.\u202f ]+) of/.exec(text)?.[1]?.replace(/\D/g, ""));
}

/** A number on the card of a network, by its label: a share of 1 where it stands in per cent; NaN while it is not known. */
export async function onCard(page: Page, label: string, lane = 0): Promise<number> {
  const row = page
    .locator(".card")
    .nth(lane)
    .locator("dl > div", { has: page.getByText(label, { exact: true }) });
  const text = (await row.locator("dd").textContent()) ?? "";
  return Number.parseFloat(text) / (text.includes("%") ? 100 : 1);
}

/** Bytes that a click gives to the visitor, and the name of the file. */
export async function download(page: Page, selector: string): Promise<{ name: string; bytes: Uint8Array }> {
  const [got] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await got.createReadStream()) chunks.push(chunk as Uint8Array);
  return { name: got.suggestedFilename(), bytes: Buffer.concat(chunks) };
}

/** Draws lines on the pad; points are shares of its side. */
export async function draw(page: Page, lines: readonly (readonly (readonly [number, number])[])[]): Promise<void> {
  const pad = page.locator("#pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (!box) throw new Error("the pad is not on the page");
  for (const [first, ...rest] of lines) {
    const at = ([x, y]: readonly [number, number]) => [box.x + x * box.width, box.y + y * box.height] as const;
    if (!first) continue;
    await page.mouse.move(...at(first));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...at(point), { steps: 6 });
    await page.mouse.up();
  }
}
