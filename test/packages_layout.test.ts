// The table of packages and the manifests: every file of src/ has its package, imports cross the borders in one direction, and
// what the packages share is equal.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../src/text/index.ts";
import { PUBLIC_ENTRIES } from "../tools/packages/entries.ts";
import { absoluteLinks, browserModule } from "../tools/packages/extras.ts";
import { crossing, layoutOf, PACKAGES, packageOf } from "../tools/packages/layout.ts";
import { sharedManifest } from "../tools/packages/manifests.ts";
import { entries, manifestOf } from "../tools/packages/scripts.ts";
import { addMissingTypes, markOptional, rewriteSpecifiers } from "../tools/packages/types.ts";
import { gpuTypesIn } from "../tools/packages/webgpu_types.ts";

const root = resolve(import.meta.dirname, "..");
const src = join(root, "src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

test("every file of src/ belongs to one package, or to the checkout alone", () => {
  const alone = files.filter((file) => packageOf(file) === null).sort();
  expect(alone).toEqual(["cli/start.ts", "wgsl.d.ts"]);
  expect(() => packageOf("elsewhere/a.ts")).toThrow(
    "src/elsewhere/a.ts: expected one package in tools/packages/layout.ts, got none",
  );
});

test("every room of the table exists", () => {
  const missing = PACKAGES.flatMap(({ rooms }) => rooms).filter(
    (room) => !files.some((file) => file === room || file.startsWith(`${room}/`)),
  );
  expect(missing).toEqual([]);
});

test("the list of public entries is that of the manifests", () => {
  const published = ["espalier", "@espalier/node"].flatMap((name) =>
    [...entries(name)].map(([file, entry]) => [`${name}${entry.slice(1)}`, `src/${file}`] as const),
  );
  const open = published.filter(([name]) => !name.endsWith("/internal"));
  expect(Object.fromEntries(open)).toEqual(PUBLIC_ENTRIES);
});

test("imports between packages go one way", () => {
  for (const file of files) {
    const text = readFileSync(join(src, file), "utf8");
    for (const [, specifier] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+\.ts)"/g)) {
      const target = relative(src, resolve(src, dirname(file), specifier!));
      expect(() => crossing(file, target, entries), file).not.toThrow();
    }
  }
});

test("names the border that an import crosses in the wrong direction", () => {
  expect(() => crossing("ops/relu.ts", "node/dawn.ts", entries)).toThrow(
    "src/ops/relu.ts: espalier imports no other package, got src/node/dawn.ts of @espalier/node",
  );
  expect(() => crossing("node/dawn.ts", "cli/main.ts", entries)).toThrow(
    "src/node/dawn.ts: @espalier/node imports espalier, got src/cli/main.ts of @espalier/cli",
  );
  expect(() => crossing("cli/main.ts", "cli/start.ts", entries)).toThrow(
    "src/cli/main.ts: expected an import of a published file, got src/cli/start.ts",
  );
});

test("an import of another package names its entry, else its internal module", () => {
  expect(crossing("cli/train.ts", "internal.ts", entries)).toBe("espalier/internal");
  expect(crossing("cli/train.ts", "export/index.ts", entries)).toBe("espalier/export");
  expect(crossing("cli/train.ts", "node.ts", entries)).toBe("@espalier/node");
  expect(crossing("node/dawn.ts", "gpu/index.ts", entries)).toBe("espalier/internal/gpu/index.js");
  expect(crossing("ops/relu.ts", "gpu/index.ts", entries)).toBeNull();
  expect(rewriteSpecifiers('import type { A } from "../gpu/a.ts"; type B = import("./b.ts").B;', "node/dawn.ts")).toBe(
    'import type { A } from "espalier/internal/gpu/a.js"; type B = import("./b.js").B;',
  );
});

test("declarations bring the types that TypeScript may lack", () => {
  expect(gpuTypesIn("a: GPUDevice; /** GPUAdapter */ b: GPUBuffer; // GPUTexture")).toEqual(["GPUBuffer", "GPUDevice"]);
  expect(addMissingTypes("a: GPUDevice & Disposable", "gpu/device.d.ts", layoutOf("espalier"))).toBe(
    '/// <reference lib="esnext.disposable" />\nimport type { GPUDevice } from "../webgpu.js";\na: GPUDevice & Disposable',
  );
  expect(addMissingTypes("a: GPUDevice", "node/dawn.d.ts", layoutOf("@espalier/node"))).toContain(
    'from "espalier/internal/webgpu.js"',
  );
});

test("declarations import declared packages only, and none that is optional without a mark", () => {
  const manifest = { dependencies: { a: "1" }, peerDependencies: { "@b/c": "1" } };
  // The mark is what users' compilers read in the published declarations: their package may be absent. Nothing here is silenced.
  expect(markOptional('import type { A } from "a/sub";\ntype B = import("@b/c").B;', "x.ts", manifest)).toBe(
    'import type { A } from "a/sub";\n// @ts-ignore: the package is optional\ntype B = import("@b/c").B;',
  );
  expect(() => markOptional('export type { D } from "d";', "x.ts", manifest)).toThrow(
    "src/x.ts: its declarations import d: expected a dependency of its package, got none",
  );
});

test("every entry of a manifest is made from a file, with types first and the default last", () => {
  for (const { name, typed } of PACKAGES) {
    for (const file of entries(name).keys()) expect(files, name).toContain(file);
    for (const target of Object.values(manifestOf(name).exports)) {
      if (typeof target === "string") continue;
      expect(Object.keys(target)[0], name).toBe("types");
      expect(Object.keys(target).at(-1), name).toBe("default");
      expect(typed).toBe(true);
    }
  }
});

test("manifests share the fields of the root and the version", () => {
  for (const layout of PACKAGES) {
    const own = manifestOf<Record<string, unknown>>(layout.name);
    expect(own).toEqual(sharedManifest(layout));
    expect(own["version"]).toBe(VERSION);
    for (const field of ["author", "homepage", "bugs", "repository", "engines", "license", "keywords", "description"])
      expect(own[field], `${layout.name}: ${field}`).toBeTruthy();
    const dependencies = (own["dependencies"] ?? {}) as Record<string, string>;
    for (const other of layout.imports) expect(dependencies[other], layout.name).toBe(VERSION);
  }
  expect(manifestOf<object>("espalier")).not.toHaveProperty("dependencies");
});

test("links in the pages of a package lead into its tarball, or are absolute", () => {
  // Files that the build copies.
  const copied = ["LICENSE", "fonts/LICENSE", "recipes/README.md"];
  for (const { folder } of PACKAGES) {
    const published = [...readdirSync(join(root, folder)), ...copied];
    for (const page of ["README.md", "CHANGELOG.md"]) {
      const text = readFileSync(join(root, folder, page), "utf8");
      const links = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1]!);
      expect(
        links.filter((link) => !/^https:/.test(link) && !published.includes(link)),
        `${folder}/${page}`,
      ).toEqual([]);
    }
  }
  expect(absoluteLinks("[a](../docs/a.md) [b](b.yaml)", "recipes/README.md", "recipes")).toMatch(
    /^\[a\]\(https:\/\/\S+\/docs\/a\.md\) \[b\]\(b\.yaml\)$/,
  );
});

test("the module for pages throws when something is called, and not before", async () => {
  const code = browserModule(["installGpu", "FileError"]);
  const module = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const sentence =
    "installGpu: @espalier/node runs in Node, Deno and Bun; in a page use the package espalier alone: browsers have WebGPU";
  expect(() => module.installGpu()).toThrow(sentence);
  expect(() => new module.FileError("a")).toThrow("FileError: @espalier/node runs in Node");
});
