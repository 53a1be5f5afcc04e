// `espalier eval`: measures accuracy and sparsity of a saved model.

import { statSync } from "node:fs";
import { type Command, Option } from "commander";
import { IMAGE_SIZE } from "../images/layouts.ts";
import {
  currentGpu,
  DataLoader,
  type Evaluation,
  Evaluator,
  type HostBatches,
  isArrays,
  isStreamed,
  type LayerSparsity,
  layerSparsity,
  type Module,
  type OpenWeights,
  RandomState,
  type Score,
  type SessionSamples,
  type ShortcutKind,
  type SparseKernels,
  type SparsifyOptions,
  sparsify,
  testBatchesOf,
  valueOfScore,
} from "../internal.ts";
import { type AdapterFlags, adapterName, openGpu } from "../node/adapter.ts";
import { type RecordedSizes, readSizes } from "../recipe/compact_metadata.ts";
import { isEventData } from "../recipe/data_names.ts";
import { loadSplits } from "../recipe/datasets.ts";
import { addSettings } from "../recipe/flags.ts";
import { withAdvice } from "../recipe/image_data.ts";
import { dataOfRun, readImageMetadata } from "../recipe/image_metadata.ts";
import { type Objective, objectiveOf, outputsOf, targetOf } from "../recipe/objective.ts";
import { readObjectiveMetadata } from "../recipe/objective_metadata.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { modelFor } from "../recipe/session.ts";
import { checkSpiking, forEncoder, isSpiking, readNeuronMetadata, timeStepsOf } from "../recipe/spiking.ts";
import type { DataSettings, OnDamaged, Splits } from "../recipe/splits.ts";
import { type KnownTable, readTableMetadata } from "../recipe/table_data.ts";
import { renderActivityTable } from "../report/activity_table.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { renderLayerTable } from "../report/layer_table.ts";
import { matchToModel, modelClasses } from "../run/class_match.ts";
import { evaluateWithin } from "../run/evaluation_memory.ts";
import { modelFile } from "../run/model_file.ts";
import { nirModel } from "../run/nir_model.ts";
import { openWeightsFile, putWeights, shortcutOf, takeFitting, type WeightFlags } from "../run/weights_in.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { Output } from "../terminal/output.ts";
import { defined, metricText, percent } from "../text/index.ts";
import { activityOf } from "./activity.ts";
import { WEIGHTS_OF_FILE } from "./network_options.ts";
import { type Done, finish, gpuOptions } from "./options.ts";
import { rawFields, rawLines, retest, type SaveTested, trainingEpochs } from "./retest.ts";
import { kernelFields, kernelLines, kernelsOption } from "./sparse_kernels.ts";

export interface EvalFlags extends AdapterFlags, WeightFlags {
  /** A run's folder, or a model file. */
  readonly path?: string;
  /** The same, as a flag. */
  readonly weights?: string;
  readonly model?: string;
  readonly data?: string;
  readonly dataDir?: string;
  readonly batchSize?: number;
  /** For image files; see the recipe's `data`. */
  readonly size?: number;
  readonly resize?: number;
  readonly mean?: [number, number, number];
  readonly std?: [number, number, number];
  readonly skipBad?: number;
  readonly mapping?: string;
  readonly heldOut?: number;
  /** For numbers in files. */
  readonly testFile?: string;
  readonly workers?: number;
  readonly layout?: DataSettings["layout"];
  readonly followLinks?: boolean;
  /** Samples of each class of event data; images are tested whole. */
  readonly limit?: number;
  /** Training batches that re-estimate the statistics of batch norm before the test. */
  readonly recalibrate?: number;
  /** Print operations and energy of a network without spikes too. */
  readonly activity?: boolean;
  /** Kernels of pruned layers. Default dense. */
  readonly kernels?: SparseKernels;
}

/** Default batch size: 500 images of MNIST's size, fewer if they may be large. */
const batchFor = (data: string) => (data === "images" ? 32 : 500);

/** Refuse flags that do not apply to the data. Errors: UsageError. */
function checkFlags(flags: EvalFlags, data: string): void {
  const { size, resize, mean, std, skipBad, mapping, heldOut, workers, limit, dataDir, layout, followLinks, testFile } =
    flags;
  refuseIdle([
    ...idleUnless(data === "images", `is for data images, the data is ${data}`, {
      "--size": size,
      "--resize": resize,
      "--mean": mean,
      "--std": std,
      "--skip-bad": skipBad,
      "--mapping": mapping,
      "--held-out": heldOut,
      "--workers": workers,
      "--layout": layout,
      "--follow-links": followLinks,
      "--no-follow-links": followLinks === false || undefined,
    }),
    ...idleUnless(data === "table", `is for data table, the data is ${data}`, { "--test-file": testFile }),
    ...idleUnless(isEventData(data), `is for event data, ${data} is tested whole`, { "--limit": limit }),
    ...idleUnless(data !== "events", "is for data in files, the data is events", { "--data-dir": dataDir }),
  ]);
}

