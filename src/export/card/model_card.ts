// Writes the model card of a run, README.md of its folder: model, data, accuracy, sparsity, and how to reproduce it.
import type { Shape } from "../../tensor/index.ts";
import {
  ArgumentError,
  count,
  duration,
  expectKeys,
  type KeysOf,
  metricText,
  percent,
  times,
} from "../../text/index.ts";
import { groupSparsityOf } from "../../train/group_sparsity.ts";
import type { LayerSparsity, PruningReport } from "../../train/index.ts";
import { block, code, table } from "./markdown.ts";

/** Version of the engine, and of everything else that a result depends on. */
export interface CardEngine {
  readonly version: string;
  /** Commit of the engine's own code; null outside a checkout. */
  readonly commit?: string | null;
  /** "node 20.19.4", "webgpu 0.6.2", "linux-x64": other versions that a result depends on. */
  readonly others?: readonly string[];
}

/** Facts of a run. The card omits the missing ones. */
export interface ModelCardFacts {
  /** Name in the registry. */
  readonly model: string;
  /** One sample, [C, H, W]. */
  readonly input: Shape;
  /** 0 if the targets are not class numbers. */
  readonly classes: number;
  /** Columns of numbers in files. */
  readonly columns?: { readonly inputs: readonly string[]; readonly targets: readonly string[] } | undefined;
  readonly parameters: number;
  readonly data: string;
  readonly trainSamples?: number;
  readonly testSamples?: number;
  /** 0 to 1. Absent if the targets are not class numbers. */
  readonly accuracy?: number | undefined;
  /** Metrics by name, on the same samples. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  /** Name of the loss. Default cross-entropy. */
  readonly lossName?: string | undefined;
  /** Mean loss on the same samples. */
  readonly loss?: number;
  /** Training batches that re-estimated the statistics of batch norm, and the test with those of training; NaN for no accuracy. */
  readonly recalibration?:
    | { readonly batches: number; readonly rawAccuracy: number; readonly rawLoss: number }
    | undefined;
  /** Samples and weights of the evaluation: "the test set, after the last epoch". */
  readonly measuredOn: string;
  /** Values before fine-tuning. */
  readonly beforeFinetune?:
    | {
        readonly accuracy: number;
        readonly sparsity: number;
        /** Text in place of the accuracy: "rmse 0.31". */
        readonly measured?: string | undefined;
      }
    | undefined;
  readonly method: string;
  /** Final threshold; null if each layer has its own. */
  readonly threshold?: number | null | undefined;
  readonly layers: readonly LayerSparsity[];
  readonly report: PruningReport;
  /** Number of time steps of a spiking network. */
  readonly timeSteps?: number | undefined;
  readonly command: string;
  /** Settings that changed during the run, one line each: "from step 6 on: epochs: 2 -> 3". */
  readonly changes?: readonly string[];
  /** Complete recipe as YAML. */
  readonly recipe: string;
  readonly seed: number;
  readonly epochs?: number;
  /** Precision of training. Default f32. */
  readonly precision?: "f32" | "f16" | undefined;
  readonly steps?: number;
  readonly seconds?: number;
  readonly engine: CardEngine;
  readonly adapter: string;
  /** True for a software adapter. */
  readonly software: boolean;
  /** Start time, ISO 8601. */
  readonly started?: string | undefined;
  /** Mean and std per channel, in units of 255: the input is (byte / 255 - mean) / std. */
  readonly normalise?: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
  /** Plot of the run's curves: name of a file in the card's folder. */
  readonly plot?: string;
  /** Files of the run, with their contents. */
  readonly files?: readonly { readonly name: string; readonly holds: string }[];
  /** Code samples that use the model; `how`: heading such as "With ONNX Runtime"; `language`: of the code, such as "sh". */
  readonly use?: readonly { readonly how: string; readonly language: string; readonly code: string }[];
}

const share = (part: number, all: number) => (all === 0 ? 0 : part / all);

/** Format rows of facts; skips rows without a value. */
const facts = (rows: readonly (readonly [string, string | undefined])[]): string =>
  rows.flatMap(([name, value]) => (value === undefined ? [] : [`- ${name}: ${value}`])).join("\n");

const given = <T>(value: T | undefined, format: (value: T) => string): string | undefined =>
  value === undefined ? undefined : format(value);

