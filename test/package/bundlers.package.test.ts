// Bundles a page that trains with Vite, esbuild and webpack, and trains in Chromium: from a bundle, and without a bundler.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBrowser, titleOf } from "./support/browser.ts";
import { packedPackages } from "./support/packed.ts";
import { writePrograms } from "./support/programs.ts";
import { html, viteBuild } from "./support/vite.ts";

const { installed } = packedPackages();
const project = join(installed, "page");

/** Return an import map for the entries of the installed package `espalier`, from the root of the site. */
async function importMap(): Promise<string> {
  const { exports } = JSON.parse(await readFile(join(installed, "node_modules/espalier/package.json"), "utf8"));
  const imports: Record<string, string> = {};
  for (const [entry, target] of Object.entries<{ default?: string }>(exports))
    if (target.default && !entry.includes("*"))
      imports[entry.replace(/^\./, "espalier")] = target.default.replace(/^\./, "/node_modules/espalier");
  return `<script type="importmap">${JSON.stringify({ imports })}</script>`;
}

beforeAll(async () => {
  await writePrograms(project);
  await writeFile(join(project, "index.html"), html("./page.mjs"));
});

test("esbuild bundles the page without warnings", async () => {
  const { build } = await import("esbuild");
  const options = { bundle: true, format: "esm", minify: true, logLevel: "silent", absWorkingDir: project } as const;
  const { warnings } = await build({ ...options, entryPoints: ["page.mjs"], outfile: "esbuild/page.js" });
  expect(warnings).toEqual([]);
});

test("webpack bundles the page without warnings", async () => {
  const { default: webpack } = await import("webpack");
  const output = { path: join(project, "webpack"), filename: "page.js" };
  const compiler = webpack({ mode: "production", context: project, entry: "./page.mjs", output });
  const stats = await new Promise<{ toJson(options: object): { errors?: object[]; warnings?: object[] } }>(
    (resolve, reject) => compiler!.run((error, result) => (result ? resolve(result) : reject(error))),
  );
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  expect({ errors, warnings }).toEqual({ errors: [], warnings: [] });
});

describe("in Chromium", () => {
  let browser: Browser;
  let losses: number[];
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test("a page that Vite has bundled trains", async () => {
    expect(await viteBuild(project)).toBe("");
    losses = JSON.parse(await titleOf(browser, join(project, "dist"))) as number[];
    expect(losses[0]).toBeCloseTo(Math.log(10), 1);
    expect(losses.at(-1)).toBeLessThan(0.5);
  });

  test("a page with an import map and no bundler trains with the same bits", async () => {
    await writeFile(join(project, "plain.html"), html("./page.mjs", await importMap()));
    expect(JSON.parse(await titleOf(browser, installed, "page/plain.html"))).toEqual(losses);
  });

  test("a page that imports @espalier/node builds, and shows what to import instead", async () => {
    const folder = join(installed, "mistaken_page");
    await mkdir(folder);
    await writeFile(join(folder, "index.html"), html("./page.mjs"));
    const call = `try { await installGpu(); } catch (error) { document.title = error.message; }`;
    await writeFile(join(folder, "page.mjs"), `import { installGpu } from "@espalier/node";\n${call}\n`);
    expect(await viteBuild(folder)).toBe("");
    expect(await titleOf(browser, join(folder, "dist"))).toMatch(/@espalier\/node.*(page|browser)/);
  });
});