/** Return the run or the model file to test. Errors: UsageError for none, and for two. */
function pathOf({ path, weights }: EvalFlags): string {
  if ((path === undefined) === (weights === undefined)) {
    const got = path === undefined ? "none" : `${path} and --weights ${weights}`;
    throw new UsageError(`expected a run's folder or a model file, as an argument or with --weights, got ${got}`);
  }
  return path ?? weights!;
}

/** Return a listener that prints each image that is skipped. */
const saysDamaged =
  (out: Output): OnDamaged =>
  ({ message, source, key, fault }, count) => {
    out.say(`skipped ${message}`);
    out.emit({ kind: "damaged", source, image: key, fault, count });
  };

/** Return the batch size of a test, by the flag, the data or the model's kind. */
const batchSizeOf = (
  flags: EvalFlags,
  images: ReturnType<typeof readImageMetadata>,
  batch: number | undefined,
  data: string,
): number => flags.batchSize ?? images.batch ?? batch ?? batchFor(data);

/** Test a model file. Returns the exit code. `save` is called after the test. */
export async function runEval(flags: EvalFlags, out: Output, save?: SaveTested): Promise<number> {
  const path = pathOf(flags);
  const file = modelFile(path, "sparse");
  const opened = await openWeightsFile(file);
  const { metadata } = opened;
  const name = flags.model ?? metadata.get("model");
  if (!name) throw new UsageError(`${file}: does not name its model; give --model`);
  const data = flags.data ?? metadata.get("data") ?? "mnist";
  const { by, size, batch, ...neurons } = readNeuronMetadata(metadata.get("time"), file);
  const images = readImageMetadata(metadata.get("images"), file);
  checkFlags(flags, data);
  const settings = { name, ...neurons, ...readSizes(metadata, file), ...(await nirModel(metadata, file, name)) };
  const objective = readObjectiveMetadata(metadata, file);
  checkSpiking(settings, data);
  const run = statSync(path).isDirectory() ? dataOfRun(path, data) : {};
  const { dataDir: dir = run.dir, mapping, skipBad, workers, layout, followLinks } = flags;
  const common = { name: data, dir, by, size };
  const table = data === "table" ? tableOf(flags, opened, file) : null;
  const wanted: DataSettings = isEventData(data)
    ? { ...common, limit: flags.limit }
    : table
      ? { ...common, testFile: run.testFile, ...table.settings, loss: objective.loss as Recipe["loss"] }
      : {
          // Without a limit: it is for training images.
          ...common,
          size: flags.size ?? images.size,
          ...{ resize: flags.resize, heldOut: flags.heldOut, mean: flags.mean, std: flags.std },
          // Settings of the run's own data, which other data may not need.
          inherited: {
            ...defined({ resize: images.resize, heldOut: images.heldOut, mean: images.mean, std: images.std }),
            mapping: run.mapping,
          },
          ...{ mapping, skipBad, workers, layout, followLinks },
          // Batch norm and ranges are measured on images as tests see them: the augmentation of foreign weights is unknown.
          whole: flags.recalibrate !== undefined || save !== undefined,
          // Each image is used once.
          memory: 0,
        };
  const splits = await loadSplits(wanted, timeStepsOf(settings, data), { onDamaged: saysDamaged(out) }, table?.known);
  try {
    for (const note of splits.notes) out.say(note);
    for (const line of splits.summary ? summaryLines(splits.summary) : []) out.say(line);
    const batchSize = batchSizeOf(flags, images, batch, data);
    return await testOn(splits, { name, data, settings, objective, opened, file, batchSize, save }, flags, out);
  } catch (error) {
    throw withAdvice(error, wanted);
  } finally {
    await splits.close();
  }
}

/** Settings of numbers in files, as the run of a model read them, and what the model records of them. */
function tableOf(flags: EvalFlags, { metadata }: OpenWeights, file: string) {
  const saved = readTableMetadata(metadata.get("table"), file);
  if (!saved) throw new UsageError(`${file}: expected the columns of a model trained on data table, got none`);
  const { given, header, heldOut, splitSeed, ...info } = saved;
  const known: KnownTable = { info: { ...info, given }, classes: modelClasses(metadata, file).names ?? [] };
  const columns = { inputs: [...given.inputs], targets: [...given.targets] };
  const own = { ...columns, ...defined({ header, heldOut, splitSeed, testFile: flags.testFile }) };
  return { known, settings: own };
}

