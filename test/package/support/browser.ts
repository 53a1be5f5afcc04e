// Serves a folder to headless Chromium and reads the result of a page.
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { browserLaunch } from "../../../tools/chromium.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
};

/** Time limit in ms: SwiftShader compiles every kernel on the CPU. */
const PATIENCE = 120_000;

/** Launch the browser of the browser tests. */
export const openBrowser = (): Promise<Browser> => chromium.launch(browserLaunch());

/** Serve the files of a folder. Returns the address, which ends with "/". */
export async function serve(folder: string): Promise<{ address: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "", "http://site").pathname);
    const file = join(folder, normalize(path).replace(/\/$/, "/index.html"));
    if (!(await stat(file).catch(() => null))?.isFile()) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(await readFile(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://localhost:${(server.address() as AddressInfo).port}/`, close };
}

/**
 * Open a page of a folder and return the text that `result`, an expression of the page, has in the end.
 *
 * Errors: an error of the page, a missing file, or no text in time.
 */
export async function resultOf(browser: Browser, folder: string, path: string, result: string): Promise<string> {
  const { address, close } = await serve(folder);
  const page = await browser.newPage();
  try {
    const failed = new Promise<never>((_, reject) => {
      page.on("pageerror", reject);
      page.on("requestfailed", (request) => reject(new Error(`${request.url()}: ${request.failure()?.errorText}`)));
      page.on("response", (response) => {
        const missing = response.status() >= 400 && !response.url().endsWith("/favicon.ico");
        if (missing) reject(new Error(`${response.url()}: ${response.status()}`));
      });
    });
    failed.catch(() => {}); // a failure after the result
    await page.goto(address + path);
    const text = page.waitForFunction(result, null, { timeout: PATIENCE });
    await Promise.race([text, failed]);
    return String(await page.evaluate(result));
  } finally {
    await page.close();
    close();
  }
}

/** Open a page of a folder and return the title that its script gives it. */
export const titleOf = (browser: Browser, folder: string, path = ""): Promise<string> =>
  resultOf(browser, folder, path, "document.title");
