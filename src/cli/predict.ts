// `espalier predict`: computes the logits of a model, to use it or to compare it with PyTorch.

import type { Command } from "commander";
import { IMAGE_SIZE } from "../images/layouts.ts";
import {
  type Module,
  NonFiniteError,
  noGrad,
  type OpenWeights,
  RandomState,
  Scope,
  type ShortcutKind,
  tensor,
  writeNpy,
} from "../internal.ts";
import { adapterName, openGpu } from "../node/adapter.ts";
import { readSizes } from "../recipe/compact_metadata.ts";
import { addSettings } from "../recipe/flags.ts";
import { modelFor } from "../recipe/session.ts";
import { isSpiking, readNeuronMetadata } from "../recipe/spiking.ts";
import { withoutNames } from "../run/class_match.ts";
import { evaluateWithin } from "../run/evaluation_memory.ts";
import { NIR_MODEL, nirModel } from "../run/nir_model.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { byClasses, openWeightsFile, putWeights, shortcutOf, takeFitting } from "../run/weights_in.ts";
import { threeAbove0, threeNumbers, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress } from "../terminal/progress.ts";
import { printable } from "../terminal/terminal.ts";
import { defined, percent } from "../text/index.ts";
import { MODEL_OF_FILE, WEIGHTS_OF_FILE } from "./network_options.ts";
import { type Done, finish, gpuOptions } from "./options.ts";
import { likeliest, type PredictFlags } from "./predict_guesses.ts";
import { classNamesOf, openSamples, type Samples } from "./predict_inputs.ts";
import { predictTable } from "./predict_table.ts";

/** Compute the logits [n, classes] of all samples, in evaluation mode. */
async function logitsOf(
  model: Module,
  samples: Samples,
  batchSize: number,
  onDone: (done: number) => void,
): Promise<{ data: Float32Array; classes: number }> {
  const [n, ...sample] = samples.shape;
  const parts: Float32Array[] = [];
  model.eval();
  for (let first = 0; first < n; first += batchSize) {
    const size = Math.min(batchSize, n - first);
    const values = await samples.take(first, size);
    using _scope = new Scope();
    const x = tensor(values, [size, ...sample]);
    const logits = (await noGrad(() => model.forward(x)).data()) as Float32Array;
    parts.push(withoutGuesses(values, logits, size));
    onDone(first + size);
  }
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { data, classes: data.length / n };
}

/**
 * Set the logits of samples that hold NaN to NaN. Neurons and encoders turn NaN into silence, since no comparison with NaN
 * is true.
 */
function withoutGuesses(values: Float32Array, logits: Float32Array, size: number): Float32Array {
  const [inputs, outputs] = [values.length / size, logits.length / size];
  for (let i = 0; i < size; i++) {
    if (values.subarray(i * inputs, (i + 1) * inputs).some(Number.isNaN))
      logits.fill(Number.NaN, i * outputs, (i + 1) * outputs);
  }
  return logits;
}

/** Run a model on samples. Returns the exit code. */
async function runPredict(flags: PredictFlags, out: Output): Promise<number> {
  if (flags.output !== undefined) expectNoInput("--output", flags.output, [flags.weights, ...flags.input]);
  const file = await openWeightsFile(flags.weights);
  if (file.metadata.has("table")) return predictTable({ flags, file }, out);
  const name = flags.model ?? file.metadata.get("model");
  if (!name) throw new UsageError(`${flags.weights}: does not name its model; give --model`);
  const byName = { "--classes": flags.classes, "--time-steps": flags.timeSteps };
  refuseIdle([
    ...idleUnless(name !== NIR_MODEL, `is for a network by name, ${flags.weights} has its graph`, byName),
    ...idleUnless(isSpiking(name), `${name} has no spiking neurons`, { "--time-steps": flags.timeSteps }),
  ]);
  const { size, resize, mean, std } = flags;
  const samples = await openSamples(
    flags.input,
    { size, resize, mean, std },
    { metadata: file.metadata, file: flags.weights },
  );
  const gpu = await openGpu(flags);
  const loaded = await loadModel(flags, file, name, samples);
  for (const line of loaded.notes) out.say(line);
  const logits = await allLogits(flags, samples, loaded, out);
  const [n] = samples.shape;
  if (flags.output !== undefined) {
    const bytes = writeNpy({ dtype: "F32", shape: [n, logits.classes], data: logits.data }, flags.output);
    await writeOutput(flags.output, bytes, "espalier predict");
    out.say(`logits [${n}, ${logits.classes}] in ${flags.output}`);
  }
  const lost = sayGuesses(samples, logits, flags.top, loaded.names, out);
  const written = flags.output !== undefined && { output: flags.output };
  const result = { kind: "result", model: name, samples: n, classes: logits.classes };
  out.emit({ ...result, ...written, adapter: adapterName(gpu.adapter) });
  loaded.model.dispose();
  if (lost.length > 0) {
    const problem = `${lost.length} of ${n} samples have NaN or infinite logits, first ${printable(lost[0]!)}: the sample or the weights hold such numbers`;
    throw new NonFiniteError(problem);
  }
  return 0;
}

