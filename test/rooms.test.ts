// The floor plan, checked by reading every import: a folder may import the folders below it and nothing above.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** The engine, which runs in browsers and in Node, and what each folder of it imports. */
const engine: Record<string, readonly string[]> = {
  gpu: [],
  tensor: ["gpu"],
  autograd: ["tensor", "gpu"],
  ops: ["autograd", "tensor", "gpu"],
  nn: ["ops", "autograd", "tensor", "gpu"],
  io: ["tensor"],
  data: ["tensor", "io"],
  optim: ["nn", "ops", "tensor", "gpu"],
  prune: ["optim", "nn", "ops", "tensor", "gpu"],
  models: ["nn", "ops", "tensor", "gpu"],
  train: ["models", "optim", "prune", "nn", "data", "io", "ops", "autograd", "tensor", "gpu"],
  // Writes formats of other programs (ONNX, TensorBoard, model cards). No engine folder imports it.
  export: ["train", "models", "nn", "ops", "autograd", "io", "tensor", "gpu"],
};
/** Folders that only Node runs. They may import any package. */
const hosts: Record<string, readonly string[]> = {
  node: ["train", "data", "io", "tensor", "gpu"],
  images: ["node", "train", "data", "io", "tensor", "gpu"],
  // Numbers in files as data sets.
  tables: ["images", "node", "data", "io", "tensor"],
  setup: ["node"],
  terminal: ["node"],
  report: ["terminal", "node_internal.ts", "images", "node", "internal.ts"],
  recipe: ["report", "tables", "terminal", "node_internal.ts", "setup", "images", "node", "internal.ts"],
  run: ["recipe", "report", "tables", "terminal", "node_internal.ts", "images", "node", "export", "internal.ts"],
  cli: [
    "run",
    "recipe",
    "report",
    "tables",
    "terminal",
    "node_internal.ts",
    "setup",
    "images",
    "node",
    "export",
    "internal.ts",
  ],
};
const rooms: Record<string, readonly string[]> = {
  text: [],
  ...engine,
  ...hosts,
  // All names of the engine, for hosts.
  "internal.ts": Object.keys(engine).filter((room) => room !== "export"),
  // The public entries.
  "index.ts": [...Object.keys(engine).filter((room) => room !== "export"), "internal.ts"],
  "node.ts": ["node"],
  // All names of the Node host.
  "node_internal.ts": ["node", "setup"],
  entries: [...Object.keys(engine), "images"],
};
/** Packages that engine folders may import. Protobuf is the reason why `export` is a separate entry. */
const packages: Record<string, readonly string[]> = { export: ["@bufbuild/protobuf", "onnx-buf"] };
/** Folders that dispatch kernels, and the entries: one publishes the shader library. */
const shaderRooms = new Set(["entries", "autograd", "ops", "optim", "prune", "train"]);

/** Host folders that tests of a folder use, though the folder itself does not: set-up climbs node's ladder of adapters. */
const alsoTested: Record<string, readonly string[]> = { node: ["setup"], terminal: ["node_internal.ts", "images"] };

const inFolder = (folder: string, names: Iterable<string>) => [...names].map((name) => `${folder}/${name}`);
const anyEngine = inFolder("src", ["text", "index.ts", "internal.ts", "entries", ...Object.keys(engine)]);
const anyHost = inFolder("src", ["node.ts", "node_internal.ts", ...Object.keys(hosts)]);
const helpers = ["test/support", "test/reference"];

/** Host folders below a host folder, itself included. */
function hostsBelow(room: string, found = new Set<string>()): Set<string> {
  if (found.has(room) || (room !== "node_internal.ts" && !Object.hasOwn(hosts, room))) return found;
  found.add(room);
  for (const next of [...rooms[room]!, ...(alsoTested[room] ?? [])]) hostsBelow(next, found);
  return found;
}

/** Imports that files beside src/ may have, apart from their own folder. The first folder that holds a file counts. */
const beside: [folder: string, imports: readonly string[]][] = [
  // Records a run of the demo.
  ["tools/demo", ["demo", "tools", "src/node"]],
  ["tools", [...anyEngine, ...anyHost.filter((folder) => folder !== "src/cli"), ...helpers]],
  ["bench", [...anyEngine, "src/node_internal.ts", "src/node", "src/images", ...helpers]],
  [
    "demo",
    [
      "src/internal.ts",
      "src/export",
      "src/gpu",
      "src/recipe/training_settings.ts",
      "src/recipe/presets.ts",
      "src/text/format.ts",
      "bench/cases",
      "bench/lib",
    ],
  ],
  ["examples", ["src/index.ts", "src/node.ts", "src/entries", "src/export"]],
  // A test may build its network with any part of the engine, and compare with the golden fixtures.
  ...Object.keys(engine).map((room): [string, readonly string[]] => [
    `test/${room}`,
    [...anyEngine, ...inFolder("test", Object.keys(engine)), ...helpers, "tools/golden", "shaders"],
  ]),
  ...Object.keys(hosts).map((room): [string, readonly string[]] => {
    const below = hostsBelow(room);
    const folders = [...inFolder("src", below), ...inFolder("test", [...Object.keys(engine), ...below])];
    return [`test/${room}`, [...anyEngine, ...folders, ...helpers, "tools/golden"]];
  }),
  ["test/bench", ["bench", ...anyEngine, "src/node_internal.ts", ...helpers]],
  ["test/demo", ["demo", ...anyEngine, "tools", "test/export", ...helpers]],
  ["test/reproduce", ["tools/reproduce", "src/recipe", "src/terminal"]],
  ["test/package", ["src/node", "src/setup", "tools"]],
  ["test/tools", ["tools", "src/gpu"]],
  ["test/reference", anyEngine],
  ["test/support", [...anyEngine, ...anyHost, ...helpers, "tools/packages"]],
  ["test", [...anyEngine, "src/node.ts", "src/node_internal.ts", "src/images", "tools", ...helpers]],
];

