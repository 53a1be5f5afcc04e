// Checks the documentation: links, anchors, file paths, environment variables, and the program of the README.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const under = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"))
    .map((name) => join(folder, name));
const topPages = readdirSync(root).filter((name) => name.endsWith(".md"));
const pages = [...topPages, ...["docs", "recipes", "bench", "test"].flatMap((folder) => under(folder, ".md"))];

const withoutCode = (text: string): string => text.replaceAll(/^(?:```|~~~)[\s\S]*?^(?:```|~~~)/gm, "");

/** Return the anchors that GitHub gives a page's headings. */
function anchors(page: string): string[] {
  const seen = new Map<string, number>();
  return [...withoutCode(read(page)).matchAll(/^#+ +(.*)$/gm)].map(([, heading]) => {
    const text = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

/** Return what is wrong with a page's link, or null. */
function broken(page: string, link: string): string | null {
  if (/^[a-z]+:/.test(link)) return null;
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : relative(root, resolve(root, dirname(page), path));
  if (target.startsWith("..") || !existsSync(join(root, target))) return `${page}: ${link}: no such file`;
  if (anchor !== undefined && !anchors(target).includes(anchor)) return `${page}: ${link}: no such heading`;
  return null;
}

test("links, images and anchors of all pages resolve", () => {
  const problems = pages.flatMap((page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    return links.map((link) => broken(page, link)).filter((problem) => problem !== null);
  });
  expect(problems).toEqual([]);
});

test("paths of files in the text of pages exist", () => {
  const path = /`((?:src|shaders|test|tools|demo|bench|examples|recipes|docs)\/[\w./-]*)`/g;
  const missing = pages.flatMap((page) => {
    const paths = [...withoutCode(read(page)).matchAll(path)].map(([, file]) => file!);
    return paths.filter((file) => !existsSync(join(root, file))).map((file) => `${page}: ${file}`);
  });
  expect(missing).toEqual([]);
});

test("the index lists every page of docs", () => {
  const index = read("docs/README.md");
  const missing = under("docs", ".md").filter((page) => !index.includes(`(${relative("docs", page)})`));
  expect(missing).toEqual(["docs/README.md"]);
});

test("docs/environment.md lists every ESPALIER_ variable that the sources name", () => {
  const sources = ["src", "demo", "tools", "bench"].flatMap((folder) => [
    ...under(folder, ".ts"),
    ...under(folder, ".mjs"),
  ]);
  const named = new Set(sources.flatMap((file) => read(file).match(/ESPALIER_[A-Z_]+/g) ?? []));
  const listed = new Set(read("docs/environment.md").match(/ESPALIER_[A-Z_]+/g));
  expect([...named].filter((name) => !listed.has(name))).toEqual([]);
  expect([...listed].filter((name) => !named.has(name))).toEqual([]);
});

test("the program of the README is examples/quickstart.ts", () => {
  const [program] = /(?<=^```ts\n)[\s\S]*?(?=^```)/m.exec(read("README.md")) ?? [];
  const [, ...lines] = read("examples/quickstart.ts").split("\n");
  expect(program).toBe(lines.join("\n").trimStart());
});

test("the messages in docs/troubleshooting.md are those of the sources", () => {
  const sources = under("src", ".ts").map((file) => read(file).replaceAll('\\"', '"'));
  const others = ["Error while parsing WGSL", "Cannot find global type", "Warning: maxDynamicUniformBuffers"];
  const headings = [...read("docs/troubleshooting.md").matchAll(/^### `(.*)`$/gm)].map((m) => m[1]!);
  expect(headings.length).toBeGreaterThan(20);
  const own = headings.filter((heading) => !others.some((other) => heading.includes(other)));
  // Sources join a message from pieces: the name of the thing, what is wrong, and what to do.
  const pieces = own.flatMap((heading) => heading.split(/…|: |; |, got /)).map((piece) => piece.trim());
  const long = pieces.filter((piece) => piece.length > 10);
  expect(long.filter((piece) => !sources.some((text) => text.includes(piece)))).toEqual([]);
});
