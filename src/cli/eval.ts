// `espalier eval`: measures accuracy and sparsity of a saved model.

import { statSync } from "node:fs";
import { type Command, Option } from "commander";
import { IMAGE_SIZE } from "../images/layouts.ts";
import {
  currentGpu,
  Evaluator,
  isStreamed,
  layerSparsity,
  type Module,
  type OpenWeights,
  RandomState,
  type ShortcutKind,
  testBatchesOf,
} from "../internal.ts";
import { type AdapterFlags, adapterName, openGpu } from "../node/adapter.ts";
import { isEventData } from "../recipe/data_names.ts";
import { loadSplits } from "../recipe/datasets.ts";
import { addSettings } from "../recipe/flags.ts";
import { withAdvice } from "../recipe/image_data.ts";
import { dataOfRun, readImageMetadata } from "../recipe/image_metadata.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { modelFor } from "../recipe/session.ts";
import { checkSpiking, forEncoder, isSpiking, readNeuronMetadata, timeStepsOf } from "../recipe/spiking.ts";
import type { DataSettings, Splits } from "../recipe/splits.ts";
import { renderActivityTable } from "../report/activity_table.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { renderLayerTable } from "../report/layer_table.ts";
import { matchToModel, modelClasses } from "../run/class_match.ts";
import { evaluateWithin } from "../run/evaluation_memory.ts";
import { modelFile } from "../run/model_file.ts";
import { openWeightsFile, putWeights, shortcutOf, takeFitting, type WeightFlags } from "../run/weights_in.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { Output } from "../terminal/output.ts";
import { defined, percent } from "../text/index.ts";
import { activityOf } from "./activity.ts";
import { type Done, finish, gpuOptions } from "./options.ts";
import { type Retest, rawLine, retest, trainingEpochs } from "./retest.ts";

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
  readonly skipBad?: number;
  readonly mapping?: string;
  readonly heldOut?: number;
  readonly workers?: number;
  readonly layout?: DataSettings["layout"];
  readonly followLinks?: boolean;
  /** Samples of each class of event data; images are tested whole. */
  readonly limit?: number;
  /** Training batches that re-estimate the statistics of batch norm before the test. */
  readonly recalibrate?: number;
  /** Print operations and energy of a network without spikes too. */
  readonly activity?: boolean;
}

/** Default batch size: 500 images of MNIST's size, fewer if they may be large. */
const batchFor = (data: string) => (data === "images" ? 32 : 500);

