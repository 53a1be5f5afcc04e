// `espalier predict` for models of numbers in files: reads rows, scales them as in training, and writes predictions in the data's units.
import {
  type Module,
  NonFiniteError,
  noGrad,
  type OpenWeights,
  RandomState,
  Scope,
  tensor,
  writeNpy,
} from "../internal.ts";
import { adapterName, openGpu } from "../node/adapter.ts";
import { readSizes } from "../recipe/compact_metadata.ts";
import { readObjectiveMetadata } from "../recipe/objective_metadata.ts";
import { modelFor } from "../recipe/session.ts";
import { readTableMetadata, type SavedTable } from "../recipe/table_data.ts";
import { modelClasses } from "../run/class_match.ts";
import { writeOutput } from "../run/output_file.ts";
import { putWeights, takeFitting } from "../run/weights_in.ts";
import { inOwnUnits, readUnlabelled, type Samples, standardise } from "../tables/index.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { Output } from "../terminal/output.ts";
import { printable } from "../terminal/terminal.ts";
import { percent, significant } from "../text/index.ts";
import { likeliest, type PredictFlags } from "./predict_guesses.ts";

interface TableRequest {
  readonly flags: PredictFlags;
  readonly file: OpenWeights;
}

/** Kind of the predictions of a model. */
interface Kind {
  readonly saved: SavedTable;
  /** Names of the classes; none if the targets are numbers. */
  readonly classes: readonly string[];
  /** True for labels, whose outputs are logits. */
  readonly isLabels: boolean;
}

/** Predict the rows of a file. Returns the exit code. */
export async function predictTable({ flags, file }: TableRequest, out: Output): Promise<number> {
  const { weights, input, size, resize, mean, std, timeSteps, classes } = flags;
  const others = { "--size": size, "--resize": resize, "--mean": mean, "--std": std, "--time-steps": timeSteps };
  refuseIdle(idleUnless(false, "the model is of data table", { ...others, "--classes": classes }));
  const [path, more] = input;
  if (path === undefined || more !== undefined)
    throw new UsageError(`--input: expected one file of numbers, got ${input.length}`);
  const kind = kindOf(file, weights);
  const { saved } = kind;
  const samples = await readUnlabelled(path, { inputs: saved.given.inputs, header: saved.header });
  if (String(samples.inputNames) !== String(saved.inputs)) {
    const shown = (names: readonly string[]) => names.join(", ");
    throw new UsageError(`${path}: expected the inputs ${shown(saved.inputs)}, got ${shown(samples.inputNames)}`);
  }
  standardise(samples.x, samples.shape, saved.x);
  const gpu = await openGpu(flags);
  const model = loadModel(flags, file, samples, kind);
  const outputs = await outputsOf(model, samples, flags.batchSize);
  model.dispose();
  const values = valuesOf(outputs, kind);
  if (flags.output !== undefined) await write(flags.output, samples, values, kind, out);
  say(samples, values, kind, flags.top, out);
  out.emit({
    kind: "result",
    samples: samples.length,
    outputs: values.length / samples.length,
    adapter: adapterName(gpu.adapter),
  });
  return 0;
}

function kindOf({ metadata }: OpenWeights, file: string): Kind {
  const saved = readTableMetadata(metadata.get("table"), file)!;
  const isLabels = readObjectiveMetadata(metadata, file).loss === "bce-with-logits";
  return { saved, classes: modelClasses(metadata, file).names ?? [], isLabels };
}

function loadModel(flags: PredictFlags, file: OpenWeights, { shape }: Samples, { saved, classes }: Kind): Module {
  const { weights } = flags;
  const name = flags.model ?? file.metadata.get("model");
  if (!name) throw new UsageError(`${weights}: does not name its model; give --model`);
  const numbers = saved.targetShape.reduce((product, n) => product * n, 1);
  const settings = { name, ...readSizes(file.metadata, weights) };
  const parts = { model: settings, data: "table", random: new RandomState(0) };
  const model = modelFor(parts, shape, saved.kind === "classes" ? classes.length : numbers);
  putWeights(
    model,
    takeFitting(file, flags, () => model),
    weights,
    flags,
  );
  return model.eval();
}

