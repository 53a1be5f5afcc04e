// The floor plan, held by reading every import: a room knows the rooms below it and nothing above.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const below: Record<string, readonly string[]> = {
  // Quotes, nearest words, unknown options: what messages are made of.
  text: [],
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
  // What others read (ONNX, TensorBoard, model cards): knows the models so as to trace them. Nothing knows it.
  export: ["train", "models", "nn", "ops", "autograd", "io", "tensor", "gpu"],
  // Images on disk: shards are a format of io, and what happens to an image is drawn from the tensor room's Philox.
  images: ["node", "train", "data", "io", "tensor", "gpu"],
  node: ["train", "data", "io", "tensor", "gpu"],
  setup: ["node"],
  terminal: ["node"],
  report: ["terminal", "node.ts", "images", "node", "index.ts"],
  recipe: ["report", "terminal", "node.ts", "images", "node", "index.ts"],
  run: ["recipe", "report", "terminal", "node.ts", "node", "export", "index.ts"],
  cli: ["run", "recipe", "report", "terminal", "node.ts", "setup", "images", "node", "export", "index.ts"],
};
/** Rooms that only Node runs: they may import any package. */
const hosts = new Set(["images", "node", "setup", "terminal", "report", "recipe", "run", "cli"]);
/** Packages that a room may import, beside those that hosts do. Protobuf is why the export room is an entry of its own. */
const packages: Record<string, readonly string[]> = { export: ["@bufbuild/protobuf", "onnx-buf"] };
// Rooms that dispatch kernels of their own.
const shaderRooms = new Set(["autograd", "ops", "optim", "prune", "train"]);

function files(folder: string, ending: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"))
    .map((name) => join(folder, name));
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)[^;]*?from\s+"([^"]+)"|import\(\s*"([^"]+)"\s*\)/g)].map(
    (m) => (m[1] ?? m[2])!,
  );
}

test("imports point downwards", () => {
  const breaches: string[] = [];
  for (const file of files("src", ".ts")) {
    const [, room = ""] = file.split("/");
    if (!Object.hasOwn(below, room)) continue;
    for (const target of imports(file)) {
      if (!target.startsWith(".")) {
        const known = packages[room]?.some((name) => target === name || target.startsWith(`${name}/`));
        if (!hosts.has(room) && !known) breaches.push(`${file} imports the package ${target}`);
        continue;
      }
      const path = relative(root, resolve(root, dirname(file), target));
      if (path.startsWith("shaders/")) {
        if (!shaderRooms.has(room)) breaches.push(`${file} imports a shader`);
        continue;
      }
      const goal = path.split("/")[1]!;
      if (goal !== room && goal !== "text" && !below[room]?.includes(goal)) breaches.push(`${file} imports ${path}`);
    }
  }
  expect(breaches).toEqual([]);
});

test("every op has a test and an export line, every shader an importer", () => {
  const exported = readFileSync(join(root, "src/ops/index.ts"), "utf8");
  const tests = files("test/ops", ".ts").map((f) => f.split("/").at(-1)!);
  const missing: string[] = [];
  for (const file of readdirSync(join(root, "src/ops")).filter((f) => f.endsWith(".ts") && f !== "index.ts")) {
    const name = file.replace(".ts", "");
    if (!tests.some((t) => t.startsWith(name))) missing.push(`${file} has no test`);
    if (!exported.includes(`"./${file}"`)) missing.push(`${file} is not exported by ops/index.ts`);
  }
  const sources = ["src", "bench", "test"]
    .flatMap((f) => files(f, ".ts"))
    .map((f) => readFileSync(join(root, f), "utf8"));
  const shaders = files("shaders", ".wgsl");
  const texts = [...sources, ...shaders.map((f) => readFileSync(join(root, f), "utf8"))];
  for (const shader of shaders) {
    const tail = shader.replace(/^shaders\//, "");
    if (!texts.some((text) => text.includes(`/${tail}"`) || text.includes(`"${tail}"`)))
      missing.push(`${shader} has no importer`);
  }
  expect(missing).toEqual([]);
});

test("files stay short", () => {
  const long = ["src", "shaders", "demo", "bench", "tools"]
    .filter((f) => existsSync(join(root, f)))
    .flatMap((f) => [...files(f, ".ts"), ...files(f, ".wgsl")])
    .map((f) => [f, readFileSync(join(root, f), "utf8").split("\n").length] as const)
    .filter(([, lines]) => lines > 400);
  expect(long).toEqual([]);
});
