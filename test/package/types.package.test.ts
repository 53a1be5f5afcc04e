// Compiles the TypeScript blocks of README and guides against the installed packages, as users would.
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/node/programs.ts";
import { cachedFile } from "./support/cached_package.ts";
import { packedPackages } from "./support/packed.ts";
import { readmeProgram, snippets, snippetsOf } from "./support/snippets.ts";

const { installed } = packedPackages();
const require = createRequire(import.meta.url);
const packageFolder = (name: string) => dirname(require.resolve(`${name}/package.json`));

/** File name of a block: its page and line. */
const fileName = (where: string) => `${where.replaceAll(/[^\w]+/g, "_")}.ts`;

const strict = {
  target: "ES2022",
  lib: ["ES2022", "DOM"],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  types: ["node"],
};
const resolutions = {
  bundler: { module: "ESNext", moduleResolution: "bundler" },
  nodenext: { module: "NodeNext", moduleResolution: "NodeNext" },
};
/** TypeScript 5 gives an error for libraries that rely on the WebGPU types of later versions. */
const typescript5 = {
  spec: "typescript@5.9.3",
  sha512: "jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
};

const compilers = {
  "TypeScript 5.9": () => cachedFile(typescript5, ["bin", "lib", "package.json"], "lib/tsc.js"),
  "TypeScript 7": async () => join(packageFolder("typescript"), "bin/tsc"),
};
type Compiler = keyof typeof compilers;
const compilerNames = Object.keys(compilers) as Compiler[];

/** Settings of Vite's template vanilla-ts. */
const viteTemplate = {
  target: "ES2023",
  module: "ESNext",
  lib: ["ES2023", "DOM"],
  types: ["vite/client"],
  skipLibCheck: true,
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: "force",
  noEmit: true,
  strict: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
};

/** Write a project below the installed packages. Its own node_modules has the types of Node and Vite. */
async function writeProject(name: string, files: Record<string, string>, compilerOptions: object): Promise<string> {
  const folder = join(installed, name);
  await mkdir(join(folder, "node_modules/@types"), { recursive: true });
  await symlink(packageFolder("@types/node"), join(folder, "node_modules/@types/node"));
  await symlink(packageFolder("vite"), join(folder, "node_modules/vite"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  // A module, whatever the block contains.
  for (const [file, code] of Object.entries(files)) await writeFile(join(folder, file), `${code}\nexport {};\n`);
  return folder;
}

/** Compile a project. Returns the compiler's messages. */
async function compile(compiler: Compiler, folder: string): Promise<string> {
  const args = [await compilers[compiler](), "-p", folder];
  const { code, output } = await run(process.execPath, args, { cwd: folder, seconds: 120 });
  return code === 0 ? "" : output || `exit code ${code}`;
}

const all = snippets();
const plain = Object.fromEntries(all.filter(({ using }) => !using).map(({ where, code }) => [fileName(where), code]));
const disposing = Object.fromEntries(
  all.filter(({ using }) => using).map(({ where, code }) => [fileName(where), code]),
);

test("a fragment is completed by its preamble, and a continued block by the previous one", () => {
  const page = [
    "<!-- run: page -->\n<!-- preamble\ndeclare const a: number;\n-->\n\n```ts\nconst b = a;\n```\n",
    "<!-- preamble: continued -->\n```ts\nconst c = b;\n```\n",
    "```ts using\nawait installGpu();\nusing d = open();\n```\n",
    "```ts file=src/e.ts\ne;\n```\n```js\nf;\n```\n",
  ].join("\n");
  expect(snippetsOf("page.md", page)).toEqual([
    { where: "page.md:6", code: "declare const a: number;\nconst b = a;\n", using: false, run: "page" },
    { where: "page.md:11", code: "declare const a: number;\nconst b = a;\n\nconst c = b;\n", using: false, run: null },
    { where: "page.md:15", code: "\nawait installGpu();\nusing d = open();\n", using: true, run: "host" },
  ]);
});

describe.each(Object.entries(resolutions))("module resolution %s", (resolution, options) => {
  const folders: string[] = [];
  beforeAll(async () => {
    const { lib } = strict;
    folders.push(await writeProject(`types-${resolution}`, plain, { ...strict, ...options }));
    if (Object.keys(disposing).length === 0) return;
    const disposable = { ...strict, ...options, lib: [...lib, "ESNext.Disposable"] };
    folders.push(await writeProject(`types-using-${resolution}`, disposing, disposable));
  });

  test.each(compilerNames)("the blocks of README and guides compile with %s", async (compiler) => {
    for (const folder of folders) expect(await compile(compiler, folder)).toBe("");
  });
});

test("every entry of espalier compiles in a page without the types of Node", async () => {
  const { exports } = JSON.parse(await readFile(join(installed, "node_modules/espalier/package.json"), "utf8"));
  const entries = Object.keys(exports).filter((entry) => !/[*]|json$/.test(entry));
  expect(entries).toContain("./prune");
  const lines = entries.map((entry, i) => `export * as entry${i} from "${entry.replace(".", "espalier")}";`);
  const files = { "page.ts": lines.join("\n") };
  const folder = await writeProject("types-page", files, { ...strict, ...resolutions.bundler, types: [] });
  for (const compiler of compilerNames) expect(await compile(compiler, folder)).toBe("");
});

test("the examples compile with the packages", async () => {
  const lib = ["ES2023", "ESNext.Disposable", "DOM"];
  const options = { ...strict, ...resolutions.bundler, lib, allowImportingTsExtensions: true };
  const folder = await writeProject("types-examples", {}, options);
  await cp(resolve(import.meta.dirname, "../../examples"), folder, { recursive: true });
  expect(await compile("TypeScript 7", folder)).toBe("");
});

test("the program of the README compiles with the settings of Vite's template", async () => {
  const folder = await writeProject("types-vite", { "main.ts": readmeProgram() }, viteTemplate);
  expect(await compile("TypeScript 7", folder)).toBe("");
});
