// Builds the documentation site and checks it: no warnings, no dead links, a search index of all pages.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deadLinks } from "../docs/site/links.ts";
import { listedPages } from "../docs/site/pages.ts";
import { sections } from "../docs/site/search.ts";

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "espalier-docs-"));
const out = join(folder, "site");
let output = "";

beforeAll(async () => {
  const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "docs/site/site.mjs", out];
  await new Promise<void>((done) => {
    const child = spawn(process.execPath, flags, { cwd: root });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    child.on("close", () => done());
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const page = (path: string): string => readFileSync(join(out, path), "utf8");

test("the site is built without warnings and dead links", () => {
  expect(output).toMatch(/^\S+: \d+ pages, 0 warnings, 0 dead links, [\d.]+ s$/m);
});

test("every listed page, every command and every entry has a page", () => {
  for (const { slug, title } of listedPages()) expect(page(`guide/${slug}.html`), slug).toContain(title);
  expect(page("guide/commands.html")).toContain("--require-gpu");
  for (const entry of ["espalier", "espalier_prune", "_espalier_node_images"]) {
    expect(page(`api/${entry}.html`)).toContain("<h1>");
  }
});

test("the contents of a page list headings of code, too", () => {
  const [contents = ""] = /<nav class="contents"[\s\S]*?<\/nav>/.exec(page("guide/troubleshooting.html")) ?? [];
  expect(contents).toContain(">no WebGPU adapter was found</a>");
  expect(contents).not.toContain("></a>");
});

test("the demo is in its folder, and each page links to it", () => {
  expect(page("demo/index.html")).toMatch(/<title[^>]*>Espalier/);
  expect(page("guide/install.html")).toContain('href="../demo/index.html"');
});

test("an op is shown as a function with its parameters", () => {
  const text = page("api/espalier/crossEntropy.html").replaceAll(/<[^>]*>/g, "");
  expect(text).toMatch(/Function crossEntropy/);
  expect(text).toMatch(/crossEntropy\(\s*logits: Tensor,\s*target: Tensor/);
});

test("the search has the text of guides and API pages, and addresses that exist", () => {
  const data = JSON.parse(
    page("assets/search-data.js")
      .replace(/^self\.\w+=/, "")
      .replace(/;$/, ""),
  ) as {
    url: string;
    kind: string;
    text: string;
  }[];
  expect(data.some(({ kind, text }) => kind === "guide" && text.includes("learning rate"))).toBe(true);
  expect(data.some(({ url }) => url === "api/espalier/crossEntropy.html")).toBe(true);
  const paths = new Set(data.map(({ url }) => url.split("#")[0]!));
  expect([...paths].filter((path) => !existsSync(join(out, path)))).toEqual([]);
});

test("no page loads anything from elsewhere", () => {
  for (const path of ["index.html", "guide/lats.html", "api/espalier.html"])
    expect(page(path)).not.toMatch(/(?:src|<link[^>]*href)="(?:https?:)?\/\//);
});

test("deadLinks names a missing file and a missing anchor", () => {
  const site = join(folder, "small");
  mkdirSync(join(site, "a"), { recursive: true });
  writeFileSync(
    join(site, "index.html"),
    '<h1 id="top">x</h1> <a href="a/b.html#x"></a> <a href="#top"></a> <a href="none.html"></a> <a href="none.html#a=1"></a>',
  );
  writeFileSync(
    join(site, "a", "b.html"),
    '<a href="../index.html#end"></a> <a href="../index.html#a=1"></a> <a href="/index.html"></a>',
  );
  expect(deadLinks(site)).toEqual([
    "index.html: a/b.html#x: no such anchor",
    "index.html: none.html: no such file",
    "index.html: none.html#a=1: no such file",
    "a/b.html: ../index.html#end: no such anchor",
    "a/b.html: /index.html: not a relative link",
  ]);
});

test("sections cuts a page at its headings", () => {
  const html = '<h1 id="t">T</h1><p>a &lt; b</p><h2 id="u">U</h2><p>c</p>';
  const found = sections({ url: "p.html", title: "T", kind: "guide", entry: "", html });
  expect(found.map(({ url, heading, text }) => [url, heading, text])).toEqual([
    ["p.html", "", "T a < b"],
    ["p.html#u", "U", "c"],
  ]);
});