interface Tested {
  /** The model file. */
  readonly file: string;
  readonly name: string;
  /** Name of the data set. */
  readonly data: string;
  readonly settings: Omit<Recipe["model"], "checkpointBlocks" | "compact"> &
    RecordedSizes & { readonly build?: () => Module };
  readonly objective: Parameters<typeof objectiveOf>[0];
  readonly opened: OpenWeights;
  readonly batchSize: number;
  readonly save: SaveTested | undefined;
}

/** Return the test data with the model's class numbers, and print the notes. */
function matched(
  splits: Splits,
  opened: OpenWeights,
  file: string,
  out: Output,
): { data: SessionSamples; notes: readonly string[] } {
  const { test } = splits;
  if (isArrays(test)) return { data: test, notes: [] };
  const found = matchToModel(test, modelClasses(opened.metadata, file), file);
  for (const note of found.notes) out.say(note);
  return found;
}

const batchesOf = (test: SessionSamples, batchSize: number): HostBatches =>
  isArrays(test) ? (new DataLoader({ dataset: test, batchSize }) as HostBatches) : testBatchesOf(test, batchSize);

/** Write what was measured: the score first, then the other metrics. */
function resultWords(result: Evaluation, { score }: Objective): string {
  const { accuracy, correct, samples, metrics = {} } = result;
  const named = Object.entries(metrics).sort(([a], [b]) => Number(b === score.metric) - Number(a === score.metric));
  return [
    ...(Number.isNaN(accuracy) ? [] : [`accuracy ${percent(accuracy)} (${correct} of ${samples})`]),
    ...named.map(([name, value]) => `${name} ${metricText(name, value)}`),
    `loss ${result.loss.toFixed(4)}`,
  ].join(", ");
}

/** Return what was measured, for the record. */
const scoreFields = (result: Evaluation, score: Score) => ({
  accuracy: result.accuracy,
  metric: score.metric,
  score: valueOfScore(score, result),
  ...(result.metrics ? { metrics: result.metrics } : {}),
});

/** Return what the data are, for the record. */
const dataFields = ({ summary, test, damaged }: Splits) => ({
  ...(summary ? { data: summaryRecord(summary) } : {}),
  ...(!isArrays(test) && isStreamed(test) ? { damagedImages: damaged } : {}),
});

/** Print how weights were fitted. A model trained by Espalier fits without notes. */
function sayFit(notes: readonly string[], lines: readonly string[], out: Output): void {
  if (notes.length > 0 || lines.length > 1) for (const line of [...notes, ...lines]) out.say(line);
}

const shareOfZeros = (layers: readonly LayerSparsity[]): number =>
  layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0);

/** Return the options of the sparse kernels. Norms whose statistics change stay separate passes. */
function sparseOptions({ kernels = "dense", recalibrate = 0 }: EvalFlags, test: Splits["test"]): SparsifyOptions {
  const folds = kernels !== "dense" && recalibrate === 0 && !isArrays(test);
  return { kernels, sample: folds ? test.shape : null };
}

