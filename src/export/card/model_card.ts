// The model card of a run: what was trained, how well it does, how sparse it is, and how to do it again. README.md of the
// run's folder.
import type { Shape } from "../../tensor/index.ts";
import { ArgumentError, count, duration, expectKeys, type KeysOf, percent, times } from "../../text/index.ts";
import type { LayerSparsity, PruningReport } from "../../train/index.ts";
import { block, code, table } from "./markdown.ts";

export interface CardEngine {
  readonly version: string;
  /** Commit of the engine's own code; null outside a checkout. */
  readonly commit?: string | null;
  /** "node 20.19.4", "webgpu 0.6.2", "linux-x64": other versions that a result depends on. */
  readonly others?: readonly string[];
}

/** What is known of a run. Whatever is left out is left out of the card too: nothing is guessed. */
export interface ModelCardFacts {
  /** Name in the registry. */
  readonly model: string;
  /** One sample, [C, H, W]. */
  readonly input: Shape;
  readonly classes: number;
  readonly parameters: number;
  readonly data: string;
  readonly trainSamples?: number;
  readonly testSamples?: number;
  /** 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy on the same samples. */
  readonly loss?: number;
  /** "the test set, after the last epoch": which samples, and which weights. */
  readonly measuredOn: string;
  /** Before fine-tuning, if there was any. */
  readonly beforeFinetune?: { readonly accuracy: number; readonly sparsity: number };
  readonly method: string;
  /** At the end; null where each layer has its own. */
  readonly threshold?: number | null;
  readonly layers: readonly LayerSparsity[];
  readonly report: PruningReport;
  /** T of a spiking network. */
  readonly timeSteps?: number;
  readonly command: string;
  /** What was changed while it ran, a line each: "from step 6 on: epochs: 2 -> 3". */
  readonly changes?: readonly string[];
  /** The count recipe as YAML. */
  readonly recipe: string;
  readonly seed: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly seconds?: number;
  readonly engine: CardEngine;
  readonly adapter: string;
  /** Whether the adapter is a CPU that plays a GPU. */
  readonly software: boolean;
  /** When it was begun, ISO 8601. */
  readonly started?: string;
  /** Per channel, in units of 1 = 255: the network sees (byte / 255 - mean) / std. */
  readonly normalise?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** A picture of the run's curves: file name beside the card. */
  readonly plot?: string;
  /** Files of the run and what is in them. */
  readonly files?: readonly { readonly name: string; readonly holds: string }[];
  /** How the model is put to use, by what it is good for: "With ONNX Runtime". `language` of the code, as "sh". */
  readonly use?: readonly { readonly how: string; readonly language: string; readonly code: string }[];
}

const share = (part: number, all: number) => (all === 0 ? 0 : part / all);

/** Rows of a table of facts; those without a value are left out. */
const facts = (rows: readonly (readonly [string, string | undefined])[]): string =>
  rows.flatMap(([name, value]) => (value === undefined ? [] : [`- ${name}: ${value}`])).join("\n");

const given = <T>(value: T | undefined, format: (value: T) => string): string | undefined =>
  value === undefined ? undefined : format(value);

const KEYS: KeysOf<ModelCardFacts> = {
  ...{ model: true, input: true, classes: true, parameters: true, data: true, trainSamples: true },
  ...{ testSamples: true, accuracy: true, loss: true, measuredOn: true, beforeFinetune: true, method: true },
  ...{ threshold: true, layers: true, report: true, timeSteps: true, command: true, changes: true },
  ...{ recipe: true, seed: true, epochs: true, steps: true, seconds: true, engine: true },
  ...{ adapter: true, software: true, started: true, normalise: true, plot: true, files: true },
  ...{ use: true },
};

function check(f: ModelCardFacts): void {
  expectKeys(f, KEYS, (problem) => new ArgumentError(`modelCard: ${problem}`));
  const wrong = (what: string, wanted: string, was: unknown) =>
    new ArgumentError(`modelCard: ${what} wants ${wanted}, was given ${String(was)}`);
  if (!(f.accuracy >= 0 && f.accuracy <= 1)) throw wrong("accuracy", "0 to 1", f.accuracy);
  if (f.plot !== undefined && !/^[\w-]+(\.[\w-]+)*$/.test(f.plot))
    throw wrong("plot", "the name of a file beside the card", f.plot);
  for (const { name, weights, zeros } of f.layers)
    if (!(zeros >= 0 && zeros <= weights)) throw wrong(`layer ${name}`, `0 to ${weights} zeros`, zeros);
}

/** Numbers as short as they are known: 0.1307, not 0.13066047740239478. */
const short = (values: readonly number[]) => values.map((v) => String(Number(v.toPrecision(6)))).join(", ");

