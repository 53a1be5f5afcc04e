// `espalier export`: writes a saved model for other programs, as ONNX or safetensors, sparse or not.

import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Command, Option } from "commander";
import { IMAGE_SIZE } from "../images/layouts.ts";
import {
  expectFinite,
  type FileParts,
  type HostArray,
  type Module,
  modelRegistry,
  type OpenWeights,
  type Precision,
  RandomState,
  readModelWeights,
  type ShortcutKind,
  SPARSE_LAYOUTS,
  type SparseLayout,
  safetensorsParts,
  type WeightsFile,
  writeSparseModel,
} from "../internal.ts";
import { writeNir } from "../node/nir_file.ts";
import { readSizes } from "../recipe/compact_metadata.ts";
import { addSettings } from "../recipe/flags.ts";
import { modelFor } from "../recipe/session.ts";
import { isSpiking, readNeuronMetadata } from "../recipe/spiking.ts";
import { renderStorageTable, sparseRows } from "../report/storage_table.ts";
import { modelFile } from "../run/model_file.ts";
import { nirModel, nirTimes } from "../run/nir_model.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import {
  byClasses,
  fittedWeights,
  openWeightsFile,
  shortcutOf,
  takeFitting,
  type WeightFlags,
} from "../run/weights_in.ts";
import { above0, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { optionText } from "../terminal/option_text.ts";
import type { Output } from "../terminal/output.ts";
import { defined, kilobytes, percent } from "../text/index.ts";
import type { Int8Flags } from "./export_int8.ts";
import { MODEL_OF_FILE, sizeOptions, WEIGHTS_OF_FILE } from "./network_options.ts";
import { choiceOption, type Done, finish, gpuOptions } from "./options.ts";
import { zeroShare } from "./zero_share.ts";

const FORMATS = ["onnx", "sparse", "safetensors", "nir"] as const;
type Format = (typeof FORMATS)[number];
/** Names of the formats that hold the operations of a network. */
const GRAPHS: Partial<Record<Format, string>> = { onnx: "ONNX", nir: "NIR" };

export interface ExportFlags extends WeightFlags {
  /** A run's folder, or a file of weights. */
  readonly path: string;
  readonly format: Format;
  readonly layout?: SparseLayout;
  readonly output?: string;
  readonly model?: string;
  readonly classes?: number;
  readonly channels?: number;
  readonly size?: number;
  readonly timeSteps?: number;
  readonly precision?: Precision;
  /** NIR: seconds of a time step. */
  readonly dt?: number;
}

type Weights = Map<string, HostArray<Float32Array>>;

/** Return the default output file, in the folder of the model. */
function outputFor(file: string, format: Format, layout: SparseLayout): string {
  const base = file.replace(/(\.(sparse|csr|block))?\.(safetensors|pth?|th|bin|ckpt)$/i, "");
  const ending = {
    onnx: "onnx",
    sparse: `${layout === "bitmask" ? "sparse" : layout}.safetensors`,
    safetensors: "safetensors",
    nir: "nir",
  };
  return `${base}.${ending[format]}`;
}

/** Return the shape of a sample: by the flags, the file, or as ImageNet's. */
function inputOf(flags: NetworkFlags, metadata: WeightsFile["metadata"], file: string): readonly number[] {
  const text = metadata.get("input");
  const parts = (text ?? "3x224x224").split("x").map(Number);
  const { size } = flags;
  const isTable = metadata.has("table");
  if (!(parts.length === 3 || isTable) || !parts.every((n) => Number.isInteger(n) && n >= 1))
    throw new UsageError(`${file}: its metadata "input" is corrupt: ${text?.slice(0, 80)}`);
  if (isTable) {
    const sizes = { "--channels": flags.channels, "--size": size };
    refuseIdle(idleUnless(false, `is for networks of images, ${file} is of data table`, sizes));
    return parts;
  }
  const [c = 0, h = 0, w = 0] = parts;
  const { channels = c } = flags;
  return [channels, size ?? h, size ?? w];
}

/** Flags that say which network the weights belong to. */
export type NetworkFlags = Pick<ExportFlags, "model" | "classes" | "channels" | "size" | "timeSteps"> & WeightFlags;

/** A network, and its weights under its own names. */
export interface Known {
  readonly model: Module;
  /** Builds the network once more. */
  readonly build: () => Module;
  readonly input: readonly number[];
  readonly weights: Weights;
  readonly notes: readonly string[];
  /** Metadata to write besides that of the file. */
  readonly facts: Record<string, string>;
}

/**
 * Build the network of the weights, and name the weights as it does; null if neither the file nor a flag names the model.
 * Needs no GPU. Errors list what does not fit.
 */
export async function networkOf(flags: NetworkFlags, opened: OpenWeights, file: string): Promise<Known | null> {
  const { metadata } = opened;
  const name = flags.model ?? metadata.get("model");
  if (!name) return null;
  const nir = await nirModel(metadata, file, name);
  if (nir.build) {
    const { classes, channels, size } = flags;
    const idle = { "--classes": classes, "--channels": channels, "--size": size, "--time-steps": flags.timeSteps };
    refuseIdle(idleUnless(false, `is for a network by name, ${file} has its graph`, idle));
  } else if (!Object.hasOwn(modelRegistry, name))
    throw new UsageError(`${file}: names the unknown model ${name.slice(0, 80)}; give --model`);
  if (flags.timeSteps !== undefined && !isSpiking(name))
    throw new UsageError(`--time-steps: ${name} has no spiking neurons`);
  const input = inputOf(flags, metadata, file);
  const { by: _, size: __, batch: ___, ...neurons } = readNeuronMetadata(metadata.get("time"), file);
  const hidden = readSizes(metadata, file);
  const settings = { name, ...neurons, ...hidden, ...nir, ...defined({ timeSteps: flags.timeSteps }) };
  const data = metadata.get("data") ?? "images";
  const build = (classes: number, shortcut: ShortcutKind | undefined) => {
    const plan = { model: { ...settings, ...defined({ shortcut }) }, data, random: new RandomState(0) };
    return modelFor(plan, input, classes);
  };
  const built = byClasses(build, { name, classes: flags.classes, file });
  const taken = takeFitting(opened, flags, built.orNull);
  const { model, classes } = built.of(taken.weights);
  const weights = fittedWeights(model, taken, file, flags);
  return {
    model,
    build: () => build(classes, shortcutOf(name, taken.weights)),
    input,
    weights,
    notes: taken.notes,
    facts: { model: name, input: input.join("x"), ...(metadata.has("table") ? {} : { classes: String(classes) }) },
  };
}

/** Return the weights of a file that does not name its model. */
function unnamed(flags: ExportFlags, opened: OpenWeights, file: string): WeightsFile {
  const { key, allowMissing, allowUnexpected } = flags;
  if (allowMissing || allowUnexpected)
    throw new UsageError(
      `${allowMissing ? "--allow-missing" : "--allow-unexpected"}: ${file} does not name its model; give --model`,
    );
  return opened.take(defined({ key }));
}

/** Check that a sparse file reads back as it was written; zeros may change sign. */
function checkSparse(bytes: Uint8Array, weights: Weights): void {
  const back = readModelWeights(bytes, "the sparse model").weights;
  for (const [name, { data }] of weights) {
    const got = back.get(name)?.data;
    if (!got || got.length !== data.length || data.some((v, i) => v !== got[i] && !Number.isNaN(v)))
      throw new Error(`${name} does not read back from the sparse model as it was written`);
  }
}

/** Check that no weight is missing: ONNX and NIR hold the operations of the network, which need all. */
function checkWhole({ model, weights }: Known, file: string, name: string): void {
  const missing = [...model.namedState()].map(([name]) => name).filter((name) => !weights.has(name));
  if (missing.length > 0)
    throw new UsageError(`${file}: ${name} needs all weights of the network; --allow-missing leaves out ${missing[0]}`);
}

async function encode(flags: ExportFlags, known: Known | null, weights: Weights, metadata: Record<string, string>) {
  const { format, layout = "bitmask", precision, dt } = flags;
  expectFinite(flags.path, weights);
  if (format === "nir") {
    const { model, input } = known!;
    const { exportNir } = await import("../export/index.ts");
    const { nir, ...notes } = metadata;
    // The steps and times of a network that came from NIR.
    const own = nir === undefined ? null : nirTimes(nir);
    const about = own ? { ...notes, time_steps: String(own.timeSteps) } : notes;
    return writeNir(exportNir(model, { input, weights, metadata: about, ...defined({ dt: dt ?? own?.dt }) }));
  }
  if (format === "onnx") {
    const { model, input } = known!;
    const { exportOnnx } = await import("../export/index.ts");
    return exportOnnx(model, { input, weights, name: metadata["model"]!, metadata, ...defined({ precision }) });
  }
  if (format === "sparse") {
    const bytes = writeSparseModel(weights, metadata, { layout });
    checkSparse(bytes, weights);
    return bytes;
  }
  return safetensorsParts(weights, metadata);
}

/** Return the file to export and the file to write, checked. Errors: UsageError. */
function filesOf(flags: ExportFlags): { path: string; output: string } {
  const { format, layout, precision, dt } = flags;
  if (dt !== undefined && format !== "nir") throw new UsageError(`--dt: expected --format nir, got --format ${format}`);
  if (precision !== undefined && format !== "onnx")
    throw new UsageError(`--precision: expected --format onnx, got --format ${format}`);
  if (layout !== undefined && format !== "sparse")
    throw new UsageError(`--layout: expected --format sparse, got --format ${format}`);
  const path = modelFile(flags.path, "dense");
  const output = flags.output ?? outputFor(path, format, layout ?? "bitmask");
  if (resolve(output) === resolve(path)) throw new UsageError(`${output}: is the file to be exported; give --output`);
  expectNoInput("--output", output, [path]);
  if (!existsSync(dirname(resolve(output)))) throw new UsageError(`${output}: there is no folder ${dirname(output)}`);
  return { path, output };
}

/** Check the flags against what is known of the model. Errors: UsageError. */
function checkKnown(flags: ExportFlags, known: Known | null, path: string): void {
  if (known) {
    if (GRAPHS[flags.format]) checkWhole(known, path, GRAPHS[flags.format]!);
    return;
  }
  if (GRAPHS[flags.format]) throw new UsageError(`${path}: does not name its model; give --model`);
  const { classes, channels, size, timeSteps } = flags;
  const idle = { "--classes": classes, "--channels": channels, "--size": size, "--time-steps": timeSteps };
  refuseIdle(idleUnless(false, `is for a network, and ${path} does not name its model; give --model`, idle));
}

/** Export a model. Returns the exit code. */
export async function runExport(flags: ExportFlags, out: Output): Promise<number> {
  const { format, layout = "bitmask" } = flags;
  const { path, output } = filesOf(flags);
  const opened = await openWeightsFile(path);
  const known = await networkOf(flags, opened, path);
  checkKnown(flags, known, path);
  const { weights, notes } = known ?? unnamed(flags, opened, path);
  for (const note of notes) out.say(note);
  if (!known) out.say(`${path}: does not name its model, so its names stay as they are; --model checks them`);
  // The sparse format writes these two itself.
  const { format: _, shapes: __, ...metadata } = Object.fromEntries(opened.metadata);
  const encoded = await encode(flags, known, weights, { ...metadata, ...known?.facts });
  const parts: FileParts = encoded instanceof Uint8Array ? [encoded] : encoded;
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  await writeOutput(output, parts, "espalier export");
  const sparsity = zeroShare(weights);
  const before = kilobytes(statSync(path).size);
  const storage = format === "sparse" ? sparseRows(weights, layout) : [];
  if (storage.length > 0) out.say(renderStorageTable(storage), "rendered");
  out.say(
    `${output}: ${kilobytes(bytes)}, ${path} has ${before}; ${weights.size} arrays, ${percent(sparsity)} zeros in those of two or more axes`,
  );
  out.emit({
    ...{ kind: "result", input: path, output, format },
    ...(format === "sparse" && { layout, storage }),
    ...(known && { model: known.facts["model"], classes: Number(known.facts["classes"]), sample: known.input }),
    ...{ bytes, arrays: weights.size, sparsity },
  });
  return 0;
}

/** Flags of `export`: those of --int8 too. */
type AllFlags = ExportFlags & Omit<Int8Flags, "calibrate"> & { readonly int8?: boolean; readonly calibrate?: number };

/** Default number of training batches for calibration. */
const CALIBRATE = 10;

/** Export a model as the flags say. Returns the exit code. */
async function runAny({ int8, ...flags }: AllFlags, out: Output): Promise<number> {
  const { calibrate, data, dataDir, batchSize, adapter, requireGpu, watchdog } = flags;
  const { layout, classes, channels, timeSteps, precision, dt, resize } = flags;
  refuseIdle([
    ...idleUnless(int8 === true, "is for --int8", {
      "--calibrate": calibrate,
      "--data": data,
      "--data-dir": dataDir,
      "--resize": resize,
      "--batch-size": batchSize,
      "--adapter": adapter,
      "--require-gpu": requireGpu,
      "--watchdog": watchdog,
    }),
    ...idleUnless(int8 !== true, "is for an export without --int8", {
      "--layout": layout,
      "--classes": classes,
      "--channels": channels,
      "--time-steps": timeSteps,
      "--precision": precision,
      "--dt": dt,
    }),
  ]);
  if (!int8) return runExport(flags, out);
  const { runExportInt8 } = await import("./export_int8.ts");
  return runExportInt8({ ...flags, calibrate: calibrate ?? CALIBRATE }, out);
}

/** Add the options and the action of `export`. */
export function addExportCommand(command: Command, done: Done): void {
  command
    .description(
      "Writes a model for other programs: as ONNX (operator set 17, any batch size; one time step of a spiking network), as safetensors with PyTorch's names, as sparse safetensors, or spiking networks as NIR. Reads models of `espalier train` and PyTorch's weights. Needs no GPU, unless --int8 measures the network.",
    )
    .argument("<path>", "a run's folder, a .safetensors file, or PyTorch's .pt and .pth")
    .addOption(choiceOption("--format <name>", "format to write", FORMATS).makeOptionMandatory())
    .addOption(
      choiceOption(
        "--layout <name>",
        "sparse: a bit per weight, compressed rows, or blocks",
        SPARSE_LAYOUTS,
        "bitmask",
      ),
    )
    .option("--dt <seconds>", "nir: length of a time step (default 1: times are in steps)", above0)
    .option("--output <file>", "file to write (default beside the model)");
  sizeOptions(command, `the file's, or ${IMAGE_SIZE}`);
  addSettings(
    command,
    {
      ...MODEL_OF_FILE,
      precision: { help: "onnx: f16 writes weights and computations in half the memory", otherwise: "f32" },
      ...WEIGHTS_OF_FILE,
    },
    "Options",
  );
  const group = "8-bit integers:";
  command
    .addOption(new Option("--int8", "onnx, safetensors: 8-bit weights and values, tested").helpGroup(group))
    .addOption(
      new Option("--calibrate <n>", optionText("training batches for the ranges", undefined, String(CALIBRATE)))
        .argParser(whole(1))
        .helpGroup(group),
    );
  addSettings(
    command,
    {
      "data.name": { otherwise: "the file's" },
      "data.dir": { otherwise: "the run's" },
      "data.resize": { help: "images: shorter side before the center crop" },
      batchSize: { help: "samples at a time", otherwise: "500; images 32" },
    },
    "8-bit integers",
  );
  gpuOptions(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier export runs/mnist_lenet --format onnx
  $ espalier export runs/mnist_lenet --format sparse --layout csr
  $ espalier export runs/mnist_lenet --format onnx --int8
  $ espalier export runs/mnist_spiking --format nir
  $ espalier export resnet18.pth --model resnet-18 --format onnx --output resnet18.onnx`,
    )
    .action((path: string, flags: Omit<AllFlags, "path">) => finish(done, runAny, { ...flags, path }));
}
