// `npm run size`: prints the size of the engine and of the demo, minified and gzipped, beside their limits. Builds in
// memory, writes no file; exit code 1 if a limit is exceeded. `npm run size -- --modules` lists the largest modules.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type InlineConfig, type Rolldown } from "vite";
// @ts-expect-error plain JavaScript shared with the Node loader hook
import { wgslParts } from "./wgsl_text.mjs";
import { wgsl } from "./wgsl_vite.ts";

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const KB = 1000; // as Vite counts
const ENGINE_LIMIT = 60 * KB;
const DEMO_LIMIT = 200 * KB;
const LARGEST = 20;

type Output = Rolldown.RolldownOutput["output"][number];

interface Weighed {
  readonly what: string;
  readonly code: readonly string[];
  /** Bytes after gzip; null: no limit. */
  readonly limit: number | null;
}

const gzip = (text: string) => gzipSync(text, { level: 9 }).length;
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Pieces of shader text that a bundle may hold, longest first. */
const shaderTexts = ["shaders", "shaders/lib"]
  .flatMap((folder) => readdirSync(at(folder)).map((file) => at(join(folder, file))))
  .filter((path) => path.endsWith(".wgsl"))
  .flatMap((path) => (wgslParts(path) as (string | object)[]).filter((part) => typeof part === "string"))
  .filter((part) => part !== "")
  .sort((a, b) => b.length - a.length);

/** Remove the shaders from the code. A minifier may write a text with line breaks or with \n. */
function withoutShaders(code: string): string {
  return shaderTexts.reduce((rest, text) => {
    const escaped = JSON.stringify(text).slice(1, -1);
    return rest.replaceAll(text, "").replaceAll(escaped, "");
  }, code);
}

async function bundle(config: InlineConfig): Promise<Output[]> {
  const result = await build({ logLevel: "error", ...config, build: { ...config.build, write: false } });
  return [result].flat().flatMap((r) => ("output" in r ? r.output : []));
}

/** Bundle the exports of `source` into one file, like a page that imports all of them. */
async function bundleModule(source: string): Promise<Rolldown.OutputChunk> {
  const entry = at("tools/size_entry.ts"); // in memory only
  const memory = {
    name: "entry",
    enforce: "pre" as const,
    resolveId: (id: string) => (id === entry ? id : undefined),
    load: (id: string) => (id === entry ? source : undefined),
  };
  const rolldownOptions = { input: entry, preserveEntrySignatures: "strict" as const };
  const output = await bundle({
    configFile: false,
    root: at(""),
    plugins: [memory, wgsl],
    build: { target: "es2022", minify: true, rolldownOptions },
  });
  const chunks = output.filter((o) => o.type === "chunk");
  if (chunks.length !== 1) throw new Error(`size: a bundle of one module came out as ${chunks.length} files`);
  return chunks[0]!;
}

const everythingOf = (rooms: readonly string[]) => rooms.map((r) => `export * from "/src/${r}/index.ts";`).join("\n");

/** Return the script files of the demo's page: its chunks, their static and dynamic imports, and their workers. */
async function demoFiles(): Promise<Map<string, string> | string> {
  const missing = ["demo/index.html", "demo/worker/worker.ts"].find((file) => !existsSync(at(file)));
  if (missing) return `demo: skipped, there is no ${missing}`;
  const output = await bundle({ configFile: at("vite.config.ts") });
  const page = output.find((o) => o.type === "chunk" && o.facadeModuleId?.endsWith("demo/index.html"));
  if (!page) throw new Error("size: vite.config.ts builds no entry for demo/index.html");
  const scripts = new Map<string, string>();
  for (const o of output) {
    if (o.type === "chunk") scripts.set(o.fileName, o.code);
    else if (/\.m?js$/.test(o.fileName)) scripts.set(o.fileName, String(o.source));
  }
  const reached = new Map<string, string>();
  const visit = (file: string): void => {
    const code = scripts.get(file);
    if (code === undefined || reached.has(file)) return;
    reached.set(file, code);
    // The service worker lists all files of the site but does not run them.
    if (file === "sw.js") return;
    // The code refers to chunks and workers by their hashed file names.
    for (const other of scripts.keys()) if (code.includes(other.split("/").at(-1)!)) visit(other);
  };
  visit(page.fileName);
  // The engine is in the worker: without it the limit would check nothing.
  if (![...reached.keys()].some((file) => /\bworker\b/.test(file)))
    throw new Error("size: the demo's page names no worker");
  return reached;
}

function kilobytes(bytes: number): string {
  return `${(bytes / KB).toFixed(1)} kB`.padStart(9);
}

/** Print one line. Returns true if the size is within its limit. */
function report({ what, code, limit }: Weighed): boolean {
  const [raw, packed] = [sum(code.map((c) => Buffer.byteLength(c))), sum(code.map(gzip))];
  const bare = code.map(withoutShaders);
  const shaders = [raw - sum(bare.map((c) => Buffer.byteLength(c))), packed - sum(bare.map(gzip))] as const;
  const over = limit !== null && packed > limit;
  const verdict = limit === null ? "" : `limit ${kilobytes(limit).trim()}${over ? "  OVER" : ""}`;
  const share = shaders.map(kilobytes).join(" ");
  process.stdout.write(`${what.padEnd(44)}${kilobytes(raw)} ${kilobytes(packed)}   ${share}   ${verdict}\n`);
  return !over;
}

function listModules(chunk: Rolldown.OutputChunk): void {
  const modules = Object.entries(chunk.modules).map(([id, m]) => ({ id, text: m.code ?? "" }));
  modules.sort((a, b) => b.text.length - a.text.length);
  process.stdout.write(`\nLargest modules of the public index, before minification: bytes, alone after gzip\n`);
  for (const { id, text } of modules.slice(0, LARGEST)) {
    const name = id.replace(at(""), "");
    process.stdout.write(`${String(text.length).padStart(7)} ${String(gzip(text)).padStart(6)}  ${name}\n`);
  }
}

const compute = ["gpu", "tensor", "autograd", "ops"];
const rooms = [...compute, "nn", "optim", "prune", "models", "train"];
const engine = await bundleModule(`export * from "/tools/engine_entry.ts";`);
const index = await bundleModule(everythingOf(["."]));
const weighed: Weighed[] = [
  { what: "engine alone (tools/engine_entry.ts)", code: [engine.code], limit: ENGINE_LIMIT },
  {
    what: `all exports of ${compute.join(", ")}`,
    code: [(await bundleModule(everythingOf(compute))).code],
    limit: null,
  },
  {
    what: "all exports of these, nn, ..., models, train",
    code: [(await bundleModule(everythingOf(rooms))).code],
    limit: null,
  },
  { what: "all exports of the public index", code: [index.code], limit: null },
];
const demo = await demoFiles();
if (typeof demo !== "string") {
  const files = [...demo].map(([file, code]) => ({ what: `  ${file}`, code: [code], limit: null }));
  weighed.push({ what: "demo, the scripts of its page", code: [...demo.values()], limit: DEMO_LIMIT }, ...files);
}

process.stdout.write(`${"".padEnd(44)} minified      gzip   of it WGSL      gzip\n`);
const within = weighed.map(report);
if (typeof demo === "string") process.stdout.write(`${demo}\n`);
if (process.argv.includes("--modules")) listModules(index);
if (within.includes(false)) {
  process.stderr.write("espalier: a bundle is over its limit; `npm run size -- --modules` lists the largest modules\n");
  process.exitCode = 1;
}