const KEYS: KeysOf<ModelCardFacts> = {
  ...{ model: true, input: true, classes: true, columns: true, parameters: true, data: true, trainSamples: true },
  ...{
    testSamples: true,
    accuracy: true,
    metrics: true,
    lossName: true,
    loss: true,
    recalibration: true,
    measuredOn: true,
    beforeFinetune: true,
    method: true,
  },
  ...{ threshold: true, layers: true, report: true, timeSteps: true, command: true, changes: true },
  ...{ recipe: true, seed: true, epochs: true, precision: true, steps: true, seconds: true, engine: true },
  ...{ adapter: true, software: true, started: true, normalise: true, plot: true, files: true },
  ...{ use: true },
};

function check(f: ModelCardFacts): void {
  expectKeys(f, KEYS, (problem) => new ArgumentError(`modelCard: ${problem}`));
  const wrong = (what: string, expected: string, got: unknown) =>
    new ArgumentError(`modelCard: ${what}: expected ${expected}, got ${String(got)}`);
  if (f.accuracy !== undefined && !(f.accuracy >= 0 && f.accuracy <= 1)) throw wrong("accuracy", "0 to 1", f.accuracy);
  if (f.plot !== undefined && !/^[\w-]+(\.[\w-]+)*$/.test(f.plot))
    throw wrong("plot", "the name of a file in the card's folder", f.plot);
  for (const { name, weights, zeros } of f.layers)
    if (!(zeros >= 0 && zeros <= weights)) throw wrong(`layer ${name}`, `0 to ${weights} zeros`, zeros);
}

/** Format numbers with six significant digits. */
const short = (values: readonly number[]) => values.map((v) => String(Number(v.toPrecision(6)))).join(", ");

function totalsOf(layers: readonly LayerSparsity[]) {
  const weights = layers.reduce((n, l) => n + l.weights, 0);
  const zeros = layers.reduce((n, l) => n + l.zeros, 0);
  return { weights, zeros, sparsity: share(zeros, weights) };
}

const beforeWords = ({ accuracy, sparsity, measured }: NonNullable<ModelCardFacts["beforeFinetune"]>): string =>
  `${measured ?? `accuracy ${percent(accuracy)}`} at sparsity ${percent(sparsity)}`;

function evaluation(f: ModelCardFacts): string {
  const { sparsity } = totalsOf(f.layers);
  const before = f.beforeFinetune;
  const rows = facts([
    ["Accuracy", given(f.accuracy, (accuracy) => `${percent(accuracy)} (top 1)`)],
    ...Object.entries(f.metrics ?? {}).map(([name, value]) => [code(name), metricText(name, value)] as const),
    [
      "Batch norm",
      given(
        f.recalibration,
        ({ batches, rawAccuracy, rawLoss }) =>
          `running statistics re-estimated from ${batches} training batches; with those of training: ${Number.isNaN(rawAccuracy) ? "" : `accuracy ${percent(rawAccuracy)}, `}loss ${rawLoss.toFixed(4)}`,
      ),
    ],
    [f.lossName === undefined ? "Loss" : `Loss (${code(f.lossName)})`, given(f.loss, (loss) => loss.toFixed(4))],
    ["Measured on", code(f.measuredOn)],
    ["Sparsity of the weights that were tested", percent(sparsity)],
    ["Zero groups", given(groupSparsityOf(f.layers), percent)],
    ["Before fine-tuning", given(before, beforeWords)],
  ]);
  return `${rows}\n\nOne run with one seed; the spread over seeds was not measured.`;
}

function sparsitySection({ layers, report, timeSteps }: ModelCardFacts): string {
  const { weights, zeros, sparsity } = totalsOf(layers);
  const macs = new Map(report.layers.map((l) => [l.name, l]));
  const rows = layers.map((l) => {
    const counted = macs.get(l.name);
    return [
      code(l.name),
      l.shape.join("x"),
      count(l.weights),
      count(l.zeros),
      percent(share(l.zeros, l.weights)),
      counted ? count(counted.macs) : "",
      counted ? count(counted.sparseMacs) : "",
    ];
  });
  const total = [count(weights), count(zeros), percent(sparsity), count(report.macs), count(report.sparseMacs)];
  rows.push(["all", "", ...total]);
  const head = ["Layer", "Shape", "Weights", "Zeros", "Sparsity", "Multiply-adds, dense", "at this sparsity"];
  const unit = timeSteps === undefined ? "one sample" : `one time step of one sample (of ${timeSteps} steps)`;
  return [
    table(head, rows),
    `Multiply-adds of ${unit}, in convolutions and linear layers only. At this sparsity, every product with a zero weight is skipped. The last row includes the layers that are not pruned. A multiply-add is two floating point operations (FLOPs): ${count(2 * report.macs)} dense, ${count(2 * report.sparseMacs)} at this sparsity. The sparse count is a bound, not a measurement: training and evaluation compute every product.`,
  ].join("\n\n");
}

