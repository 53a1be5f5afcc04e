// Loads weights from a file into a model, for all commands: from any known program, under any of its names for the weights.
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
  modelRegistry,
  namePattern,
  OpError,
  type OpenWeights,
  openWeights,
  type ShortcutKind,
  type WeightsFile,
} from "../internal.ts";
import { NotRegularError } from "../node/regular_file.ts";
import { type OpenFile, openFileRanges } from "../node_internal.ts";
import { UsageError } from "../terminal/fail.ts";

/** Flags that choose the weights of a file, and allow differences from the model. */
export interface WeightFlags {
  readonly key?: string | undefined;
  readonly allowMissing?: readonly string[] | undefined;
  readonly allowUnexpected?: readonly string[] | undefined;
}

const WEIGHTS = /\.(safetensors|pth?|th|bin|ckpt|tar)$/i;

/** Say which file to name instead of a folder. */
function folderWords(path: string): string {
  const names = readdirSync(path).filter((name) => WEIGHTS.test(name) || name.endsWith(".index.json"));
  if (names.length === 0) return "expected a file of weights, got a folder without any";
  const index = names.find((name) => name.endsWith(".index.json"));
  return `expected a file, got a folder; it holds ${join(path, index ?? names[0]!)}`;
}

async function openFile(path: string): Promise<OpenFile> {
  try {
    return await openFileRanges(path);
  } catch (cause) {
    if (!(cause instanceof NotRegularError)) throw cause;
    throw new UsageError(
      cause.code === "EISDIR" ? `${path}: ${folderWords(path)}` : `cannot read ${path}: ${cause.message}`,
    );
  }
}

/**
 * Open a file of weights: safetensors, sparse or not, PyTorch's .pt or .pth, or the index of shards. Errors name the file and
 * its fault.
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

/** Choose the weights for a model that is built to fit the file, e.g. its class count. */
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
    key: flags.key,
  });
}

/** Return the shortcuts of the network of these weights, which their names show; undefined for a model with no choice. */
export function shortcutOf(name: string, weights: Shapes): ShortcutKind | undefined {
  const has = Object.hasOwn(modelRegistry, name) && modelRegistry[name]?.shortcut !== undefined;
  if (!has) return undefined;
  return [...weights.keys()].some((key) => key.includes(".downsample.")) ? "projection" : "identity";
}

/**
 * Guess the class count from the file alone: the rows of its last weight with two or more axes. Files with sorted names, or
 * with a pruned weight last, end with another layer: see byClasses.
 */
function classesOf(weights: Shapes, file: string): number {
  const last = [...weights.values()].findLast(({ shape }) => shape.length >= 2);
  if (!last) throw new UsageError(`${file}: expected a weight with two or more axes, got none; give --classes`);
  return last.shape[0]!;
}

/** Return the rows in the file of the model's last layer, at any position of the file; null if it is absent. */
function rowsOfLastLayer(model: Module, weights: Shapes): number | null {
  const last = [...model.namedParameters()].findLast(([, { shape }]) => shape.length >= 2);
  const shape = last && weights.get(last[0])?.shape;
  return shape && shape.length >= 2 ? shape[0]! : null;
}

/** Build the model `name` by class count, which the flag or the weights give, and by shortcuts. Each is built once. */
export function byClasses(
  build: (classes: number, shortcut: ShortcutKind | undefined) => Module,
  { name, classes: flag, file }: { readonly name: string; readonly classes: number | undefined; readonly file: string },
): { of(weights: Shapes): { model: Module; classes: number }; orNull(weights: Shapes): Module | null } {
  const built = new Map<string, Module>();
  const modelOf = (classes: number, weights: Shapes) => {
    const shortcut = shortcutOf(name, weights);
    const key = `${classes} ${shortcut}`;
    const model = built.get(key) ?? build(classes, shortcut);
    built.set(key, model);
    return model;
  };
  const of = (weights: Shapes) => {
    if (flag !== undefined) return { model: modelOf(flag, weights), classes: flag };
    const guess = classesOf(weights, file);
    const classes = rowsOfLastLayer(modelOf(guess, weights), weights) ?? guess;
    return { model: modelOf(classes, weights), classes };
  };
  return {
    of,
    // There may be no model for a dict of another model. The chosen dict reports its error when its model is built.
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

/** Replace the library's names of options by those of the flags. */
const inFlags = (words: string) =>
  words.replaceAll("allowMissing", "--allow-missing").replaceAll("allowUnexpected", "--allow-unexpected");

const trouble = ({ missing, unexpected, mismatched }: LoadReport) =>
  missing.length + unexpected.length + mismatched.length;

/** Quote a name for a shell. Control characters become "*", which matches them. */
function quotedName(name: string): string {
  const shown = name.replace(/\p{C}+/gu, "*");
  return /^[\w.*:/-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "?")}'`;
}

/** Say how to skip the arrays that only the file has, if they are the only problem. */
function unexpectedHint({ missing, mismatched, unexpected }: LoadReport): string[] {
  if (missing.length + mismatched.length > 0 || unexpected.length === 0) return [];
  const names = [...new Set(unexpected.map((name) => (unexpected.length > 3 ? `${name.split(".")[0]}.*` : name)))];
  return [
    `skip the arrays that the model does not use: --allow-unexpected ${names.slice(0, 4).map(quotedName).join(" ")}`,
  ];
}

/** Point from one shard of several to their index. */
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
 * Load the weights that takeFitting chose into the model. The lines say which arrays were loaded and which were skipped.
 * Errors: UsageError that names the file and lists the differences.
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
  // NaN and infinity are a fault of the file, not of the command line.
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

/** Return the model's arrays in the file, in the model's order, without a GPU. Errors as putWeights. */
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