function totalsOf(layers: readonly LayerSparsity[]) {
  const weights = layers.reduce((n, l) => n + l.weights, 0);
  const zeros = layers.reduce((n, l) => n + l.zeros, 0);
  return { weights, zeros, sparsity: share(zeros, weights) };
}

function evaluation(f: ModelCardFacts): string {
  const { sparsity } = totalsOf(f.layers);
  const before = f.beforeFinetune;
  const rows = facts([
    ["Accuracy", `${percent(f.accuracy)} (top 1)`],
    ["Loss", given(f.loss, (loss) => loss.toFixed(4))],
    ["Measured on", code(f.measuredOn)],
    ["Sparsity of the weights that were tested", percent(sparsity)],
    ["Before fine-tuning", given(before, (b) => `accuracy ${percent(b.accuracy)} at sparsity ${percent(b.sparsity)}`)],
  ]);
  return `${rows}\n\nOne run of one seed: how far another seed would be from it was not measured here.`;
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
    `Multiply-adds are of ${unit}, convolutions and linear layers only, and count the places where a weight is used; at this sparsity every zero weight is skipped. The last row has the layers that are not pruned too. A multiply-add is two floating point operations (FLOPs): ${count(2 * report.macs)} dense, ${count(2 * report.sparseMacs)} at this sparsity. The sparse count is what could be skipped, not what was: training and evaluation here compute every product.`,
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
    "How many times smaller, with 32 bits a value and the bits of the indices counted; without headers, entropy coding or quantisation.",
  ].join("\n\n");
}

/**
 * The card as Markdown. Text that comes from outside (names, paths, the recipe) stands in code spans and blocks, so that
 * none of it becomes a link, HTML or a table of its own. Throws ArgumentError for an accuracy outside 0..1 or impossible zeros.
 */
export function modelCard(f: ModelCardFacts): string {
  check(f);
  const { engine } = f;
  const { sparsity } = totalsOf(f.layers);
  const made = [engine.version, ...(engine.commit ? [engine.commit] : []), ...(engine.others ?? [])].map(code);
  const sections: (readonly [string, string | undefined])[] = [
    [
      "Model",
      facts([
        ["Architecture", code(f.model)],
        ["Input", `${f.input.join(" x ")} (channels x height x width)`],
        ["Classes", count(f.classes)],
        ["Parameters", count(f.parameters)],
        [
          "Normalisation",
          given(f.normalise, (n) => `(byte / 255 - mean) / std with mean ${short(n.mean)} and std ${short(n.std)}`),
        ],
        ["Time steps", given(f.timeSteps, String)],
        ["Pruning method", code(f.method)],
        ["Final threshold", typeof f.threshold === "number" ? f.threshold.toPrecision(6) : undefined],
      ]),
    ],
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
    [
      "Training",
      [
        block(f.command, "sh"),
        facts([
          ["Seed", String(f.seed)],
          ["Epochs", given(f.epochs, String)],
          ["Steps", given(f.steps, count)],
          ["Time", given(f.seconds, duration)],
          ["Begun", given(f.started, code)],
          ["Engine", `espalier ${made.join(", ")}`],
          ["Adapter", `${code(f.adapter)}${f.software ? " (software: times say nothing about a GPU)" : ""}`],
        ]),
        ...(f.changes && f.changes.length > 0
          ? [`Changed while it ran:\n\n${f.changes.map((line) => `- ${code(line)}`).join("\n")}`]
          : []),
        ...(f.plot === undefined ? [] : [`![Curves of the run](${f.plot})`]),
        "The same command, engine, adapter and data give the same weights; on another adapter they agree to rounding.",
      ].join("\n\n"),
    ],
    ["Recipe", block(f.recipe, "yaml")],
    [
      "Files",
      f.files && f.files.length > 0
        ? table(
            ["File", "Holds"],
            f.files.map(({ name, holds }) => [code(name), code(holds)]),
            { text: true },
          )
        : undefined,
    ],
    [
      "Use",
      f.use && f.use.length > 0
        ? f.use.map((u) => `${u.how}:\n\n${block(u.code, u.language)}`).join("\n\n")
        : undefined,
    ],
    [
      "Limits",
      "Trained and tested on the data named above alone. Nothing here says how it does on other data, on shifted inputs, or on groups within the data.",
    ],
  ];
  const title = `# ${code(f.model)} on ${code(f.data)}, ${percent(sparsity)} sparse`;
  const body = sections.flatMap(([name, text]) => (text === undefined ? [] : [`## ${name}\n\n${text}`]));
  return `${[title, ...body].join("\n\n")}\n`;
}