function compressionSection({ report: { compression } }: ModelCardFacts): string {
  const { pruned, model } = compression;
  const row = (name: string, a: number | null, b: number | null) => [name, times(a), times(b)];
  return [
    table(
      ["", "Pruned layers", "Whole model"],
      [
        row("numbers / numbers left", pruned.ratio, model.ratio),
        row("bits, compressed sparse rows", pruned.csrRatio, model.csrRatio),
        row("bits, bitmask", pruned.bitmaskRatio, model.bitmaskRatio),
      ],
    ),
    "Compression ratios with 32 bits per value plus the bits of the indices; without headers, entropy coding or quantisation.",
  ].join("\n\n");
}

const modelSection = (f: ModelCardFacts): string =>
  facts([
    ["Architecture", code(f.model)],
    [
      "Input",
      f.input.length === 3 ? `${f.input.join(" x ")} (channels x height x width)` : `${f.input.join(" x ")} numbers`,
    ],
    ["Classes", f.classes > 0 ? count(f.classes) : undefined],
    ["Inputs", given(f.columns?.inputs, (names) => code(names.join(", ")))],
    ["Targets", given(f.columns?.targets, (names) => code(names.join(", ")))],
    ["Parameters", count(f.parameters)],
    [
      "Normalisation",
      given(f.normalise, (n) => `(byte / 255 - mean) / std with mean ${short(n.mean)} and std ${short(n.std)}`),
    ],
    ["Time steps", given(f.timeSteps, String)],
    ["Pruning method", code(f.method)],
    ["Final threshold", typeof f.threshold === "number" ? f.threshold.toPrecision(6) : undefined],
  ]);

function trainingSection(f: ModelCardFacts): string {
  const { version, commit, others = [] } = f.engine;
  const made = [version, ...(commit ? [commit] : []), ...others].map(code);
  return [
    block(f.command, "sh"),
    facts([
      ["Seed", String(f.seed)],
      ["Epochs", given(f.epochs, String)],
      ["Precision", f.precision === "f16" ? "f16: activations and their gradients; weights and sums in f32" : "f32"],
      ["Steps", given(f.steps, count)],
      ["Time", given(f.seconds, duration)],
      ["Started", given(f.started, code)],
      ["Engine", `espalier ${made.join(", ")}`],
      ["Adapter", `${code(f.adapter)}${f.software ? " (software: its times do not apply to a GPU)" : ""}`],
    ]),
    ...(f.changes && f.changes.length > 0
      ? [`Changes during the run:\n\n${f.changes.map((line) => `- ${code(line)}`).join("\n")}`]
      : []),
    ...(f.plot === undefined ? [] : [`![Curves of the run](${f.plot})`]),
    "The same command, engine, adapter and data give the same weights. Weights from another adapter agree to rounding.",
  ].join("\n\n");
}

const filesSection = ({ files = [] }: ModelCardFacts): string | undefined =>
  files.length === 0
    ? undefined
    : table(
        ["File", "Contents"],
        files.map(({ name, holds }) => [code(name), code(holds)]),
        { text: true },
      );

const useSection = ({ use = [] }: ModelCardFacts): string | undefined =>
  use.length === 0 ? undefined : use.map((u) => `${u.how}:\n\n${block(u.code, u.language)}`).join("\n\n");

/**
 * Write the card as Markdown. Foreign text (names, paths, the recipe) is put into code spans and blocks, so that it cannot
 * become a link, HTML or a table. Errors: ArgumentError for an accuracy outside 0..1 or an impossible number of zeros.
 */
export function modelCard(f: ModelCardFacts): string {
  check(f);
  const { sparsity } = totalsOf(f.layers);
  const sections: (readonly [string, string | undefined])[] = [
    ["Model", modelSection(f)],
    [
      "Data",
      facts([
        ["Data set", code(f.data)],
        ["Training samples", given(f.trainSamples, count)],
        ["Test samples", given(f.testSamples, count)],
      ]),
    ],
    ["Evaluation", evaluation(f)],
    ["Sparsity", sparsitySection(f)],
    ["Compression", compressionSection(f)],
    ["Training", trainingSection(f)],
    ["Recipe", block(f.recipe, "yaml")],
    ["Files", filesSection(f)],
    ["Use", useSection(f)],
    [
      "Limits",
      "Trained and tested only on the data named above. Accuracy on other data, on shifted inputs and on groups within the data is unknown.",
    ],
  ];
  const title = `# ${code(f.model)} on ${code(f.data)}, ${percent(sparsity)} sparse`;
  const body = sections.flatMap(([name, text]) => (text === undefined ? [] : [`## ${name}\n\n${text}`]));
  return `${[title, ...body].join("\n\n")}\n`;
}
