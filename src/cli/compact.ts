// `espalier compact`: writes a smaller model with the same outputs, without dead channels and batch norm.
import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import {
  applyCompaction,
  type Compaction,
  type HostArray,
  type Module,
  OpError,
  planCompaction,
  readAll,
  Scope,
  type StateDict,
  summarize,
  tensor,
  writeSafetensors,
} from "../internal.ts";
import { type AdapterFlags, openGpu } from "../node/adapter.ts";
import { compactMetadata, mergedSizes, readSizes } from "../recipe/compact_metadata.ts";
import { addSettings } from "../recipe/flags.ts";
import { keptLines, renderCompactTable, weightSums } from "../report/compact_table.ts";
import { compactRows, renderStorageTable } from "../report/storage_table.ts";
import { modelFile } from "../run/model_file.ts";
import { hasNeurons } from "../run/nir_model.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";
import { count, kilobytes, times } from "../text/index.ts";
import { type Known, type NetworkFlags, networkOf } from "./export.ts";
import { MODEL_OF_FILE, sizeOptions, WEIGHTS_OF_FILE } from "./network_options.ts";
import { type Done, finish, gpuOptions } from "./options.ts";

export interface CompactFlags extends NetworkFlags, AdapterFlags {
  /** A run's folder, or a file of weights. */
  readonly path: string;
  readonly output?: string;
  /** False: batch norm stays. */
  readonly fold?: boolean;
  /** False: the outputs are not compared. */
  readonly check?: boolean;
}

/** Samples of the comparison. */
const SAMPLES = 4;
/** Largest difference of the outputs, as a share of the largest one. Only spikes, which flip at a threshold, may differ more. */
const TOLERANCE = 1e-4;

/** Return the file to read and the file to write. Errors: UsageError. */
function filesOf(flags: CompactFlags): { path: string; output: string } {
  const path = modelFile(flags.path, "dense");
  const base = path.replace(/(\.(sparse|csr))?\.(safetensors|pth?|th|bin|ckpt)$/i, "");
  const output = flags.output ?? `${base}.compact.safetensors`;
  if (!output.endsWith(".safetensors")) throw new UsageError(`--output: expected a .safetensors file, got ${output}`);
  if (resolve(output) === resolve(path)) throw new UsageError(`${output}: is the file to be compacted; give --output`);
  expectNoInput("--output", output, [path]);
  if (!existsSync(dirname(resolve(output)))) throw new UsageError(`${output}: there is no folder ${dirname(output)}`);
  return { path, output };
}

/** Plan the smaller model. Errors: UsageError for a dead network. */
function planOf({ model, input, weights }: Known, fold: boolean, path: string): Compaction {
  try {
    return planCompaction(model, { sample: input, weights: weights as StateDict, fold });
  } catch (error) {
    if (error instanceof OpError) throw new UsageError(`${path}: ${error.message.replace(/^compact: /, "")}`);
    throw error;
  }
}

/** Random inputs, normal and repeatable: a linear congruential generator and the sum of twelve. */
function randomInputs(n: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: n }, () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6));
}

async function outputsOf(model: Module, weights: StateDict, x: Float32Array, shape: readonly number[]) {
  using _scope = new Scope();
  model.eval();
  model.loadStateDict(weights);
  const [values] = await readAll(model.forward(tensor(x, shape)));
  model.dispose();
  return values as Float32Array;
}

/** Compute both networks on random samples. Returns the largest difference as a share of the largest output. */
async function compare(known: Known, small: Module, plan: Compaction): Promise<number> {
  const shape = [SAMPLES, ...known.input];
  const x = randomInputs(shape.reduce((a, b) => a * b));
  const before = await outputsOf(known.build(), known.weights as StateDict, x, shape);
  const after = await outputsOf(small, plan.weights, x, shape);
  const largest = before.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const difference = before.reduce((a, b, i) => Math.max(a, Math.abs(b - after[i]!)), 0);
  return difference / Math.max(largest, 1e-30);
}

