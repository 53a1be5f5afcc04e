// Checks the files of the packed tarballs: what they hold, their manifests and types, links and paths.
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, normalize, resolve } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { describe, expect, test } from "vitest";
import { run } from "../../src/node/programs.ts";
import { packedPackages } from "./support/packed.ts";

const { tarballs, installed } = packedPackages();
const repository = resolve(import.meta.dirname, "../..");
const attw = join(
  dirname(createRequire(import.meta.url).resolve("@arethetypeswrong/cli/package.json")),
  "dist/index.js",
);
const packages = [
  ["espalier", tarballs.espalier],
  ["@espalier/node", tarballs.node],
  ["@espalier/cli", tarballs.cli],
] as const;

/** Return the files of an installed package, without its node_modules. */
async function filesOf(name: string): Promise<string[]> {
  const entries = await readdir(join(installed, "node_modules", name), { recursive: true, withFileTypes: true });
  const base = join(installed, "node_modules", name);
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(base.length + 1));
}

const read = (name: string, file: string) => readFile(join(installed, "node_modules", name, file), "utf8");

describe.each(packages)("%s", (name, tarball) => {
  test("publint finds nothing", async () => {
    const bytes = await readFile(tarball);
    const { messages, pkg } = await publint({
      strict: true,
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer },
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("attw finds every entry's types, as ESM", async () => {
    const manifest = JSON.parse(await read(name, "package.json"));
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.includes("*") && !entry.endsWith(".json"));
    if (entries.length === 0) return;
    const args = [attw, tarball, "--profile", "esm-only", "--no-color", "--entrypoints", ...entries];
    const { code, output } = await run(process.execPath, args, { seconds: 120 });
    expect(code, output).toBe(0);
  });

  test("has licence, README and where the sources are, no tests and no maps", async () => {
    const files = await filesOf(name);
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
    expect(files.filter((file) => /\.test\.|(^|\/)test\/|\.map$/.test(file))).toEqual([]);
    const manifest = JSON.parse(await read(name, "package.json"));
    expect(manifest).toMatchObject({ license: "Apache-2.0", type: "module" });
    for (const field of ["repository", "homepage", "bugs", "engines"]) expect(manifest, field).toHaveProperty(field);
  });

  test("names no folder of the machine that built it", async () => {
    const files = (await filesOf(name)).filter((file) => /\.(js|map|ts|json|md|yaml)$/.test(file));
    const texts = await Promise.all(files.map(async (file) => [file, await read(name, file)] as const));
    expect(texts.filter(([, text]) => text.includes(repository)).map(([file]) => file)).toEqual([]);
  });

  test("relative links of its README lead to files of the package", async () => {
    const files = new Set(await filesOf(name));
    const links = [
      ...(await read(name, "README.md")).matchAll(/\]\(([^)\s]+)\)|<(?:img|a) [^>]*(?:src|href)="([^"]+)"/g),
    ];
    const relative = links.map(([, a, b]) => (a ?? b)!).filter((link) => !/^([a-z]+:|#)/.test(link));
    expect(relative.filter((link) => !files.has(normalize(link.split("#")[0]!)))).toEqual([]);
  });
});
