// Opens image data: the files in the folder decide the layout.
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { checkCounts, countsOf } from "../data/class_counts.ts";
import { DataError, SourceError } from "../data/index.ts";
import { SHARD_INDEX_FILE } from "../io/index.ts";
import { expectKeys, type KeysOf, onlyKeys } from "../text/index.ts";
import { type Archives, findArchives, refusePackedTest, splitArchives } from "./archive_files.ts";
import { DECODED_KEYS, type DecodedOptions, decodedDataset } from "./decoded_dataset.ts";
import { type EncodedSource, firstEncodedOfEachClass, holdOut } from "./encoded_source.ts";
import { FOLDER_KEYS, type ImageFolderOptions, openImageFolder } from "./folder.ts";
import type { ImageLayout } from "./layouts.ts";
import { openParquet, PARQUET_KEYS, type ParquetOptions } from "./parquet.ts";
import { SkippedFileCount } from "./passed_over.ts";
import { openShards, SHARD_KEYS, type ShardOptions } from "./shard_dataset.ts";
import { heldOutOf, type ImageSources, type SourcesInfo, unusedNote } from "./sources.ts";
import type { MeasuredDataset } from "./streamed_images.ts";
import { Walk } from "./walk.ts";
import { openWebdataset, WEBDATASET_KEYS, type WebdatasetOptions } from "./webdataset.ts";

/** Options of all readers of encoded images. */
export interface ImageSourceOptions extends ImageFolderOptions, WebdatasetOptions, ParquetOptions {
  /** Default: detected from the files. */
  readonly layout?: ImageLayout;
}

const SOURCE_KEYS: KeysOf<ImageSourceOptions> = {
  ...FOLDER_KEYS,
  ...WEBDATASET_KEYS,
  ...PARQUET_KEYS,
  layout: true,
};

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => null))?.isFile() ?? false;

async function walkOf(dir: string, { followLinks }: ImageSourceOptions): Promise<Walk> {
  const found = await stat(dir).catch(() => null);
  if (found?.isFile()) throw new SourceError(dir, ".", "expected a folder, got a file");
  if (!found?.isDirectory()) throw new SourceError(dir, ".", "no such folder");
  return new Walk(await realpath(dir), followLinks, dir);
}

interface Seen {
  readonly layout: ImageLayout;
  readonly archives?: Archives;
}

async function seenLayout(dir: string, options: ImageSourceOptions): Promise<Seen> {
  const walk = await walkOf(dir, options);
  if (await isFile(join(dir, "train", SHARD_INDEX_FILE))) return { layout: "shards" };
  const archives = await findArchives(walk);
  // Archives beside folders of images are mostly the source of the images.
  if (archives.imageFolders.length > 0) return { layout: "folder", archives };
  if (archives.parquet.length > 0) return { layout: "parquet", archives };
  return { layout: archives.tar.length > 0 ? "webdataset" : "folder", archives };
}

/**
 * Return the layout of images in a folder: shards (an index.json in `train`), folders of images, parquet files, tar
 * archives.
 *
 * Errors    SourceError if the folder does not exist.
 */
export async function imageLayout(dir: string, options: ImageSourceOptions = {}): Promise<ImageLayout> {
  expectKeys(options, SOURCE_KEYS, (problem) => new DataError(`imageLayout: ${problem}`));
  return options.layout ?? (await seenLayout(dir, options)).layout;
}

type OpenArchives = (paths: readonly string[], classes?: readonly string[]) => Promise<EncodedSource>;

const counted = (names: readonly string[], dir: string): string => {
  const [first, last] = [names[0]!, names.at(-1)!];
  const where = dirname(first) === "." ? "" : ` in ${dirname(join(dir, first)).slice(dir.length + 1)}/`;
  return names.length === 1 ? first : `${names.length} archives${where}, ${basename(first)} to ${basename(last)}`;
};

