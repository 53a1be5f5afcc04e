// `npm run size`: packs `espalier`, unpacks it outside the repository, and weighs what pages import from it: minified and gzipped
// bytes, beside their limits (tools/size/size-limit.json). What a page loads later, and only if it uses it, is not counted
// ("ignore"): the watchdog, trials of the tuner, the search for NaN, kernels of software adapters. Weighs the demo too if
// `npm run build:demo` has built it. Exit code 1 if a limit is exceeded.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "espalier-size-"));

/** Run a program. Throws if it fails. */
function run(program: string, args: readonly string[], cwd: string): void {
  const { status, error } = spawnSync(program, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")}: exit code ${status}${error ? `: ${error.message}` : ""}`);
}

/** Unpack the tarball of `espalier` as if it were installed in `folder`. */
function install(): void {
  run("npm", ["pack", "--workspace", "espalier", "--pack-destination", folder], root);
  const target = join(folder, "node_modules/espalier");
  mkdirSync(target, { recursive: true });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  run("tar", ["xzf", join(folder, tarball), "-C", target, "--strip-components", "1"], root);
}

/** Weigh what the rows of a configuration name, in `at`. Sets the exit code. */
function weigh(at: string, rows: string, plugins: readonly string[]): void {
  writeFileSync(join(at, ".size-limit.json"), rows);
  // size-limit reads the names of its parts here, and loads them beside itself.
  const devDependencies = Object.fromEntries(plugins.map((name) => [`@size-limit/${name}`, "*"]));
  writeFileSync(join(at, "package.json"), JSON.stringify({ private: true, type: "module", devDependencies }));
  const bin = join(dirname(createRequire(import.meta.url).resolve("size-limit/package.json")), "bin.js");
  const { status } = spawnSync(process.execPath, [bin, ...process.argv.slice(2)], { cwd: at, stdio: "inherit" });
  if (status !== 0) process.exitCode = status ?? 1;
}

/** Scripts of a page: those that it loads when it opens, and those that it loads later, only if they are used. */
interface PageScripts {
  readonly first: readonly string[];
  readonly later: readonly string[];
}

/** List the scripts of a page of a built site. The code refers to chunks and workers by their file names; `import("...")` loads later. */
function scriptsOf(site: string, page: string): PageScripts {
  const scripts = ["sw.js", ...readdirSync(join(site, "assets")).map((name) => `assets/${name}`)].filter((name) =>
    name.endsWith(".js"),
  );
  const first = new Set<string>();
  const all = new Set<string>();
  const visit = (file: string, reached: Set<string>, later: boolean): void => {
    const text = readFileSync(join(site, file), "utf8");
    const lines = later ? text : withoutImports(text);
    for (const script of scripts) {
      if (reached.has(script) || !lines.includes(script.split("/").at(-1)!)) continue;
      reached.add(script);
      // The service worker lists all files of the site but does not run them.
      if (script !== "sw.js") visit(script, reached, later);
    }
  };
  visit(page, first, false);
  visit(page, all, true);
  // The engine is in the worker: without it the limit would check nothing.
  if (![...first].some((file) => /\bworker\b/.test(file))) throw new Error("size: the demo's page names no worker");
  return { first: [...first], later: [...all].filter((file) => !first.has(file)) };
}

/** Remove what names the chunks of dynamic imports: the calls, and the list of chunks that Vite loads before them. */
const withoutImports = (text: string): string =>
  text.replace(/\bimport\(\s*[`"'][^`"']*[`"']\s*\)/g, "").replace(/__vite__mapDeps\.?f?[^;]*;/g, "");

/** Weigh the scripts of the demo's page, which are bundled already. */
function weighDemo(): void {
  const built = join(root, "dist-demo");
  if (!existsSync(built)) {
    process.stderr.write("demo: not weighed, npm run build:demo has not built it\n");
    return;
  }
  const at = join(folder, "demo");
  cpSync(built, at, { recursive: true });
  const { first, later } = scriptsOf(at, "index.html");
  // The page always loads the texts of one language.
  const isTexts = (file: string) => /\bzh-[^/]*$/.test(file);
  if (!later.some(isTexts)) throw new Error("size: the demo's page has no Chinese texts");
  const opening = [...first, ...later.filter(isTexts)];
  const rows = [
    {
      name: "demo, the scripts that its page loads when it opens, in Chinese",
      path: opening,
      gzip: true,
      limit: "220 kB",
    },
    {
      name: "demo, the scripts that it loads when they are used",
      path: later.filter((file) => !isTexts(file)),
      gzip: true,
    },
  ];
  weigh(at, JSON.stringify(rows), ["file"]);
}

try {
  install();
  cpSync(join(root, "tools/size"), folder, { recursive: true });
  weigh(folder, readFileSync(join(folder, "size-limit.json"), "utf8"), ["esbuild", "file"]);
  weighDemo();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
