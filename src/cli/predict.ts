// `espalier predict`: what a model with given weights makes of arrays or images, so that anyone can compare it with PyTorch.
import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { type Module, models, noGrad, parseNpy, RandomState, Scope, tensor, toFloat32, writeNpy } from "../index.ts";
import { writeAtomic } from "../node/index.ts";
import { type AdapterFlags, adapterName, openGpu } from "./adapter.ts";
import { UsageError } from "./fail.ts";
import { gpuOptions } from "./gpu_options.ts";
import { makeOutput, type Output } from "./json_log.ts";
import { modelFor } from "./session.ts";
import { readNeuronMetadata } from "./spiking.ts";
import { putWeights, readWeightsFile } from "./weights_in.ts";

export interface PredictFlags extends AdapterFlags {
  readonly model?: string;
  readonly weights: string;
  readonly input: readonly string[];
  readonly output?: string;
  readonly classes?: number;
  readonly timeSteps?: number;
  readonly batchSize: number;
  readonly top: number;
}

/** Samples [n, c, h, w] as a network takes them, and a name for each. */
interface Samples {
  readonly data: Float32Array;
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  readonly names: readonly string[];
}

function arraySamples(path: string): Samples {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path}: cannot be read: ${(error as Error).message}`);
  }
  const array = parseNpy(new Uint8Array(bytes), path);
  const { shape } = array;
  const fits = (shape.length === 4 || shape.length === 3) && shape.every((n) => n > 0);
  if (!fits) {
    throw new UsageError(`${path}: wants an array [n, c, h, w] or [c, h, w], holds [${shape.join(", ")}]`);
  }
  const [n, c, h, w] = (shape.length === 4 ? shape : [1, ...shape]) as [number, number, number, number];
  return { data: toFloat32(array), shape: [n, c, h, w], names: Array.from({ length: n }, (_, i) => `${path}[${i}]`) };
}

/** How many classes the last layer of a file's weights has: the rows of the last weight with two axes or more. */
function classesOf(weights: ReadonlyMap<string, { readonly shape: readonly number[] }>, file: string): number {
  const last = [...weights.values()].findLast(({ shape }) => shape.length >= 2);
  if (!last) throw new UsageError(`${file}: holds no layer's weight; give --classes`);
  return last.shape[0] as number;
}

/** Logits [n, classes] of all samples, in evaluation mode. */
async function logitsOf(
  model: Module,
  samples: Samples,
  batchSize: number,
): Promise<{ data: Float32Array; classes: number }> {
  const [n, ...sample] = samples.shape;
  const values = sample.reduce((a, b) => a * b, 1);
  const parts: Float32Array[] = [];
  model.eval();
  for (let first = 0; first < n; first += batchSize) {
    using _scope = new Scope();
    const size = Math.min(batchSize, n - first);
    const x = tensor(samples.data.subarray(first * values, (first + size) * values), [size, ...sample]);
    parts.push((await noGrad(() => model.forward(x)).data()) as Float32Array);
  }
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { data, classes: data.length / n };
}

interface Guess {
  readonly class: number;
  readonly probability: number;
}

/** The likeliest classes of a row of logits, with their softmax. */
export function likeliest(logits: Float32Array, top: number): Guess[] {
  const most = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (v) => Math.exp(v - most));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps
    .map((e, i) => ({ class: i, probability: e / sum }))
    .sort((a, b) => b.probability - a.probability || a.class - b.class)
    .slice(0, top);
}

export async function runPredict(flags: PredictFlags, out: Output): Promise<number> {
  const [first, ...more] = flags.input;
  if (first === undefined || more.length > 0) throw new UsageError("--input wants one .npy file");
  const file = await readWeightsFile(flags.weights);
  const name = flags.model ?? file.metadata.get("model");
  if (!name) throw new UsageError(`${flags.weights}: does not say which model it is; give --model`);
  const samples = arraySamples(first);
  const [n, c, h, w] = samples.shape;
  const classes = flags.classes ?? classesOf(file.weights, flags.weights);
  const { by: _, size: __, batch: ___, ...neurons } = readNeuronMetadata(file.metadata.get("time"), flags.weights);
  const gpu = await openGpu(flags);
  const settings = { name, ...neurons, ...(flags.timeSteps === undefined ? {} : { timeSteps: flags.timeSteps }) };
  const model = modelFor({ model: settings, data: "images", random: new RandomState(0) }, [c, h, w], classes);
  const { lines } = putWeights(model, file, flags.weights);
  for (const line of [...file.notes, ...lines]) out.say(line);
  const logits = await logitsOf(model, samples, flags.batchSize);
  if (flags.output !== undefined) {
    const bytes = writeNpy({ dtype: "F32", shape: [n, logits.classes], data: logits.data }, flags.output);
    await writeAtomic(flags.output, bytes);
    out.say(`logits [${n}, ${logits.classes}] in ${flags.output}`);
  }
  const guesses = samples.names.map((sample, i) => ({
    sample,
    guesses: likeliest(logits.data.subarray(i * logits.classes, (i + 1) * logits.classes), flags.top),
  }));
  for (const { sample, guesses: list } of guesses) {
    const words = list.map((guess) => `${guess.class} (${(100 * guess.probability).toFixed(2)} %)`);
    out.say(`${sample}: ${words.join(", ")}`);
    out.emit({ kind: "prediction", sample, guesses: list });
  }
  out.emit({
    kind: "result",
    model: name,
    samples: n,
    classes: logits.classes,
    ...(flags.output === undefined ? {} : { output: flags.output }),
    adapter: adapterName(gpu.adapter),
  });
  model.dispose();
  return 0;
}

const wholeFrom1 = (text: string): number => {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new UsageError(`want a whole number >= 1, was given ${text}`);
  return value;
};

export function addPredictCommand(root: Command, done: (code: number) => void): void {
  const command = root
    .command("predict")
    .summary("logits of a model for given inputs")
    .description(
      "Runs a network with the weights of a file (safetensors, sparse or not, or PyTorch's .pt and .pth) on the samples of\na .npy array [n, c, h, w], in evaluation mode, and writes its logits [n, classes].",
    )
    .addOption(new Option("--model <name>", "network, if the file does not say").choices(Object.keys(models)))
    .requiredOption("--weights <file>", "safetensors, or a state_dict that PyTorch saved")
    .requiredOption("--input <files...>", "a .npy array, normalised as the network wants it")
    .option("--output <file>", "where the logits go, as .npy")
    .option("--classes <n>", "outputs of the network, if not those of the file's last layer", wholeFrom1)
    .option("-T, --time-steps <n>", "steps of a spiking network", wholeFrom1)
    .option("--batch-size <n>", "samples at a time", wholeFrom1, 32)
    .option("--top <n>", "likeliest classes to show of each sample", wholeFrom1, 5);
  gpuOptions(command)
    .addHelpText(
      "after",
      "\nExample\n  $ espalier predict --model resnet-18 --weights resnet18.pth --input x.npy --output y.npy",
    )
    .action(async (flags: PredictFlags & { json?: boolean }) => {
      done(await runPredict(flags, makeOutput(flags.json ?? false)));
    });
}
