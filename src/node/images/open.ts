// Image data by the folder it lies in: what is there says how it is read.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SourceError } from "../../data/index.ts";
import { SHARD_INDEX_FILE } from "../../io/index.ts";
import { type DecodedOptions, decodedDataset, type MeasuredDataset } from "./decoded_dataset.ts";
import { type EncodedSource, holdOut } from "./encoded_source.ts";
import { type ImageFolderOptions, openImageFolder } from "./folder.ts";
import { openParquet, type ParquetOptions } from "./parquet.ts";
import { openShards, type ShardOptions } from "./shard_dataset.ts";
import { openWebdataset, type WebdatasetOptions } from "./webdataset.ts";

/** How images lie in a folder. */
export type ImageLayout = "folder" | "webdataset" | "parquet" | "shards";

export interface ImageSourceOptions extends ImageFolderOptions, WebdatasetOptions, ParquetOptions {
  /** Default: seen from the files. */
  readonly layout?: Exclude<ImageLayout, "shards">;
}

const TEST_NAMES = ["val", "validation", "valid", "test"] as const;

/** Names below a folder: those in it, and those in its folders `data`, `train` and the test folders. */
async function archives(dir: string, ending: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ["", "data", "train", ...TEST_NAMES]) {
    const names = await readdir(join(dir, folder)).catch(() => []);
    found.push(...names.filter((name) => name.endsWith(ending)).map((name) => (folder ? `${folder}/${name}` : name)));
  }
  return found.sort();
}

/**
 * How images lie in a folder: shards (an index.json in `train` within), parquet files, tar archives, else
 * folders of images.
 *
 * Errors    SourceError when there is no such folder.
 */
export async function imageLayout(dir: string): Promise<ImageLayout> {
  if (!(await stat(dir).catch(() => null))?.isDirectory()) throw new SourceError(dir, ".", "no such folder");
  const index = join(dir, "train", SHARD_INDEX_FILE);
  if ((await stat(index).catch(() => null))?.isFile()) return "shards";
  if ((await archives(dir, ".parquet")).length > 0) return "parquet";
  if ((await archives(dir, ".tar")).length > 0) return "webdataset";
  return "folder";
}

/** Archives to train and to test with, by how their names begin; no names to test with: a share is held out. */
function splitArchives(names: readonly string[]): { train: string[]; test: string[] } {
  const begins = (name: string, word: string) =>
    name.startsWith(`${word}/`) || (name.split("/").at(-1) as string).startsWith(word);
  const test = TEST_NAMES.map((word) => names.filter((n) => begins(n, word))).find((n) => n.length > 0) ?? [];
  const train = names.filter((n) => begins(n, "train"));
  const others = names.filter((n) => !TEST_NAMES.some((word) => begins(n, word)));
  return { train: train.length > 0 ? train : others, test };
}

type OpenArchives = (paths: readonly string[], classes?: readonly string[]) => Promise<EncodedSource>;

async function openSplits(dir: string, ending: string, options: ImageSourceOptions, open: OpenArchives) {
  const { train, test } = splitArchives(await archives(dir, ending));
  if (train.length === 0) throw new SourceError(dir, `*${ending}`, "no files to train with: wanted names train*");
  const at = (names: readonly string[]) => names.map((name) => join(dir, name));
  const source = await open(at(train));
  if (test.length === 0) return holdOut(source, options.heldOut ?? 0.1, options.seed ?? 0);
  try {
    return { train: source, test: await open(at(test), source.classes) };
  } catch (cause) {
    await source.close();
    throw cause;
  }
}

/**
 * The encoded images of a folder, to train and to test: image folders, tar archives or parquet files.
 *
 * Archives whose names begin with `train` (or lie in `train`) are for training; those with val, validation, valid or
 * test, the first of these that there is, for testing. Where there is nothing to test with, a share is held out. The
 * classes are those of the train images.
 *
 * Errors    as openImageFolder, openWebdataset and openParquet; SourceError for a folder of shards, which are decoded.
 */
export async function openImageSources(
  dir: string,
  options: ImageSourceOptions = {},
): Promise<{ train: EncodedSource; test: EncodedSource }> {
  const layout = options.layout ?? (await imageLayout(dir));
  const withClasses = (classes?: readonly string[]) => (classes ? { ...options, classes } : options);
  if (layout === "webdataset") {
    return openSplits(dir, ".tar", options, (paths, classes) => openWebdataset(paths, withClasses(classes)));
  }
  if (layout === "parquet") {
    return openSplits(dir, ".parquet", options, (paths, classes) => openParquet(paths, withClasses(classes)));
  }
  if (layout === "folder") return openImageFolder(dir, options);
  throw new SourceError(dir, SHARD_INDEX_FILE, "these are shards already: openImageData reads them");
}

export interface ImageDataOptions extends ImageSourceOptions, DecodedOptions, Pick<ShardOptions, "verify"> {}

/**
 * The images of a folder as data sets to train and to test with, whatever layout they have: shards in `train` and `test`
 * within, or anything that openImageSources knows.
 *
 * Errors    as openImageSources, decodedDataset and openShards.
 */
export async function openImageData(
  dir: string,
  options: ImageDataOptions = {},
): Promise<{ layout: ImageLayout; train: MeasuredDataset; test: MeasuredDataset }> {
  const layout = options.layout ?? (await imageLayout(dir));
  if (layout !== "shards") {
    const { train, test } = await openImageSources(dir, { ...options, layout });
    return { layout, train: decodedDataset(train, options), test: decodedDataset(test, options) };
  }
  const train = await openShards(join(dir, "train"), options);
  try {
    return { layout, train, test: await openShards(join(dir, "test"), options) };
  } catch (cause) {
    await train.close();
    throw cause;
  }
}