async function testOn(
  splits: Splits,
  { name, data, settings, objective: named, opened, file, batchSize, save }: Tested,
  flags: EvalFlags,
  out: Output,
): Promise<number> {
  const { data: own, notes } = matched(splits, opened, file, out);
  const test = forEncoder(own, settings.encoder);
  const objective = objectiveOf(named, test, splits.table);
  const { loss, metrics, score } = objective;
  const gpu = await openGpu(flags);
  const seed = Number(opened.metadata.get("seed") ?? 0);
  const random = new RandomState(seed);
  const build = (shortcut: ShortcutKind | undefined, random: RandomState): Module =>
    modelFor({ model: { ...settings, ...defined({ shortcut }) }, data, random }, test.shape, outputsOf(test));
  const taken = takeFitting(opened, flags, (weights) => build(shortcutOf(name, weights), new RandomState(0)));
  const shortcut = shortcutOf(name, taken.weights);
  const model = build(shortcut, random);
  sayFit(taken.notes, putWeights(model, taken, file, flags).lines, out);
  const count = flags.recalibrate ?? 0;
  using sparse = await sparsify(model, sparseOptions(flags, test));
  const format = isArrays(test) ? targetOf(test) : { scale: test };
  const evaluator = new Evaluator(model, { sample: test.shape, random, ...format, loss, metrics });
  const started = performance.now();
  const load = {
    build: () => build(shortcut, new RandomState(0)),
    sample: test.shape,
    classes: test.classes.length,
    ...targetOf(test),
    ...{ loss, metrics },
    batchSize: Math.min(batchSize, test.length),
    ...(splits.stored ? { stored: splits.stored } : {}),
  };
  const train = trainingEpochs(forEncoder(splits.train, settings.encoder), batchSize, seed);
  const samples = { sample: test.shape, random, ...format };
  const tested = await evaluateWithin(load, () =>
    retest({ model, evaluator, test: () => batchesOf(test, batchSize), train, count, samples }),
  );
  const { result } = tested;
  const layers = await layerSparsity(model);
  const measured = (flags.activity || isSpiking(name)) && !isArrays(own) ? own : null;
  const activity = measured && (await activityOf(model, measured, { model: settings }, random, batchSize));
  const sparsity = shareOfZeros(layers);
  out.say(renderLayerTable(layers), "rendered");
  if (activity) out.say(renderActivityTable(activity.report), "rendered");
  out.say(`${name} on ${test.name}: ${resultWords(result, objective)}, sparsity ${percent(sparsity)}`);
  const more = [...kernelLines(flags.kernels, sparse.layers), ...rawLines(tested, count, opened.metadata, data)];
  for (const line of more) out.say(line);
  const facts = { model: name, data, input: test.shape.join("x"), classes: String(test.classes.length) };
  const parts = { train, test: () => batchesOf(test, batchSize), samples, measures: defined({ loss, metrics }) };
  if (save) out.say(await save(model, tested, facts, parts));
  out.emit({
    kind: "result",
    ...scoreFields(result, score),
    sparsity,
    loss: result.loss,
    ...{ ...rawFields(tested, count), ...kernelFields(flags.kernels, sparse.layers) },
    samples: result.samples,
    seconds: (performance.now() - started) / 1000,
    parameters: model.parameters().reduce((n, p) => n + p.numel, 0),
    adapter: adapterName(gpu.adapter),
    peakBytes: currentGpu().memory().peak,
    layers,
    notes,
    ...dataFields(splits),
    ...(activity ? { activity: activity.report } : {}),
  });
  return 0;
}

/** Add the settings of a model's test: network, data, names of weights, batch size. */
export function addTestSettings(command: Command): void {
  addSettings(command, {
    "model.name": { otherwise: "the file's" },
    "data.name": { otherwise: "the file's" },
    "data.dir": { otherwise: "the run's" },
    "data.size": { help: "side of the square that the network sees", otherwise: `the run's, or ${IMAGE_SIZE}` },
    "data.limit": { help: "event data: test samples per class; images: no limit" },
    "data.resize": { help: "shorter side before the center crop" },
    "data.mean": { otherwise: "the run's, or ImageNet's" },
    "data.std": { otherwise: "the run's, or ImageNet's" },
    ...{ "data.skipBad": {}, "data.mapping": {}, "data.heldOut": {}, "data.layout": {}, "data.followLinks": {} },
    "data.testFile": { help: "table: file to test on", otherwise: "the run's test part" },
    "data.workers": {},
    ...WEIGHTS_OF_FILE,
  });
  addSettings(
    command,
    { batchSize: { help: "samples at a time", otherwise: "500; images 32; spiking as trained" } },
    "Evaluation",
  );
}

/** Add the options and the action of `eval`. */
export function addEvalCommand(command: Command, done: Done): void {
  command
    .description(
      "Prints accuracy, loss and sparsity of a model: one that `espalier train` saved, dense or sparse, or weights of another program with --model.",
    )
    .argument("[path]", "a run's folder, or a model file");
  addSettings(command, {
    weights: { help: "the model file as a flag, of another program too", otherwise: "the argument" },
  });
  addTestSettings(command);
  const help = "training batches that re-estimate batch norm before the test";
  addSettings(command, { recalibrate: { help, otherwise: "0" } }, "Evaluation");
  const activity = "print operations and energy too; always on for spiking networks";
  command.addOption(kernelsOption());
  gpuOptions(command.addOption(new Option("--activity", activity).helpGroup("Evaluation:")))
    .addHelpText(
      "after",
      "\nExamples\n  $ espalier eval runs/mnist_lenet\n  $ espalier eval resnet20.pth --model resnet-20 --data cifar10 --data-dir cifar-10-batches-bin\n  $ espalier eval --weights resnet20-12fca82f.th --model resnet-20 --data images --data-dir photos --size 32 --resize 32",
    )
    .action((path: string | undefined, flags: Omit<EvalFlags, "path">) =>
      finish(done, runEval, { ...flags, ...defined({ path }) }),
    );
}
