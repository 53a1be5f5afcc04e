// Weights from a file into a model, for every command that loads any: whichever program wrote them, whichever of several the
// file holds, under whichever of the known names.
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  compareState,
  expectFinite,
  formatLoadReport,
  type HostArray,
  type LoadOptions,
  type LoadReport,
  loadState,
  type Module,
  namePattern,
  OpError,
  type OpenWeights,
  openWeights,
  type WeightsFile,
} from "../index.ts";
import { NotRegularError } from "../node/regular_file.ts";
import { type OpenFile, openRanges } from "../node.ts";
import { UsageError } from "../terminal/fail.ts";

/** What of a file is taken, and what may differ from the model. */
export interface WeightFlags {
  readonly key?: string | undefined;
  readonly allowMissing?: readonly string[] | undefined;
  readonly allowUnexpected?: readonly string[] | undefined;
}

const WEIGHTS = /\.(safetensors|pth?|bin|ckpt|tar)$/i;

/** What to give instead of a folder. */
function folderWords(path: string): string {
  const names = readdirSync(path).filter((name) => WEIGHTS.test(name) || name.endsWith(".index.json"));
  if (names.length === 0) return "is a folder without a file of weights; expected a file";
  const index = names.find((name) => name.endsWith(".index.json"));
  return `is a folder; expected a file, as ${join(path, index ?? names[0]!)}`;
}

async function openFile(path: string): Promise<OpenFile> {
  try {
    return await openRanges(path);
  } catch (cause) {
    if (!(cause instanceof NotRegularError)) throw cause;
    throw new UsageError(
      cause.code === "EISDIR" ? `${path}: ${folderWords(path)}` : `cannot read ${path}: ${cause.message}`,
    );
  }
}

/**
 * Opens safetensors, sparse or not, PyTorch's .pt and .pth, or the index of several of them. Errors name the file and what
 * it is, or what is wrong with it.
 */
export async function openWeightsFile(path: string): Promise<OpenWeights> {
  const opened: OpenFile[] = [];
  const open = async (file: string) => {
    const source = await openFile(file);
    opened.push(source);
    return source;
  };
  try {
    return await openWeights(await open(path), path, { beside: (name) => open(join(dirname(path), name)) });
  } finally {
    for (const source of opened) await source.close();
  }
}

const loadOptions = ({ allowMissing = [], allowUnexpected = [] }: WeightFlags, more: LoadOptions): LoadOptions => ({
  ...more,
  allowMissing,
  allowUnexpected,
});

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** Weights for a model that may have to be built by what the file has, such as the number of classes. */
export function takeFitting(
  file: OpenWeights,
  flags: WeightFlags,
  modelFor: (weights: Shapes) => Module | null,
  more: LoadOptions = {},
): WeightsFile {
  const options = loadOptions(flags, more);
  const tests = (flags.allowUnexpected ?? []).map(namePattern);
  const fit = (weights: Shapes) => {
    const model = modelFor(weights);
    if (model === null) return { loaded: 0, trouble: 1 };
    const report = compareState(model, weights, options);
    return { loaded: report.loaded.length, trouble: trouble(report) };
  };
  return file.take({
    fit,
    mayLack: (name) => tests.some((test) => test(name)),
    ...(flags.key === undefined ? {} : { key: flags.key }),
  });
}

/**
 * How many classes the last layer of a file's weights has, by the file alone: the rows of the last weight with two axes or
 * more. Files that sort their names, or put a pruned weight last, end with another layer: see byClasses.
 */
export function classesOf(weights: Shapes, file: string): number {
  const last = [...weights.values()].findLast(({ shape }) => shape.length >= 2);
  if (!last) throw new UsageError(`${file}: holds no layer's weight; give --classes`);
  return last.shape[0]!;
}

/** The rows that a file has of the model's own last layer, wherever it stands in the file; null where it is not there. */
function rowsOfLastLayer(model: Module, weights: Shapes): number | null {
  const last = [...model.namedParameters()].findLast(([, { shape }]) => shape.length >= 2);
  const shape = last && weights.get(last[0])?.shape;
  return shape && shape.length >= 2 ? shape[0]! : null;
}