async function openSplits(
  dir: string,
  ending: ".tar" | ".parquet",
  options: ImageSourceOptions,
  open: OpenArchives,
): Promise<ImageSources> {
  const walk = await walkOf(dir, options);
  const found = await findArchives(walk);
  const names = ending === ".tar" ? found.tar : found.parquet;
  const [packed] = found.packed;
  if (names.length === 0 && packed !== undefined)
    throw new SourceError(dir, packed, `expected *${ending}, got a packed archive: unpack it first`);
  const split = splitArchives(dir, ending, names);
  const at = (names: readonly string[]) => names.map((name) => join(dir, name));
  const passed = new SkippedFileCount();
  for (const { what, example, count } of walk.passed.list()) passed.add(what, example, count);
  const others = [...found.packed, ...(ending === ".tar" ? found.parquet : found.tar)];
  for (const name of others) passed.add("archives of another kind", name);
  const layout = ending === ".tar" ? "webdataset" : "parquet";
  if (split.test.length === 0 && options.layout !== layout) refusePackedTest(dir, others, `--layout ${layout}`);
  const train = await open(at(split.train));
  const from = counted(split.train, dir);
  const notes = unusedNote(split.unused, split.test.length > 0 ? [counted(split.test, dir)] : []);
  const heldOut = split.test.length === 0;
  const about = (test: string, sources: readonly EncodedSource[]): SourcesInfo => {
    for (const { passedOver = [] } of sources) for (const p of passedOver) passed.add(p.what, p.example, p.count);
    notes.push(...sources.flatMap((source) => source.notes ?? []));
    return { from: { train: from, test }, heldOut, mapped: false, passedOver: passed.list(), notes };
  };
  try {
    if (!heldOut) {
      const test = await open(at(split.test), train.classes);
      return { train, test, about: about(counted(split.test, dir), [train, test]) };
    }
    if (!split.told) notes.push("the names of the archives name no part (train, val, test)");
    const share = options.heldOut ?? 0.1;
    return { ...holdOut(train, share, options.seed ?? 0), about: about(heldOutOf(from, share), [train]) };
  } catch (cause) {
    await train.close();
    throw cause;
  }
}

/** Refuse impossible class counts, and add notes on odd ones. */
function withCounts(dir: string, sources: ImageSources): ImageSources {
  const { train, test, about } = sources;
  const counts = [train, test].map((part) => countsOf(part, (i) => part.label(i))) as [Uint32Array, Uint32Array];
  return {
    ...sources,
    about: { ...about, notes: [...about.notes, ...checkCounts({ name: dir, classes: train.classes }, ...counts)] },
  };
}

async function openLayout(dir: string, options: ImageSourceOptions, seen: Seen): Promise<ImageSources> {
  const withClasses = (classes?: readonly string[]) => ({ ...options, near: dir, classes: classes ?? options.classes });
  switch (seen.layout) {
    case "webdataset":
      return openSplits(dir, ".tar", options, (paths, classes) =>
        openWebdataset(paths, onlyKeys(withClasses(classes), WEBDATASET_KEYS)),
      );
    case "parquet":
      return openSplits(dir, ".parquet", options, (paths, classes) =>
        openParquet(paths, onlyKeys(withClasses(classes), PARQUET_KEYS)),
      );
    case "shards":
      throw new SourceError(dir, SHARD_INDEX_FILE, "expected encoded images, got shards: openImageData reads them");
    default: {
      const flatTest = seen.layout === "ilsvrc" ? { flatTest: true } : {};
      const sources = await openImageFolder(dir, {
        ...{ fewestClasses: 2, ...onlyKeys(options, FOLDER_KEYS), ...flatTest },
        // An explicit layout means that these are class folders.
        groups: options.layout === "folder" || options.groups === true,
      });
      const all = [...(seen.archives?.packed ?? []), ...(seen.archives?.tar ?? []), ...(seen.archives?.parquet ?? [])];
      if (sources.about.heldOut) refusePackedTest(dir, all, "--layout folder");
      const beside = [...(seen.archives?.tar ?? []), ...(seen.archives?.parquet ?? [])];
      if (beside.length === 0) return sources;
      const layout = (seen.archives?.tar.length ?? 0) > 0 ? "webdataset" : "parquet";
      const note = `${counted(beside, dir)} beside the folders: skipped (--layout ${layout} reads them)`;
      return { ...sources, about: { ...sources.about, notes: [...sources.about.notes, note] } };
    }
  }
}

