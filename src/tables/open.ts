// Opens a numeric data set: reads its files, splits it into parts, numbers the classes and standardises the numbers.

import { MAX_CLASSES } from "../data/dataset.ts";
import { type ArrayDataset, arrayDataset, DataError, nameList, shuffledOrder } from "../data/index.ts";
import { numel } from "../tensor/index.ts";
import { findSamples, type ReadOptions, readSamples } from "./files.ts";
import { expectSame, pickSamples, type Samples } from "./samples.ts";
import { type ColumnScale, scaleOf, standardise, unitScale } from "./scale.ts";

/** Facts of a numeric data set that a model needs for other data: which columns, and how they are scaled. */
export interface TableInfo {
  readonly inputs: readonly string[];
  readonly targets: readonly string[];
  /** Names that choose the same inputs and targets in another file. */
  readonly given: Samples["given"];
  readonly kind: "classes" | "numbers";
  /** Shape of a target; [] for a class. */
  readonly targetShape: readonly number[];
  readonly x: ColumnScale;
  /** Scale of the targets; null for classes and for labels from 0 to 1. */
  readonly y: ColumnScale | null;
}

export interface TableOptions extends ReadOptions {
  /** File of the test samples. Default: found by name, or held out. */
  readonly testFile?: string | undefined;
  /** Share of the samples that is held out for testing, if the files name no test part. */
  readonly heldOut: number;
  /** Seed of the split. */
  readonly splitSeed: number;
  /** Standardise inputs, and targets that are numbers without bounds. */
  readonly standardise: boolean;
  /** True: targets are labels, numbers from 0 to 1, which are not scaled. */
  readonly labels: boolean;
  /** Facts and classes of a model: used instead of those of the training part. */
  readonly known?: { readonly info: TableInfo; readonly classes: readonly string[] } | undefined;
}

/** Both parts of a numeric data set. */
export interface OpenedTable {
  readonly layout: string;
  readonly train: ArrayDataset;
  readonly test: ArrayDataset;
  readonly info: TableInfo;
  readonly from: { readonly train: string; readonly test: string };
  readonly notes: readonly string[];
}

interface Parts {
  readonly layout: string;
  readonly train: Samples;
  readonly test: Samples;
  readonly from: OpenedTable["from"];
  readonly notes: readonly string[];
  /** True if both parts are of one list of samples. */
  readonly split: boolean;
}

async function partsOf(path: string, options: TableOptions): Promise<Parts> {
  const { testFile, heldOut, splitSeed } = options;
  const found = await findSamples(path, options);
  if (testFile !== undefined) {
    const test = await readSamples(testFile, options);
    return { ...found, test, from: { train: found.from.train, test: testFile }, split: false };
  }
  if (found.test) return { ...found, test: found.test, split: false };
  const { length } = found.train;
  const count = Math.round(heldOut * length);
  if (count < 1 || count >= length)
    throw new DataError(
      `${path}: heldOut: expected a share that leaves samples for both parts, got ${heldOut} of ${length}`,
    );
  const order = shuffledOrder(length, splitSeed, 0);
  return {
    ...found,
    train: pickSamples(found.train, order.slice(count).sort()),
    test: pickSamples(found.train, order.slice(0, count).sort()),
    from: { train: found.from.train, test: `held out ${heldOut} of ${found.from.train} (seed ${splitSeed})` },
    split: true,
  };
}

/** Return the classes in order: integers by value, else by the codes of their characters. */
function classesOf(names: readonly string[]): string[] {
  const all = [...new Set(names)];
  return all.every((name) => /^-?\d+$/.test(name)) ? all.sort((a, b) => Number(a) - Number(b)) : all.sort();
}

/** Number the classes of a part. Errors: DataError naming the first sample of an unknown class. */
function numbered({ file, where, targets }: Samples, classes: readonly string[]): Int32Array {
  const names = targets.kind === "classes" ? targets.names : [];
  const index = new Map(classes.map((name, i) => [name, i]));
  return Int32Array.from(names, (name, i) => {
    const found = index.get(name);
    if (found === undefined)
      throw new DataError(
        `${file}: ${where(i)}: expected a class of ${nameList(classes)}, got ${JSON.stringify(name)}`,
      );
    return found;
  });
}

/** Check that labels are probabilities. Errors: DataError naming row and column. */
function expectLabels({ file, where, targets, targetNames }: Samples): void {
  if (targets.kind === "classes") return;
  const bad = targets.values.findIndex((v) => !(v >= 0 && v <= 1));
  if (bad < 0) return;
  const row = Math.floor(bad / numel(targets.shape));
  const column = targetNames[bad % targetNames.length];
  const problem = `expected a number from 0 to 1, for loss bce-with-logits, got ${targets.values[bad]}`;
  throw new DataError(`${file}: ${where(row)}, column ${column}: ${problem}`);
}

function scalesOf(train: Samples, options: TableOptions): Pick<TableInfo, "x" | "y"> {
  const { targets } = train;
  const scale = options.standardise ? scaleOf : (_: Float32Array, shape: readonly number[]) => unitScale(shape);
  const bare = targets.kind === "classes" || options.labels;
  return { x: scale(train.x, train.shape), y: bare ? null : scale(targets.values, targets.shape) };
}

/** Open both parts. Errors: DataError or SourceError naming the file, and row and column of a value. */
export async function openTable(path: string, options: TableOptions): Promise<OpenedTable> {
  const { known } = options;
  const parts = await partsOf(path, options);
  const { train, test, split } = parts;
  expectSame(train, test);
  if (options.labels) for (const part of [train, test]) expectLabels(part);
  const names = [train, ...(split ? [test] : [])].flatMap(({ targets }) =>
    targets.kind === "classes" ? targets.names : [],
  );
  const classes = known?.classes ?? classesOf(names);
  if (train.targets.kind === "classes" && (classes.length < 2 || classes.length > MAX_CLASSES))
    throw new DataError(`${train.file}: expected 2 to ${MAX_CLASSES} classes, got ${classes.length}`);
  const info: TableInfo = known?.info ?? {
    inputs: train.inputNames,
    targets: train.targetNames,
    given: train.given,
    targetShape: train.targets.kind === "classes" ? [] : train.targets.shape,
    kind: train.targets.kind,
    ...scalesOf(train, options),
  };
  const { layout, from } = parts;
  const make = (part: Samples) => datasetOf(part, info, classes);
  return { layout, from, info, train: make(train), test: make(test), notes: parts.notes };
}

/** Make a data set of samples, scaled as the facts say. */
export function datasetOf(part: Samples, info: TableInfo, classes: readonly string[]): ArrayDataset {
  const { x, shape, targets } = part;
  standardise(x, shape, info.x);
  if (targets.kind === "classes")
    return arrayDataset({ name: "table", x, shape, y: numbered(part, classes), targetShape: [], classes });
  if (info.y) standardise(targets.values, targets.shape, info.y);
  return arrayDataset({ name: "table", x, shape, y: targets.values, targetShape: targets.shape });
}
