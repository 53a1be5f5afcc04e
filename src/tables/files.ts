// Finds the files of a numeric data set and reads their samples: one file, or a folder with a file or an array of each part.
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { DataError, SourceError } from "../data/index.ts";
import { chooseParts, partsOfFiles } from "../data/part_names.ts";
import type { FileArray } from "../io/index.ts";
import { type Arrays, readNpy, readNpz, samplesOfArrays } from "./arrays.ts";
import { readCsv } from "./csv.ts";
import { readParquetTable } from "./parquet_table.ts";
import { type Choice, joinSamples, type Samples, samplesOfTable } from "./samples.ts";

/** Endings of the files that are read. */
const ENDINGS = /\.(csv|tsv|txt|parquet|npz)$/i;

/** Choice of columns, and the form of CSV files. */
export interface ReadOptions extends Choice {
  readonly header?: boolean | undefined;
}

/** Samples of a data set: of both parts if the files name them, else all. */
export interface FoundSamples {
  /** csv, parquet, npz or npy. */
  readonly layout: string;
  readonly train: Samples;
  /** Absent if the files name no test part. */
  readonly test?: Samples;
  readonly from: { readonly train: string; readonly test: string };
  readonly notes: readonly string[];
}

function layoutOf(path: string): string {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return ["tsv", "txt"].includes(ending) ? "csv" : ending;
}

const hasParts = ({ arrays }: Arrays, { inputs = ["x"] }: Choice): boolean =>
  arrays.has(`${inputs[0]}_train`) && !arrays.has(inputs[0]!);

/** Return the samples of arrays, whose names may end in `_train` and `_test`. */
function foundInArrays(arrays: Arrays, layout: string, options: ReadOptions): FoundSamples {
  const { file } = arrays;
  if (!hasParts(arrays, options))
    return { layout, train: samplesOfArrays(arrays, options), from: { train: file, test: file }, notes: [] };
  return {
    layout,
    train: samplesOfArrays(arrays, options, "_train"),
    test: samplesOfArrays(arrays, options, "_test"),
    from: { train: `${file}, arrays _train`, test: `${file}, arrays _test` },
    notes: [],
  };
}

/** Read the samples of a .csv, .parquet or .npz file that holds one part. */
export async function readSamples(path: string, options: ReadOptions): Promise<Samples> {
  const layout = layoutOf(path);
  if (layout === "csv") return samplesOfTable(await readCsv(path, options), options);
  if (layout === "parquet") return samplesOfTable(await readParquetTable(path), options);
  if (layout === "npz") return samplesOfArrays(await readNpz(path), options);
  throw new DataError(`${path}: expected a file .csv, .tsv, .txt, .parquet or .npz`);
}

/** Read a .csv, .parquet or .npz file, or a folder of them or of .npy arrays. Errors: DataError or SourceError naming the file. */
export async function findSamples(path: string, options: ReadOptions): Promise<FoundSamples> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new SourceError("table", path, "no such file or folder");
  if (!stats.isDirectory()) {
    const layout = layoutOf(path);
    if (layout === "npz") return foundInArrays(await readNpz(path), layout, options);
    const name = basename(path);
    return { layout, train: await readSamples(path, options), from: { train: name, test: name }, notes: [] };
  }
  const names = (await readdir(path)).filter((name) => !name.startsWith(".")).sort();
  const arrays = names.filter((name) => /\.npy$/i.test(name));
  if (arrays.length > 0) {
    const read = async (name: string): Promise<[string, FileArray]> => [
      name.slice(0, -4),
      await readNpy(join(path, name)),
    ];
    const held = { file: basename(path), arrays: new Map(await Promise.all(arrays.map(read))) };
    return foundInArrays(held, "npy", options);
  }
  return findInFolder(
    path,
    names.filter((name) => ENDINGS.test(name)),
    options,
  );
}

async function findInFolder(path: string, names: readonly string[], options: ReadOptions): Promise<FoundSamples> {
  const [first, second] = names;
  if (first === undefined)
    throw new DataError(`${path}: expected files .csv, .tsv, .txt, .parquet, .npz or .npy, got none`);
  if (second === undefined) return findSamples(join(path, first), options);
  const { parts, both, aside } = partsOfFiles(names.map((name) => name.replace(ENDINGS, "")));
  const byName = new Map(names.map((name) => [name, parts.get(name.replace(ENDINGS, ""))]));
  const known = new Map([...byName].flatMap(([name, part]) => (part ? [[name, part] as const] : [])));
  const { train, test, unused } = chooseParts(names, known);
  const other = names.find((name) => !known.has(name) && !aside.includes(name.replace(ENDINGS, "")));
  if (train.length === 0 || both.length > 0 || other !== undefined) {
    const got = names.slice(0, 6).join(", ");
    throw new DataError(`${path}: expected one file, or files named train and test, got ${got}`);
  }
  const read = async (part: readonly string[]) =>
    joinSamples(await Promise.all(part.map((name) => readSamples(join(path, name), options))));
  return {
    layout: layoutOf(first),
    train: await read(train),
    ...(test.length > 0 ? { test: await read(test) } : {}),
    from: { train: train.join(", "), test: (test.length > 0 ? test : train).join(", ") },
    notes: unused.map((name) => `${name}: not used, testing is with ${test.join(", ")}`),
  };
}

/** Read samples without targets, for predictions: a file, or an .npy array of inputs. */
export async function readUnlabelled(path: string, options: Pick<ReadOptions, "inputs" | "header">): Promise<Samples> {
  if (!/\.npy$/i.test(path)) return readSamples(path, { ...options, labelled: false });
  const arrays = new Map([[options.inputs?.[0] ?? "x", await readNpy(path)]]);
  return samplesOfArrays({ file: basename(path), arrays }, { inputs: options.inputs, labelled: false });
}