/** Compute the outputs of all samples. Errors: NonFiniteError naming the first row whose output is not finite. */
async function outputsOf(
  model: Module,
  { x, length, shape, where }: Samples,
  batchSize: number,
): Promise<Float32Array> {
  const per = x.length / length;
  const parts: Float32Array[] = [];
  for (let first = 0; first < length; first += batchSize) {
    const size = Math.min(batchSize, length - first);
    using _scope = new Scope();
    const rows = tensor(x.subarray(first * per, (first + size) * per), [size, ...shape]);
    parts.push((await noGrad(() => model.forward(rows)).data()) as Float32Array);
  }
  const outputs = new Float32Array(parts.flatMap((part) => [...part]));
  const bad = outputs.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0)
    throw new NonFiniteError(`${where(Math.floor((bad * length) / outputs.length))}: the outputs hold NaN or infinity`);
  return outputs;
}

/** Turn outputs into logits of classes, probabilities of labels, or numbers in the units of the data. */
function valuesOf(outputs: Float32Array, { saved, isLabels }: Kind): Float32Array {
  if (isLabels && saved.kind === "numbers") return outputs.map((logit) => 1 / (1 + Math.exp(-logit)));
  if (saved.y) inOwnUnits(outputs, saved.targetShape, saved.y);
  return outputs;
}

const quoted = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

async function write(path: string, { length }: Samples, values: Float32Array, kind: Kind, out: Output): Promise<void> {
  const { saved, classes } = kind;
  const per = values.length / length;
  const shape = saved.kind === "classes" ? [length, per] : [length, ...saved.targetShape];
  if (path.toLowerCase().endsWith(".npy"))
    await writeOutput(path, writeNpy({ dtype: "F32", shape, data: values }, path), "espalier predict");
  else if (path.toLowerCase().endsWith(".csv")) {
    const names = saved.kind === "classes" ? classes : saved.targets;
    const head = names.length === per ? names : Array.from({ length: per }, (_, i) => `output ${i + 1}`);
    const rows = Array.from({ length }, (_, i) => [...values.subarray(i * per, (i + 1) * per)].join(","));
    const text = `${[head.map(quoted).join(","), ...rows].join("\n")}\n`;
    await writeOutput(path, new TextEncoder().encode(text), "espalier predict");
  } else throw new UsageError(`--output: expected a .csv or .npy file, got ${path}`);
  const what = saved.kind === "classes" ? "logits" : kind.isLabels ? "probabilities" : "predictions";
  out.say(`${what} [${shape.join(", ")}] in ${path}`);
}

function say({ length, where }: Samples, values: Float32Array, kind: Kind, top: number, out: Output): void {
  const { saved, classes } = kind;
  const per = values.length / length;
  for (let i = 0; i < length; i++) {
    const row = values.subarray(i * per, (i + 1) * per);
    if (saved.kind === "classes") {
      const guesses = likeliest(row, top).map((guess) => ({
        ...guess,
        name: classes[guess.class] ?? String(guess.class),
      }));
      out.say(`${where(i)}: ${guesses.map((g) => `${printable(g.name)} (${percent(g.probability)})`).join(", ")}`);
      out.emit({ kind: "prediction", sample: where(i), guesses });
      continue;
    }
    const names = saved.targets.length === per ? saved.targets : Array.from(row, (_, k) => String(k));
    const show = (v: number) => (kind.isLabels ? percent(v) : significant(v, 5));
    out.say(`${where(i)}: ${names.map((name, k) => `${printable(name)} ${show(row[k]!)}`).join(", ")}`);
    out.emit({
      kind: "prediction",
      sample: where(i),
      values: Object.fromEntries(names.map((name, k) => [name, row[k]!])),
    });
  }
}
