// Compiles the shaders of an order on one GPU: by Dawn in a child process, or from the SPIR-V that Dawn made for another GPU.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../src/node/programs.ts";
import { IsaError } from "./command.ts";
import { type Dump, readDumps } from "./dump.ts";
import { type GpuChoice, hidesHalf, readGpus, startOn } from "./gpus.ts";
import { buildLayer, spirvCompiler } from "./layer.ts";
import type { Mesa } from "./mesa.ts";
import type { ChildOrder, ChildReport } from "./steps.ts";

/** Work of one GPU. */
export type Order = Omit<ChildOrder, "out">;
type Compiled = Pick<ChildReport, "shaders" | "failures">;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));
const LOADERS = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs"];
/** SPIR-V files of one call of the compiler. */
const FILES = 50;

async function start(gpu: GpuChoice, mesa: Mesa, dump: string, command: readonly string[]): Promise<string> {
  const { program, args, env } = startOn(gpu, mesa, await buildLayer(), dump);
  const { code, output } = await run(program, [...args, ...command], { env, cwd: ROOT, seconds: 3600 });
  if (code === 0) return output;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new IsaError(`bench:isa: ${gpu.vendor}: exit code ${code}\n${last}`);
}

/** Compile by Dawn. The layer writes into `folder`. */
async function compileByDawn(gpu: GpuChoice, mesa: Mesa, order: Order, folder: string): Promise<Compiled> {
  const out = join(folder, "shaders.json");
  await start(gpu, mesa, folder, [process.execPath, ...LOADERS, CHILD, JSON.stringify({ ...order, out })]);
  return JSON.parse(await readFile(out, "utf8")) as ChildReport;
}

/** Compile SPIR-V files on a GPU. Returns what its driver refuses. */
async function compileSpirv(gpu: GpuChoice, mesa: Mesa, dumps: readonly Dump[], folder: string): Promise<string[]> {
  const refusals: string[] = [];
  for (let i = 0; i < dumps.length; i += FILES) {
    const pairs = dumps.slice(i, i + FILES).flatMap(({ module, label }) => [module, label]);
    const output = await start(gpu, mesa, folder, [spirvCompiler(await buildLayer()), ...pairs]);
    refusals.push(...(output.match(/^compile: .*$/gm) ?? []));
  }
  return refusals;
}

/** Compile the f16 shaders that Dawn makes for AMD on a GPU where it offers no f16. */
async function compileHalf(gpu: GpuChoice, mesa: Mesa, order: Order, folder: string): Promise<Compiled> {
  const [amd] = readGpus("amd");
  const other = join(folder, "spirv");
  await mkdir(other, { recursive: true });
  const { shaders, failures } = await compileByDawn(amd!, mesa, order, other);
  const halves = shaders.filter(({ code }) => /^enable f16;/m.test(code));
  const labels = new Set(halves.map(({ label }) => label));
  const dumps = readDumps(other).filter(({ label }) => labels.has(label));
  return { shaders: halves, failures: [...failures, ...(await compileSpirv(gpu, mesa, dumps, folder))] };
}

/** Compile the shaders of an order. The layer writes into `folder`. */
export async function compileAll(gpu: GpuChoice, mesa: Mesa, order: Order, folder: string): Promise<Compiled> {
  const isHalf = order.precisions.includes("f16") && !order.shader;
  if (!isHalf || !hidesHalf(gpu)) return await compileByDawn(gpu, mesa, order, folder);
  const half = await compileHalf(gpu, mesa, { ...order, precisions: ["f16"] }, folder);
  const precisions = order.precisions.filter((precision) => precision !== "f16");
  if (precisions.length === 0) return half;
  const single = await compileByDawn(gpu, mesa, { ...order, precisions }, folder);
  return { shaders: [...single.shaders, ...half.shaders], failures: [...single.failures, ...half.failures] };
}
