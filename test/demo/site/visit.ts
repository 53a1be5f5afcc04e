// A visitor's browser for the demo tests: opens the built page, collects its errors, reads and operates it.
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { expect, inject } from "vitest";
import { browserLaunch } from "../../../tools/chromium.ts";

/** Time limit in ms: SwiftShader compiles every kernel on the CPU, so the first step of a network is slow. */
export const PATIENCE = 120_000;

export interface Visit {
  readonly page: Page;
  /** Errors and warnings of the console, of scripts and of failed requests, since the page was opened. */
  readonly complaints: string[];
}

/** Launch a browser with more flags. `without`: prefixes of default flags to omit. */
export async function openBrowser(more: readonly string[] = [], without: readonly string[] = []): Promise<Browser> {
  const { args, ...rest } = browserLaunch();
  const kept = args.filter((arg) => !without.some((flag) => arg.startsWith(flag)));
  return chromium.launch({ ...rest, args: [...kept, ...more] });
}

/** Messages that the browser itself logs, such as one for each software device. */
const EXPECTED = /^powerPreference|experimental|SwiftShader|software/i;

interface VisitOptions extends BrowserContextOptions {
  /** Open "Look inside"; default true. */
  readonly inside?: boolean;
}

/** Open the page in a new context. `hash`: settings as in the page's link, without "#". */
export async function visit(
  browser: Browser,
  hash = "",
  { inside = true, ...options }: VisitOptions = {},
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
  // Most tests operate what is inside.
  if (inside) await page.click("#look-inside");
  return { page, complaints };
}

/** Wait until the networks are built and the first step can be taken. */
export async function ready(page: Page): Promise<void> {
  await page.locator("#start:not([disabled])").waitFor();
}

/** Wait until the text of an element matches, and return it. */
export async function textOf(locator: Locator, pattern: RegExp): Promise<string> {
  await expect.poll(() => locator.textContent(), { timeout: PATIENCE, interval: 100 }).toMatch(pattern);
  return (await locator.textContent()) ?? "";
}

/** Return the step that the page shows. */
export async function stepOf(page: Page): Promise<number> {
  const text = (await page.locator("#where").textContent()) ?? "";
  return Number(/^Step ([\d,.\u202f ]+) of/.exec(text)?.[1]?.replace(/\D/g, ""));
}

/** Return a number on the card of a network by its label, per cent as a share of 1; NaN while it is unknown. */
export async function onCard(page: Page, label: string, lane = 0): Promise<number> {
  const row = page
    .locator(".card")
    .nth(lane)
    .locator("dl > div", { has: page.getByText(label, { exact: true }) });
  const text = (await row.locator("dd").textContent()) ?? "";
  return Number.parseFloat(text) / (text.includes("%") ? 100 : 1);
}

/** Click and return the downloaded file. */
export async function download(page: Page, selector: string): Promise<{ name: string; bytes: Uint8Array }> {
  const [got] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await got.createReadStream()) chunks.push(chunk as Uint8Array);
  return { name: got.suggestedFilename(), bytes: Buffer.concat(chunks) };
}

/** Draw lines on the pad; points are shares of its side. */
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
