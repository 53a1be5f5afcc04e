// `npm run bench:isa`: compiles the engine's kernels with the compilers of real GPUs, without a GPU, and prints what they make
// of them. See bench/README.md.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { runEnvironment } from "../../src/node_internal.ts";
import { IsaError } from "./command.ts";
import { compareIsa, comparisonTable } from "./compare.ts";
import { compileAll, type Order } from "./compile.ts";
import { readDumps } from "./dump.ts";
import { type GpuChoice, readGpus } from "./gpus.ts";
import { type Mesa, mesaVersion, unpackMesa } from "./mesa.ts";
import { recordOf } from "./record.ts";
import { formatIsa, type IsaResults, readIsa } from "./results.ts";
import { MODELS, PRECISIONS, type Precision } from "./steps.ts";
import { isaTable, nameOf } from "./table.ts";

interface Flags {
  readonly gpu: GpuChoice[];
  readonly model: readonly string[];
  readonly precision: readonly Precision[];
  readonly tune?: boolean;
  readonly shader?: string;
  readonly spec: readonly string[];
  readonly json?: string;
  readonly compare?: string;
  readonly keep?: string;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const note = (line: string) => process.stderr.write(`${line}\n`);

/** Return a reader of names by commas. */
const namesOf =
  <Name extends string>(option: string, known: readonly Name[]) =>
  (text: string): Name[] =>
    text.split(",").map((name) => {
      const found = known.find((k) => k === name.trim());
      if (!found) throw new IsaError(`bench:isa: ${option}: expected ${known.join(", ")}, got ${JSON.stringify(name)}`);
      return found;
    });

/** Read `EACH=8;RELU=true`. */
function readSpec(text: string): Record<string, number | boolean | string> {
  const parts = text.split(";").filter(Boolean);
  return Object.fromEntries(
    parts.map((part) => {
      const [name = "", value] = part.split("=");
      if (!value)
        throw new IsaError(`bench:isa: --spec: expected NAME=VALUE by semicolons, got ${JSON.stringify(part)}`);
      if (/^\d+$/.test(value)) return [name, Number(value)];
      return [name, value === "true" || value === "false" ? value === "true" : value];
    }),
  );
}

function orderOf(flags: Flags, filters: readonly string[]): Order {
  const { model: models, precision: precisions, tune = false, shader, spec } = flags;
  const specs = spec.length > 0 ? spec.map(readSpec) : [{}];
  return { models, precisions, filters, tune, ...(shader ? { shader: { file: resolve(shader), specs } } : {}) };
}

/** Compile on one GPU and return the records of the kernels whose names match a filter. */
async function compileOn(gpu: GpuChoice, mesa: Mesa, flags: Flags, filters: readonly string[]): Promise<IsaResults> {
  const folder = flags.keep ? resolve(flags.keep, gpu.vendor) : await mkdtemp(join(tmpdir(), "espalier-isa-"));
  await mkdir(folder, { recursive: true });
  try {
    const { shaders, failures } = await compileAll(gpu, mesa, orderOf(flags, filters), folder);
    for (const failure of failures) note(`bench:isa: ${gpu.vendor}: ${failure}`);
    const texts = new Map(shaders.map((shader) => [shader.label, shader]));
    const dumps = readDumps(folder).filter(({ label }) => texts.has(label));
    const records = dumps.map((dump) => recordOf(gpu.vendor, dump, texts.get(dump.label)!));
    const kernels = records.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    const { started, commit } = runEnvironment();
    const head = { format: 1, gpu: `${gpu.vendor} ${gpu.model}`, mesa: await mesaVersion() } as const;
    return { ...head, started, commit: commit ?? "", kernels };
  } finally {
    if (!flags.keep) await rm(folder, { recursive: true, force: true });
  }
}

/** Return the file for one GPU's results: with the vendor before the ending where there are several. */
function fileFor(json: string, gpu: GpuChoice, all: readonly GpuChoice[]): string {
  return all.length === 1 ? json : json.replace(/(\.json)?$/, `_${gpu.vendor}.json`);
}

async function compile(filters: readonly string[], flags: Flags): Promise<number> {
  const mesa = await unpackMesa(note);
  let found = 0;
  for (const gpu of flags.gpu) {
    const results = await compileOn(gpu, mesa, flags, filters);
    found += results.kernels.length;
    if (results.kernels.length === 0) continue;
    if (flags.json) await writeFile(fileFor(flags.json, gpu, flags.gpu), formatIsa(results));
    say(flags.compare ? await comparison(flags.compare, results) : `${isaTable(results)}\n`);
  }
  if (found > 0) return 0;
  note("bench:isa: no kernel has such a name");
  return 2;
}

/** Return the comparison with the results of a file, restricted to what was compiled now if there are filters. */
async function comparison(file: string, results: IsaResults): Promise<string> {
  return comparisonTable(compareIsa(await readIsa(file), results));
}

async function table(file: string): Promise<number> {
  say(isaTable(await readIsa(file)));
  return 0;
}

const collect = (value: string, before: readonly string[]) => [...before, value];

function makeProgram(done: (code: number) => void): Command {
  const program = new Command("bench:isa")
    .description(
      "Compiles kernels with the compilers of real GPUs, without a GPU, and prints the figures of their code.",
    )
    .argument("[filter...]", "kernels whose name and values contain one of these; several words in one: all of them")
    .option(
      "--gpu <names>",
      "amd, nvidia, apple, adreno, by commas, or all; a model after a colon",
      readGpus,
      readGpus("amd"),
    )
    .option("--model <names>", "networks whose steps are compiled, by commas", namesOf("--model", MODELS), MODELS)
    .option("--precision <names>", "f32, f16, by commas", namesOf("--precision", PRECISIONS), ["f32"])
    .option("--tune", "compile the tuner's candidates too")
    .option("--shader <file>", "compile this WGSL file instead of steps")
    .option("--spec <values>", "values of the file's constants, as 'EACH=8;RELU=true'; may be repeated", collect, [])
    .option("--json <file>", "write the results; with several GPUs one file each, NAME_amd.json")
    .option("--compare <file>", "compare with these results of the same GPU instead of the table")
    .option("--keep <folder>", "keep assembly and SPIR-V in a folder per GPU")
    .action(async (filters: string[], flags: Flags) => done(await compile(filters, flags)));
  program
    .command("table")
    .description("a result as a table")
    .argument("<results.json>")
    .action(async (file: string) => done(await table(file)));
  program
    .command("compare")
    .description("two results of one GPU: kernels whose figures differ")
    .argument("<A.json>")
    .argument("<B.json>")
    .action(async (a: string, b: string) => {
      say(comparisonTable(compareIsa(await readIsa(a), await readIsa(b))));
      done(0);
    });
  return program;
}

let code = 0;
try {
  await makeProgram((c) => {
    code = c;
  }).parseAsync();
} catch (error) {
  const known = error instanceof Error && ["IsaError", "FileError"].includes(error.name);
  note(known ? (error as Error).message : ((error as Error).stack ?? String(error)));
  code = 1;
}
process.exitCode = code;
