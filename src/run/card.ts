// Collects the facts of a finished run for its model card, README.md.

import type { CardEngine, ModelCardFacts } from "../export/index.ts";
import type { LayerSparsity, PruningReport } from "../internal.ts";
import { lossOf } from "../recipe/objective.ts";
import { type Recipe, recipeToYaml } from "../recipe/recipe.ts";
import { isSpiking, timeStepsOf } from "../recipe/spiking.ts";
import type { Splits } from "../recipe/splits.ts";
import { count, metricText } from "../text/index.ts";

/** The result of `espalier train`, as in result.json. */
export interface RunResult {
  readonly method: string;
  /** Test accuracy, 0 to 1; NaN if the targets are not class numbers. */
  readonly accuracy: number;
  /** Measurement that chooses the best model, and its value on the test set. */
  readonly metric: string;
  readonly score: number;
  /** Other metrics of the test set. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly sparsity: number;
  readonly loss: number;
  /** With the running statistics of training; absent if they were not re-estimated. */
  readonly rawAccuracy?: number;
  readonly rawLoss?: number;
  /** Training batches of the re-estimation. */
  readonly recalibrated?: number;
  readonly seconds: number;
  readonly steps: number;
  readonly parameters: number;
  readonly adapter: string;
  readonly software: boolean;
  readonly threshold?: number | null | undefined;
  readonly layers: readonly LayerSparsity[];
  readonly report: PruningReport;
  readonly beforeFinetune?: { readonly accuracy: number; readonly sparsity: number; readonly score: number };
}

interface CardSources {
  readonly recipe: Recipe;
  readonly result: RunResult;
  readonly data: Pick<Splits, "train" | "test" | "table">;
  /** Normalisation of the input: (byte / 255 - mean) / std. */
  readonly normalise: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
  /** Commands that started and continued the run. */
  readonly commands: readonly string[];
  /** Changes of the settings during the run, one per line. */
  readonly changes: readonly string[];
  /** Content of run.json. */
  readonly info: Readonly<Record<string, unknown>>;
  readonly files: readonly { readonly name: string; readonly holds: string }[];
}

/** Quote words so that a shell reads them back. */
export function commandLine(words: readonly string[]): string {
  const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return words.map(quoted).join(" ");
}

function engineOf(info: CardSources["info"]): CardEngine {
  const text = (key: string) => (typeof info[key] === "string" ? (info[key] as string) : null);
  const named = (name: string, key: string) => (text(key) === null ? [] : [`${name} ${text(key)}`]);
  const platform = text("platform");
  return {
    version: text("espalier") ?? "(unknown version)",
    commit: text("commit"),
    others: [...named("node", "node"), ...named("webgpu", "webgpu"), ...(platform ? [platform] : [])],
  };
}

/** Examples of use with this run's names and sizes. */
function uses({ recipe, data, files }: CardSources): NonNullable<ModelCardFacts["use"]> {
  const has = (name: string) => files.some((file) => file.name === name);
  const espalier = (...words: string[]) => commandLine(["espalier", ...words]);
  const at = (name: string) => `${recipe.out.replace(/\/+$/, "")}/${name}`;
  const sample = ["n", ...data.train.shape].join(", ");
  const spiking = isSpiking(recipe.model.name);
  const use = [
    {
      how: "Test it again, or compute logits, with the engine that trained it",
      language: "sh",
      code: [
        espalier("eval", recipe.out),
        espalier(
          ...["predict", "--weights", at("model.sparse.safetensors")],
          ...["--input", data.table ? "new.csv" : "x.npy", "--output", data.table ? "predictions.csv" : "logits.npy"],
        ),
      ].join("\n"),
    },
    {
      how: "Load the weights in PyTorch: names and shapes match its state_dict",
      language: "python",
      code: 'from safetensors.torch import load_file\n\nmodel.load_state_dict(load_file("model.safetensors"))',
    },
  ];
  if (has("model.onnx") && !spiking)
    use.push({
      how: "Run it in ONNX Runtime",
      language: "python",
      code: [
        "import onnxruntime",
        "",
        'session = onnxruntime.InferenceSession("model.onnx")',
        `logits = session.run(["logits"], {"input": x})[0]  # x: float32 [${sample}], ${data.table ? "standardised" : "normalised"}`,
      ].join("\n"),
    });
  return use;
}

export function cardFacts(sources: CardSources): ModelCardFacts {
  const { recipe, result, data, normalise, commands, changes, info, files } = sources;
  const { train, test, table } = data;
  return {
    model: recipe.model.name,
    input: train.shape,
    classes: train.classes.length,
    parameters: result.parameters,
    data: recipe.data.name,
    trainSamples: train.length,
    testSamples: test.length,
    normalise,
    accuracy: Number.isNaN(result.accuracy) ? undefined : result.accuracy,
    metrics: result.metrics,
    lossName: recipe.loss === undefined && train.classes.length > 0 ? undefined : lossOf(recipe, train),
    columns: table,
    loss: result.loss,
    recalibration:
      result.rawAccuracy === undefined
        ? undefined
        : {
            batches: result.recalibrated ?? recipe.recalibrate,
            rawAccuracy: result.rawAccuracy,
            rawLoss: result.rawLoss ?? Number.NaN,
          },
    measuredOn: `all ${count(test.length)} test samples, after the last epoch`,
    beforeFinetune: result.beforeFinetune && {
      ...{ accuracy: result.beforeFinetune.accuracy, sparsity: result.beforeFinetune.sparsity },
      measured:
        result.metric === "accuracy"
          ? undefined
          : `${result.metric} ${metricText(result.metric, result.beforeFinetune.score)}`,
    },
    method: result.method,
    threshold: result.threshold,
    layers: result.layers,
    report: result.report,
    timeSteps: isSpiking(recipe.model.name) ? timeStepsOf(recipe.model, recipe.data.name) : undefined,
    command: commands.join("\n"),
    changes,
    recipe: recipeToYaml(recipe).trimStart(),
    seed: recipe.seed,
    epochs: recipe.epochs + recipe.finetuneEpochs,
    precision: recipe.precision,
    steps: result.steps,
    seconds: result.seconds,
    engine: engineOf(info),
    adapter: result.adapter,
    software: result.software,
    started: typeof info["started"] === "string" ? info["started"] : undefined,
    plot: "plot.png",
    files,
    use: uses(sources),
  };
}