/** Return the small model, without memory on the GPU. */
function smallModel(known: Known, plan: Compaction): Module {
  const model = known.build();
  applyCompaction(model, plan.sizes);
  return model;
}

/** Compact a model. Returns the exit code. */
export async function runCompact(flags: CompactFlags, out: Output): Promise<number> {
  const { path, output } = filesOf(flags);
  const opened = await openWeightsFile(path);
  const known = await networkOf(flags, opened, path);
  if (!known) throw new UsageError(`${path}: does not name its model; give --model`);
  for (const note of known.notes) out.say(note);
  const plan = planOf(known, flags.fold ?? true, path);
  const summaries = [summarize(known.model, known.input), summarize(smallModel(known, plan), known.input)] as const;
  let difference: number | null = null;
  if (flags.check ?? true) {
    await openGpu(flags);
    difference = await compare(known, smallModel(known, plan), plan);
    if (difference > TOLERANCE && !hasNeurons(known.facts["model"]!))
      throw new Error(
        `${path}: the outputs of the compacted model differ by ${difference.toExponential(1)}: not written`,
      );
  }
  // The sparse format writes these two itself.
  const { format: _, shapes: __, compact: ___, ...metadata } = Object.fromEntries(opened.metadata);
  const sizes = mergedSizes(readSizes(opened.metadata, path).compact, plan.sizes);
  const weights = plan.weights as Map<string, HostArray<Float32Array>>;
  const bytes = writeSafetensors(weights, { ...metadata, ...known.facts, ...compactMetadata(sizes) });
  await writeOutput(output, bytes, "espalier compact");
  out.say(renderCompactTable(plan.layers, summaries), "rendered");
  const storage = compactRows(known.weights, plan.weights);
  out.say(renderStorageTable(storage), "rendered");
  for (const line of keptLines(plan.kept)) out.say(line);
  const [from, to] = weightSums(plan.layers);
  const [before, after] = [summaries[0].macs, summaries[1].macs];
  if (difference !== null)
    out.say(`outputs differ by at most ${difference.toExponential(1)} of the largest, on ${SAMPLES} random samples`);
  out.say(
    `${output}: ${kilobytes(bytes.length)}, ${path} has ${kilobytes(statSync(path).size)}; ${count(to)} of ${count(from)} weights, ${times(before / after)} fewer multiply-adds`,
  );
  out.emit({
    ...{ kind: "result", input: path, output, model: known.facts["model"], sample: known.input },
    ...{ weights: [from, to], multiplyAdds: [before, after], bytes: bytes.length, difference },
    ...{ layers: plan.layers, kept: plan.kept, storage },
  });
  return 0;
}

/** Add the options and the action of `compact`. */
export function addCompactCommand(command: Command, done: Done): void {
  command
    .description(
      "Writes a smaller dense model with the same outputs: without channels and neurons that are dead or that nothing reads, and with batch norm folded into the layers before it. `espalier eval`, `predict` and `export` read the file by the model's name. For pruned filters and neurons; single zeros among live weights do not make a model smaller.",
    )
    .argument("<path>", "a run's folder, a .safetensors file, or PyTorch's .pt and .pth")
    .option("--output <file>", "file to write (default beside the model)")
    .option("--no-fold", "keep batch norm")
    .option("--no-check", "do not compare the outputs on the adapter");
  sizeOptions(command);
  addSettings(
    command,
    {
      ...MODEL_OF_FILE,
      ...WEIGHTS_OF_FILE,
    },
    "Options",
  );
  gpuOptions(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier compact runs/mnist_lenet
  $ espalier compact pruned.pth --model resnet-20 --size 32 --output small.safetensors
  $ espalier export runs/mnist_lenet/model.compact.safetensors --format onnx`,
    )
    .action((path: string, flags: Omit<CompactFlags, "path">) => finish(done, runCompact, { ...flags, path }));
}
