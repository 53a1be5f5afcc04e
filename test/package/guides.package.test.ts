// Runs the whole programs of README and guides: in Node, bundled with Vite in Chromium, and as pages without a build step.
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { must } from "../../src/setup/command.ts";
import { openBrowser, resultOf, titleOf } from "./support/browser.ts";
import { packedPackages } from "./support/packed.ts";
import { htmlBlocks, snippets } from "./support/snippets.ts";
import { html, viteBuild } from "./support/vite.ts";

const { installed } = packedPackages();
const programs = snippets();

/** Make a folder for a program, below the installed packages. */
async function emptyFolder(where: string): Promise<string> {
  const folder = join(installed, "guides", where.replaceAll(/\W+/g, "_"));
  await mkdir(folder, { recursive: true });
  return folder;
}

describe("in Node", () => {
  const inNode = programs.filter(({ run }) => run === "host");
  test.each(inNode)("$where runs and ends", async ({ where, code }) => {
    const folder = await emptyFolder(where);
    const script = await transform(code, { loader: "ts", format: "esm", target: "node20" });
    await writeFile(join(folder, "program.mjs"), script.code);
    await must("cannot run the program", process.execPath, ["program.mjs"], { cwd: folder, seconds: 120 });
  });
});

describe("in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  const inPages = programs.filter(({ run }) => run === "page");
  test.each(inPages)("$where runs, bundled with Vite", async ({ where, code }) => {
    const folder = await emptyFolder(where);
    await writeFile(join(folder, "program.ts"), code);
    const outcome = `() => { document.title = "done"; }, (error) => { document.title = error.stack; }`;
    await writeFile(join(folder, "page.ts"), `import("./program.ts").then(${outcome});\n`);
    await writeFile(join(folder, "index.html"), html("./page.ts"));
    expect(await viteBuild(folder)).toBe("");
    expect(await titleOf(browser, join(folder, "dist"))).toBe("done");
  });

  test.each(htmlBlocks())("$where runs next to the folder dist of the package", async ({ where, html }) => {
    const folder = await emptyFolder(where);
    await symlink(join(installed, "node_modules/espalier/dist"), join(folder, "espalier"));
    await writeFile(join(folder, "index.html"), `<!doctype html><meta charset="utf-8"><body></body>\n${html}`);
    expect(await resultOf(browser, folder, "", "document.body.innerText.trim()")).toMatch(/: 1,2,3$/);
  });
});