/** Refuse flags that do not apply to the data. Errors: UsageError. */
function checkFlags(flags: EvalFlags, data: string): void {
  const { size, resize, skipBad, mapping, heldOut, workers, limit, dataDir, layout, followLinks } = flags;
  refuseIdle([
    ...idleUnless(data === "images", `is for data images, the data is ${data}`, {
      "--size": size,
      "--resize": resize,
      "--skip-bad": skipBad,
      "--mapping": mapping,
      "--held-out": heldOut,
      "--workers": workers,
      "--layout": layout,
      "--follow-links": followLinks,
      "--no-follow-links": followLinks === false || undefined,
    }),
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

/** Writes a tested model. Returns a line about the file. */
export type SaveTested = (model: Module, tested: Retest, facts: Readonly<Record<string, string>>) => Promise<string>;

/** Test a model file. Returns the exit code. `save` is called after the test. */
export async function runEval(flags: EvalFlags, out: Output, save?: SaveTested): Promise<number> {
  const path = pathOf(flags);
  const file = modelFile(path, "sparse");
  const opened = await openWeightsFile(file);
  const { metadata } = opened;
  const name = flags.model ?? metadata.get("model");
  if (!name) throw new UsageError(`${file}: does not name its model; give --model`);
  const data = flags.data ?? metadata.get("data") ?? "mnist";
  const { by, size, batch = batchFor(data), ...neurons } = readNeuronMetadata(metadata.get("time"), file);
  const images = readImageMetadata(metadata.get("images"), file);
  checkFlags(flags, data);
  const settings = { name, ...neurons };
  checkSpiking(settings, data);
  const run = statSync(path).isDirectory() ? dataOfRun(path, data) : {};
  const { dataDir: dir = run.dir, mapping, skipBad, workers, layout, followLinks } = flags;
  const common = { name: data, dir, by, size };
  const wanted: DataSettings = isEventData(data)
    ? { ...common, limit: flags.limit }
    : {
        // Without a limit: it is for training images.
        ...common,
        size: flags.size ?? images.size,
        resize: flags.resize ?? images.resize,
        heldOut: flags.heldOut,
        // Settings of the run's own data, which other data may not need.
        inherited: { heldOut: images.heldOut, mapping: run.mapping },
        ...{ mapping, skipBad, workers, layout, followLinks },
        // Each image is used once.
        memory: 0,
      };
  const splits = await loadSplits(wanted, timeStepsOf(settings, data), {
    onDamaged: ({ message, source, key, fault }, count) => {
      out.say(`skipped ${message}`);
      out.emit({ kind: "damaged", source, image: key, fault, count });
    },
  });
  try {
    for (const note of splits.notes) out.say(note);
    for (const line of splits.summary ? summaryLines(splits.summary) : []) out.say(line);
    const batchSize = flags.batchSize ?? images.batch ?? batch;
    return await testOn(splits, { name, data, settings, opened, file, batchSize, save }, flags, out);
  } catch (error) {
    throw withAdvice(error, wanted);
  } finally {
    await splits.close();
  }
}

interface Tested {
  /** The model file. */
  readonly file: string;
  readonly name: string;
  /** Name of the data set. */
  readonly data: string;
  readonly settings: Recipe["model"] | Omit<Recipe["model"], "checkpointBlocks">;
  readonly opened: OpenWeights;
  readonly batchSize: number;
  readonly save: SaveTested | undefined;
}

async function testOn(
  splits: Splits,
  { name, data, settings, opened, file, batchSize, save }: Tested,
  flags: EvalFlags,
  out: Output,
): Promise<number> {
  const matched = matchToModel(splits.test, modelClasses(opened.metadata, file), file);
  for (const note of matched.notes) out.say(note);
  const test = forEncoder(matched.data, settings.encoder);
  const gpu = await openGpu(flags);
  const seed = Number(opened.metadata.get("seed") ?? 0);
  const random = new RandomState(seed);
  const build = (shortcut: ShortcutKind | undefined, random: RandomState): Module =>
    modelFor({ model: { ...settings, ...defined({ shortcut }) }, data, random }, test.shape, test.classes.length);
  const taken = takeFitting(opened, flags, (weights) => build(shortcutOf(name, weights), new RandomState(0)));
  const shortcut = shortcutOf(name, taken.weights);
  const model = build(shortcut, random);
  const { lines } = putWeights(model, taken, file, flags);
  // A model trained by Espalier fits without notes.
  if (taken.notes.length > 0 || lines.length > 1) for (const line of [...taken.notes, ...lines]) out.say(line);
  const evaluator = new Evaluator(model, { sample: test.shape, random, scale: test });
  const started = performance.now();
  const load = {
    build: () => build(shortcut, new RandomState(0)),
    sample: test.shape,
    classes: test.classes.length,
    batchSize: Math.min(batchSize, test.length),
    ...(splits.stored ? { stored: splits.stored } : {}),
  };
  const count = flags.recalibrate ?? 0;
  const train = trainingEpochs(forEncoder(splits.train, settings.encoder), batchSize, seed);
  const samples = { sample: test.shape, random, scale: test };
  const tested = await evaluateWithin(load, () =>
    retest({ model, evaluator, test: () => testBatchesOf(test, batchSize), train, count, samples }),
  );
  const { result } = tested;
  const layers = await layerSparsity(model);
  const wantsActivity = flags.activity || isSpiking(name);
  const activity = wantsActivity ? await activityOf(model, matched.data, { model: settings }, random, batchSize) : null;
  const sparsity = layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0);
  out.say(renderLayerTable(layers), "rendered");
  if (activity) out.say(renderActivityTable(activity.report), "rendered");
  out.say(
    `${name} on ${test.name}: accuracy ${percent(result.accuracy)} (${result.correct} of ${result.samples}), loss ${result.loss.toFixed(4)}, sparsity ${percent(sparsity)}`,
  );
  for (const line of rawLines(tested, count, opened.metadata, data)) out.say(line);
  const facts = { model: name, data, input: test.shape.join("x"), classes: String(test.classes.length) };
  if (save) out.say(await save(model, tested, facts));
  out.emit({
    kind: "result",
    accuracy: result.accuracy,
    sparsity,
    loss: result.loss,
    ...rawFields(tested, count),
    samples: result.samples,
    seconds: (performance.now() - started) / 1000,
    parameters: model.parameters().reduce((n, p) => n + p.numel, 0),
    adapter: adapterName(gpu.adapter),
    peakBytes: currentGpu().memory().peak,
    layers,
    notes: matched.notes,
    ...(splits.summary ? { data: summaryRecord(splits.summary) } : {}),
    ...(activity ? { activity: activity.report } : {}),
    ...(isStreamed(test) ? { damagedImages: splits.damaged } : {}),
  });
  return 0;
}

/** Return the numbers with the statistics that the model came with, if they were re-estimated. */
const rawFields = ({ raw }: Retest, recalibrated: number) =>
  raw ? { rawAccuracy: raw.accuracy, rawLoss: raw.loss, recalibrated } : {};

/** Say how the model did with the statistics that it came with; or what the run measured before it re-estimated them. */
function rawLines(
  { raw: tested }: Retest,
  count: number,
  metadata: ReadonlyMap<string, string>,
  data: string,
): string[] {
  if (tested) return [rawLine(tested, count)];
  const raw = Number(metadata.get("rawAccuracy") ?? Number.NaN);
  if (metadata.get("data") !== data || !(raw >= 0 && raw <= 1)) return [];
  return [
    `the file's batch norm was re-estimated; with the running statistics of training the run measured ${percent(raw)}`,
  ];
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
    ...{ "data.skipBad": {}, "data.mapping": {}, "data.heldOut": {}, "data.layout": {}, "data.followLinks": {} },
    "data.workers": {},
    ...{ weightsKey: {}, allowMissing: {}, allowUnexpected: {} },
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
  gpuOptions(command.addOption(new Option("--activity", activity).helpGroup("Evaluation:")))
    .addHelpText(
      "after",
      "\nExamples\n  $ espalier eval runs/mnist_lenet\n  $ espalier eval resnet20.pth --model resnet-20 --data cifar10 --data-dir cifar-10-batches-bin\n  $ espalier eval --weights resnet20-12fca82f.th --model resnet-20 --data images --data-dir photos --size 32 --resize 32",
    )
    .action((path: string | undefined, flags: Omit<EvalFlags, "path">) =>
      finish(done, runEval, { ...flags, ...defined({ path }) }),
    );
}
