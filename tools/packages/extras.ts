// Files of a package that are not modules: licences, recipes, a font, and the module that a page gets in place of a package
// for Node.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import type { PackageLayout } from "./layout.ts";
import { ROOT } from "./scripts.ts";

/** Folder of a package that is installed here. */
function installed(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const found = folders.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
  if (found) return found;
  throw new Error(`${name}: expected an installed package, got none: run npm ci`);
}

/** Copy a file or a folder in place of the one that was there. */
function replace(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true });
}

/** Turn the links of the page `file` that leave `folder` into addresses of the repository. Paths are from the root. */
export function absoluteLinks(text: string, file: string, folder: string): string {
  const { homepage } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly homepage: string };
  return text.replace(/\]\((\.[^)\s]*)\)/g, (link, path: string) => {
    const target = posix.join(posix.dirname(file), path);
    return target.startsWith(`${folder}/`) ? link : `](${homepage.replace("#readme", "/blob/main/")}${target})`;
  });
}

/** Copy the recipes and the font of the figures, and make the command executable. */
function copyForCommand(folder: string): void {
  const recipes = join(folder, "recipes");
  replace(join(ROOT, "recipes"), recipes);
  for (const name of readdirSync(recipes, { recursive: true, encoding: "utf8" }).filter((n) => n.endsWith(".md"))) {
    const text = readFileSync(join(recipes, name), "utf8");
    writeFileSync(join(recipes, name), absoluteLinks(text, posix.join("recipes", name), "recipes"));
  }
  const font = installed("dejavu-fonts-ttf");
  replace(join(font, "ttf/DejaVuSans.ttf"), join(folder, "fonts/DejaVuSans.ttf"));
  replace(join(font, "LICENSE"), join(folder, "fonts/LICENSE"));
  chmodSync(join(folder, "dist/cli/main.js"), 0o755);
}

/**
 * Return a module with the given exports. Each throws a helpful error when it is called: a page that never calls them, such
 * as one that shares code with a server, works.
 */
export function browserModule(names: readonly string[]): string {
  const exported = names.map((name) => `export const ${name} = /* @__PURE__ */ absent("${name}");\n`);
  return `// For pages, in place of the package for Node (condition "browser" in package.json).
function absent(name) {
  const fail = () => {
    throw new Error(
      \`\${name}: @espalier/node runs in Node, Deno and Bun; in a page use the package espalier alone: browsers have WebGPU\`,
    );
  };
  return new Proxy(function () {}, { apply: fail, construct: fail });
}

${exported.join("")}`;
}

/** Add the files that are not built from src/. `exported`: names by file in `dist`. */
export function addExtras(layout: PackageLayout, exported: ReadonlyMap<string, readonly string[]>): void {
  const folder = join(ROOT, layout.folder);
  replace(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  if (layout.name === "@espalier/cli") copyForCommand(folder);
  if (layout.name !== "@espalier/node") return;
  for (const entry of ["node.js", "entries/images.js"]) {
    const path = join(folder, "dist/browser", entry);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, browserModule(exported.get(entry)!));
  }
}
