// Runs the whole programs of the guides: in Node, or bundled with Vite in Chromium.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { must } from "../../src/setup/command.ts";
import { openBrowser, titleOf } from "./support/browser.ts";
import { packedPackages } from "./support/packed.ts";
import { snippets } from "./support/snippets.ts";
import { html, viteBuild } from "./support/vite.ts";

const { installed } = packedPackages();
const programs = snippets().filter(({ run }) => run !== null);

/** Make a folder for a program, below the installed packages. */
async function emptyFolder(where: string): Promise<string> {
  const folder = join(installed, "guides", where.replaceAll(/\W+/g, "_"));
  await mkdir(folder, { recursive: true });
  return folder;
}

for (const { where, code } of programs.filter(({ run }) => run === "host"))
  test(`${where} runs in Node`, async () => {
    const folder = await emptyFolder(where);
    const script = await transform(code, { loader: "ts", format: "esm" });
    await writeFile(join(folder, "program.mjs"), script.code);
    await must("cannot run the program", process.execPath, ["program.mjs"], { cwd: folder, seconds: 120 });
  });

for (const { where, code } of programs.filter(({ run }) => run === "page"))
  test(`${where} runs in Chromium`, async () => {
    const folder = await emptyFolder(where);
    await writeFile(join(folder, "program.ts"), code);
    const outcome = `() => { document.title = "done"; }, (error) => { document.title = error.stack; }`;
    await writeFile(join(folder, "page.ts"), `import("./program.ts").then(${outcome});\n`);
    await writeFile(join(folder, "index.html"), html("./page.ts"));
    expect(await viteBuild(folder)).toBe("");
    const browser = await openBrowser();
    try {
      expect(await titleOf(browser, join(folder, "dist"))).toBe("done");
    } finally {
      await browser.close();
    }
  });

test("every program that is run ends with its block", () => {
  expect(programs.map(({ code }) => code).filter((code) => code.trim() === "")).toEqual([]);
});