/**
 * Open the encoded images of a folder for training and testing: image folders, tar archives or parquet files.
 *
 * The names of archives assign them to parts: see part_names.ts. Without a test part a share is held out. The classes
 * are those of the train images.
 *
 * Errors    as openImageFolder, openWebdataset and openParquet; SourceError for a folder of shards, and for names of no
 *           part beside names of parts; DataError for samples of one class only, and for labels with gaps.
 */
export async function openImageSources(
  dir: string,
  options: ImageSourceOptions = {},
): Promise<ImageSources & { readonly layout: ImageLayout }> {
  expectKeys(options, SOURCE_KEYS, (problem) => new DataError(`openImageSources: ${problem}`));
  const seen = options.layout ? { layout: options.layout } : await seenLayout(dir, options);
  const sources = await openLayout(dir, options, seen);
  try {
    return { layout: seen.layout, ...withCounts(dir, sources) };
  } catch (cause) {
    await Promise.all([sources.train.close(), sources.test.close()]);
    throw cause;
  }
}

/** Options of `openImageData`. */
export interface ImageDataOptions extends ImageSourceOptions, DecodedOptions, Pick<ShardOptions, "verify"> {
  /** Training: the first images of each class, as many as this. Testing is on all. Default all; not for shards. */
  readonly limit?: number;
}

/** Training and test images of a folder, ready for a session. */
export interface ImageData {
  readonly layout: ImageLayout;
  readonly train: MeasuredDataset;
  readonly test: MeasuredDataset;
  readonly about: SourcesInfo;
}

async function openPacked(dir: string, options: ImageDataOptions): Promise<ImageData> {
  const train = await openShards(join(dir, "train"), onlyKeys(options, SHARD_KEYS));
  try {
    const test = await openShards(join(dir, "test"), { ...onlyKeys(options, SHARD_KEYS), classes: train.classes });
    const counts = [train, test].map((part) => countsOf(part, (i) => part.samples.label(i)));
    const notes = checkCounts({ name: dir, classes: train.classes }, ...(counts as [Uint32Array, Uint32Array]));
    const about = { from: { train: "train/", test: "test/" }, heldOut: false, mapped: false, passedOver: [], notes };
    return { layout: "shards", train, test, about };
  } catch (cause) {
    await train.close();
    throw cause;
  }
}

/**
 * Open the images of a folder as data sets for training and testing, in any layout: shards in `train` and `test`, or
 * all layouts of openImageSources.
 *
 * Errors    as openImageSources, decodedDataset and openShards.
 */
export async function openImageData(dir: string, options: ImageDataOptions = {}): Promise<ImageData> {
  const known = { ...SOURCE_KEYS, ...DECODED_KEYS, ...SHARD_KEYS, limit: true } as const;
  expectKeys(options, known, (problem) => new DataError(`openImageData: ${problem}`));
  const layout = await imageLayout(dir, onlyKeys(options, SOURCE_KEYS));
  const { limit } = options;
  if (layout === "shards") {
    if (limit !== undefined) throw new DataError(`${dir}: limit: expected nothing, since the folder holds shards`);
    return openPacked(dir, options);
  }
  const sources = await openImageSources(dir, onlyKeys(options, SOURCE_KEYS));
  const { train, test } = sources;
  const decoding = onlyKeys(options, DECODED_KEYS);
  try {
    const limited = limit === undefined ? train : firstEncodedOfEachClass(train, limit);
    return { ...sources, train: decodedDataset(limited, decoding), test: decodedDataset(test, decoding) };
  } catch (cause) {
    await Promise.all([train.close(), test.close()]);
    throw cause;
  }
}