const folders = ["src", "shaders", "demo", "bench", "tools", "examples", "test"];
const allFiles = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => !/node_modules|\.astro/.test(name))
    .map((name) => join(folder, name)),
);
const files = (folder: string, ending: string) =>
  allFiles.filter((file) => file.startsWith(`${folder}/`) && file.endsWith(ending));
const textOf = (file: string) => readFileSync(join(root, file), "utf8");

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;"]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g;

/** Imports of every script, types included: package names, and paths from the root. */
const imports = new Map(
  folders
    .flatMap((folder) => [...files(folder, ".ts"), ...files(folder, ".mjs")])
    .map((file) => {
      const targets = [...textOf(file).matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3])!);
      return [
        file,
        targets.map((target) =>
          target.startsWith(".") ? relative(root, resolve(root, dirname(file), target.replace(/\?\w+$/, ""))) : target,
        ),
      ] as const;
    }),
);
const isPackage = (target: string) => !folders.some((folder) => target.startsWith(`${folder}/`));
const isIn = (target: string, folder: string) => target === folder || target.startsWith(`${folder}/`);

/** Tell whether a file of src/ may import a path or package. */
function allowedInSrc(room: string, target: string): boolean {
  if (isPackage(target))
    return Object.hasOwn(hosts, room) || (packages[room]?.some((name) => isIn(target, name)) ?? false);
  if (isIn(target, "shaders")) return shaderRooms.has(room);
  return [room, "text", ...rooms[room]!].some((name) => isIn(target, `src/${name}`));
}

function allowed(file: string, target: string): boolean {
  const room = file.split("/")[1]!;
  if (isIn(file, "src")) return !Object.hasOwn(rooms, room) || allowedInSrc(room, target);
  if (isPackage(target)) return true;
  const [folder, targets] = beside.find(([name]) => isIn(file, name))!;
  return [folder, ...targets].some((name) => isIn(target, name));
}

test("imports point downwards", () => {
  const breaches = [...imports].flatMap(([file, targets]) =>
    targets.filter((target) => !allowed(file, target)).map((target) => `${file} imports ${target}`),
  );
  expect(breaches).toEqual([]);
});

/** Groups of files that import each other, by the algorithm of Tarjan. */
function circles(): string[][] {
  const number = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    number.set(file, number.size);
    lowest.set(file, number.get(file)!);
    open.push(file);
    for (const target of imports.get(file)!) {
      if (!imports.has(target)) continue;
      if (!number.has(target)) visit(target);
      if (open.includes(target)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(target)!));
    }
    if (lowest.get(file) !== number.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of imports.keys()) if (!number.has(file)) visit(file);
  return found;
}

test("files do not import each other in a circle, not even types", () => {
  expect(circles()).toEqual([]);
});

test("every op has a test and an export line", () => {
  const exported = textOf("src/ops/index.ts");
  const tests = files("test/ops", ".ts").map((file) => file.split("/").at(-1)!);
  const ops = readdirSync(join(root, "src/ops")).filter((file) => file.endsWith(".ts") && file !== "index.ts");
  expect(ops.filter((op) => !tests.some((name) => name.startsWith(op.replace(".ts", ""))))).toEqual([]);
  expect(ops.filter((op) => !exported.includes(`"./${op}"`))).toEqual([]);
});

test("every shader has an importer", () => {
  const texts = [...imports.keys(), ...files("shaders", ".wgsl")].map(textOf);
  const unused = files("shaders", ".wgsl").filter((shader) => {
    const tail = shader.replace("shaders/", "");
    return !texts.some((text) => text.includes(`/${tail}"`) || text.includes(`"${tail}"`));
  });
  expect(unused).toEqual([]);
});

test("files stay under 400 lines", () => {
  const site = readdirSync(join(root, "docs/site"), { recursive: true, encoding: "utf8" });
  const long = folders
    .filter((folder) => folder !== "test")
    .flatMap((folder) => [".ts", ".mjs", ".wgsl", ".css", ".html"].flatMap((ending) => files(folder, ending)))
    .concat(site.filter((name) => /\.\w+$/.test(name)).map((name) => join("docs/site", name)))
    .filter((file) => textOf(file).split("\n").length > 401);
  expect(long).toEqual([]);
});

test("no function is exempt from the limits on length and complexity", () => {
  const exemption = /biome-ignore(-all)? lint\/complexity\/noExcessive/;
  expect([...imports.keys()].filter((file) => exemption.test(textOf(file)))).toEqual([]);
  const { linter, overrides } = JSON.parse(textOf("biome.json"));
  const limits = [linter, ...overrides.map((override: { linter: object }) => override.linter)].map(({ rules }) => [
    rules.complexity?.noExcessiveLinesPerFunction.options.maxLines,
    rules.complexity?.noExcessiveCognitiveComplexity.options.maxAllowedComplexity,
  ]);
  // Sources, a rule of another kind, tests.
  expect(limits).toEqual([
    [60, 20],
    [undefined, undefined],
    [120, 30],
  ]);
});