interface Loaded {
  readonly model: Module;
  readonly build: () => Module;
  readonly classes: number;
  readonly names: readonly string[] | null;
  readonly notes: readonly string[];
}

async function loadModel(flags: PredictFlags, file: OpenWeights, name: string, samples: Samples): Promise<Loaded> {
  const { weights, timeSteps } = flags;
  const [, c, h, w] = samples.shape;
  const { by: _, size: __, batch: ___, ...neurons } = readNeuronMetadata(file.metadata.get("time"), weights);
  const settings = {
    name,
    ...neurons,
    ...readSizes(file.metadata, weights),
    ...(await nirModel(file.metadata, weights, name)),
    ...(timeSteps !== undefined && { timeSteps }),
  };
  const data = file.metadata.get("data") ?? "images";
  const build = (count: number, shortcut: ShortcutKind | undefined) => {
    const plan = { model: { ...settings, ...defined({ shortcut }) }, data, random: new RandomState(0) };
    return modelFor(plan, [c, h, w], count);
  };
  const built = byClasses(build, { name, classes: flags.classes, file: weights });
  const taken = takeFitting(file, flags, built.orNull);
  const { model, classes } = built.of(taken.weights);
  const { lines } = putWeights(model, taken, weights, flags);
  const names = classNamesOf(file.metadata, classes);
  const unnamed = names ? [] : [withoutNames(file.metadata, weights, classes)];
  return {
    model,
    build: () => build(classes, shortcutOf(name, taken.weights)),
    classes,
    names,
    notes: [...taken.notes, ...lines, ...samples.notes, ...unnamed],
  };
}

/** Compute all logits, with a bar for many images. */
async function allLogits(
  { batchSize }: PredictFlags,
  samples: Samples,
  { model, build, classes }: Loaded,
  out: Output,
) {
  const [n, c, h, w] = samples.shape;
  const progress = samples.images && n > batchSize && !out.json ? createProgress({ label: "predict" }) : null;
  const load = { build, sample: [c, h, w] as const, classes, batchSize: Math.min(batchSize, n), eager: true };
  try {
    return await evaluateWithin(load, () => logitsOf(model, samples, batchSize, (done) => progress?.update(done, n)));
  } finally {
    progress?.stop();
  }
}

/** Print the most likely classes of each sample. Returns the names of samples whose logits are not finite. */
function sayGuesses(
  { names: samples }: Samples,
  { data, classes }: { data: Float32Array; classes: number },
  top: number,
  names: readonly string[] | null,
  out: Output,
): string[] {
  const all = samples.map((sample, i) => {
    const guesses = likeliest(data.subarray(i * classes, (i + 1) * classes), top);
    return { sample, guesses: guesses.map((guess) => ({ ...guess, ...(names && { name: names[guess.class]! }) })) };
  });
  for (const { sample, guesses } of all) {
    const words = guesses.map(
      ({ name, class: index, probability }) => `${printable(name ?? String(index))} (${percent(probability)})`,
    );
    out.say(`${printable(sample)}: ${words.join(", ") || "no class, its logits hold NaN or infinity"}`);
    out.emit({ kind: "prediction", sample, guesses });
  }
  return all.filter(({ guesses }) => guesses.length === 0).map(({ sample }) => sample);
}

/** Add the options and the action of `predict`. */
export function addPredictCommand(command: Command, done: Done): void {
  command
    .description(
      "Runs a network in evaluation mode on the samples of a .npy array [n, c, h, w] or on images, and writes its logits [n, classes]. Images are resized, center-cropped and normalised as torchvision does.",
    )
    .requiredOption("--weights <file>", "model file: safetensors, sparse or not, or PyTorch's .pt and .pth")
    .requiredOption("--input <files...>", "a .npy array, already normalised; or images and folders of them")
    .option("--output <file>", ".npy file to write the logits to (default none)")
    .option("--classes <n>", "outputs of the network (default those of the file's last layer)", whole(1))
    .option(
      "--mean <r,g,b>",
      "images: mean of each channel, scaled to 0..1 (default the file's, or ImageNet's)",
      threeNumbers,
    )
    .option("--std <r,g,b>", "images: standard deviation of each channel (default as --mean)", threeAbove0)
    .option("--top <n>", "most likely classes to print for each sample", whole(1), 5)
    .option("--batch-size <n>", "samples at a time", whole(1), 32);
  addSettings(
    command,
    {
      ...MODEL_OF_FILE,
      "data.size": {
        help: "images: side of the square that the network sees",
        otherwise: `the file's, or ${IMAGE_SIZE}`,
      },
      "data.resize": { help: "images: shorter side before the center crop" },
      ...WEIGHTS_OF_FILE,
    },
    "Options",
  );
  gpuOptions(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier predict --model resnet-18 --weights resnet18.pth --input x.npy --output y.npy
  $ espalier predict --model resnet-18 --weights resnet18.pth --input dog.jpg photos/ --top 3
  $ espalier predict --weights runs/a/model.safetensors --input photos/ --output y.npy
  $ espalier predict --model resnet-18 --weights dino.pth --key teacher.backbone --input x.npy`,
    )
    .action((flags: PredictFlags) => finish(done, runPredict, flags));
}