/** A model for weights of so many classes, by the flag or what they have. Each is built once. */
export function byClasses(
  build: (classes: number) => Module,
  flag: number | undefined,
  file: string,
): { of(weights: Shapes): { model: Module; classes: number }; orNull(weights: Shapes): Module | null } {
  const built = new Map<number, Module>();
  const modelOf = (classes: number) => {
    const model = built.get(classes) ?? build(classes);
    built.set(classes, model);
    return model;
  };
  const of = (weights: Shapes) => {
    if (flag !== undefined) return { model: modelOf(flag), classes: flag };
    const guess = classesOf(weights, file);
    const classes = rowsOfLastLayer(modelOf(guess), weights) ?? guess;
    return { model: modelOf(classes), classes };
  };
  return {
    of,
    // Of a dict that is not the model's, there may be no such model. What is chosen is built with its error.
    orNull(weights) {
      try {
        return of(weights).model;
      } catch (error) {
        if (error instanceof UsageError || error instanceof OpError || error instanceof RangeError) return null;
        throw error;
      }
    },
  };
}

/** The flags' names for what the library's options are called. */
const inFlags = (words: string) =>
  words.replaceAll("allowMissing", "--allow-missing").replaceAll("allowUnexpected", "--allow-unexpected");

const trouble = ({ missing, unexpected, mismatched }: LoadReport) =>
  missing.length + unexpected.length + mismatched.length;

/** A name as a shell takes it; one with control characters, by a pattern that stands for any letters there. */
function quotedName(name: string): string {
  const shown = name.replace(/\p{C}+/gu, "*");
  return /^[\w.*:/-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "?")}'`;
}

/** What leaves out what only the file has, where that is all that stands in the way. */
function unexpectedHint({ missing, mismatched, unexpected }: LoadReport): string[] {
  if (missing.length + mismatched.length > 0 || unexpected.length === 0) return [];
  const names = [...new Set(unexpected.map((name) => (unexpected.length > 3 ? `${name.split(".")[0]}.*` : name)))];
  return [`leave out what the model has no use for: --allow-unexpected ${names.slice(0, 4).map(quotedName).join(" ")}`];
}

/** One file of several is given alone: where the others are named. */
function shardHint(file: string): string[] {
  const part = /^(.+)-\d{5}-of-(\d{5})(\.\w+)$/.exec(basename(file));
  if (!part) return [];
  return [`this is one of ${Number(part[2])} shards: give ${join(dirname(file), `${part[1]}${part[3]}.index.json`)}`];
}

function unfit(file: string, words: string, report: LoadReport, hints: readonly string[]): UsageError {
  const lines = [...hints, ...unexpectedHint(report), ...shardHint(file)];
  return new UsageError([`${file}: does not fit the model: ${inFlags(words)}`, ...lines].join("\n"));
}

/**
 * Puts weights that takeFitting took into the model. The lines tell what was loaded, and what was left out. Errors are usage
 * errors that name the file and list what does not fit.
 */
export function putWeights(
  model: Module,
  { weights, hints = [] }: Pick<WeightsFile, "weights" | "hints">,
  file: string,
  flags: WeightFlags = {},
  more: LoadOptions = {},
): { report: LoadReport; lines: string[] } {
  const options = loadOptions(flags, more);
  const compared = compareState(model, weights, options);
  // Numbers that are none are the file's fault, not the command line's.
  if (trouble(compared) === 0)
    expectFinite(
      file,
      compared.loaded.map((name) => [name, weights.get(name)!]),
    );
  try {
    const report = loadState(model, weights, options);
    return { report, lines: formatLoadReport(report).split("\n") };
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    throw unfit(file, error.message, compared, hints);
  }
}

/** Names and values of the model's own that are in the file, in the model's order, without a GPU. Errors as putWeights. */
export function fittedWeights(
  model: Module,
  { weights, hints = [] }: Pick<WeightsFile, "weights" | "hints">,
  file: string,
  flags: WeightFlags,
): Map<string, HostArray<Float32Array>> {
  const report = compareState(model, weights, loadOptions(flags, {}));
  const words =
    trouble(report) > 0 ? formatLoadReport(report) : report.idle.map((p) => `${p} meets no name`).join("; ");
  if (words !== "") throw unfit(file, words, report, hints);
  return new Map(report.loaded.map((name) => [name, weights.get(name)!]));
}
