// `espalier import`: reads a NIR file and writes its network as a model file for the other commands.
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import { type HostArray, NirError, type NirGraph, OpError, summarize, writeSafetensors } from "../internal.ts";
import { NotRegularError, readRegular } from "../node/regular_file.ts";
import { readNir } from "../node_internal.ts";
import { renderSummary } from "../report/layer_table.ts";
import { NIR_MODEL, nirMetadata } from "../run/nir_model.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { above0, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { optionText } from "../terminal/option_text.ts";
import type { Output } from "../terminal/output.ts";
import { defined, kilobytes, plural } from "../text/index.ts";
import { type Done, finish, jsonOption } from "./options.ts";

interface ImportFlags {
  readonly path: string;
  readonly output?: string;
  readonly timeSteps?: number;
  readonly dt?: number;
}

/** Notes of a file of `espalier export --format nir` that describe the input and the classes. */
const NOTES = ["data", "classNames", "normalise", "images", "seed"] as const;

/** Return the file to write. Errors: UsageError. */
function outputOf({ path, output = `${path.replace(/\.(nir|h5|hdf5)$/i, "")}.safetensors` }: ImportFlags): string {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  if (!output.endsWith(".safetensors")) throw new UsageError(`--output: expected a .safetensors file, got ${output}`);
  expectNoInput("--output", output, [path]);
  if (!existsSync(dirname(resolve(output)))) throw new UsageError(`${output}: there is no folder ${dirname(output)}`);
  return output;
}

/** Return the positive number of a note of the file. */
function noteOf(graph: NirGraph, key: string, otherwise: number): number {
  const value = Number(graph.metadata[key] ?? otherwise);
  return value > 0 && Number.isFinite(value) ? value : otherwise;
}

/** Build the network of a graph. Errors: UsageError naming the file and the node. */
async function networkOfGraph(graph: NirGraph, times: { timeSteps: number; dt: number }, path: string) {
  const { importNir } = await import("../export/index.ts");
  try {
    const model = importNir(graph, times);
    const { sample } = model;
    if (sample.length !== 3) throw new UsageError(`${path}: expected samples [c, h, w], got [${sample.join(", ")}]`);
    return { model, sample, summary: summarize(model, sample) };
  } catch (error) {
    if (error instanceof OpError) throw new UsageError(`${path}: ${error.message.replace(/^importNir: /, "")}`);
    throw error;
  }
}

/** Import a network. Returns the exit code. */
async function runImport(flags: ImportFlags, out: Output): Promise<number> {
  const { path } = flags;
  const output = outputOf(flags);
  const graph = await graphOf(path);
  const dt = flags.dt ?? noteOf(graph, "dt", 1);
  const timeSteps = flags.timeSteps ?? Math.max(1, Math.round(noteOf(graph, "time_steps", 4)));
  const { model, sample, summary } = await networkOfGraph(graph, { timeSteps, dt }, path);
  const weights = new Map<string, HostArray<Float32Array>>(
    [...model.namedState()].map(([name, p]) => [name, { data: p.initialValues(), shape: p.shape }]),
  );
  const classes = summary.output.at(-1)!;
  const notes = Object.fromEntries(NOTES.map((key) => [key, graph.metadata[key]]));
  const facts = { ...nirMetadata(graph, { timeSteps, dt }), input: sample.join("x"), classes: String(classes) };
  const bytes = writeSafetensors(weights, { ...defined(notes), ...facts } as Record<string, string>);
  await writeOutput(output, bytes, "espalier import");
  out.say(renderSummary(NIR_MODEL, summary), "rendered");
  out.say(
    `${output}: ${kilobytes(bytes.length)}, ${path} has ${kilobytes(statSync(path).size)}; ${plural(timeSteps, "time step")} of ${dt}`,
  );
  out.emit({
    ...{ kind: "result", input: path, output, model: NIR_MODEL, sample, classes, timeSteps, dt },
    ...{ bytes: bytes.length, arrays: weights.size },
  });
  return 0;
}

/** Read the graph of a file. Errors: UsageError for a file that is no NIR graph. */
async function graphOf(path: string): Promise<NirGraph> {
  try {
    return await readNir(await readRegular(path), path);
  } catch (error) {
    if (error instanceof NirError) throw new UsageError(error.message);
    if (error instanceof NotRegularError) throw new UsageError(`cannot read ${path}: ${error.message}`);
    throw error;
  }
}

/** Add the options and the action of `import`. */
export function addImportCommand(command: Command, done: Done): void {
  command
    .description(
      "Reads a network in the Neuromorphic Intermediate Representation (NIR) and writes a model file, which `espalier eval`, `predict`, `compact` and `export` read. The file holds the weights and the graph. Needs no GPU, and the package h5wasm.",
    )
    .argument("<file>", "a .nir file of images: samples [c, h, w]")
    .option("--output <file>", "file to write (default beside the .nir file)")
    .option("--time-steps <n>", optionText("steps of the simulation", undefined, "the file's, or 4"), whole(1))
    .option("--dt <seconds>", optionText("length of a time step", undefined, "the file's, or 1"), above0);
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier import model.nir
  $ espalier eval model.safetensors --data mnist
  $ espalier export model.safetensors --format nir --output again.nir`,
    )
    .action((path: string, flags: Omit<ImportFlags, "path">) => finish(done, runImport, { ...flags, path }));
}
