// Loads data sets by name.
import {
  type ByteSource,
  checkCounts,
  checkParts,
  type EventFrameOptions,
  firstOfEachClass,
  type ImageDataset,
  idxDatasets,
  type LabelledImages,
  loadCifar10,
  loadCifar10Dvs,
  loadCifar100,
  loadDvsGesture,
  loadIdxSplits,
  loadNamedDataset,
  loadNMnist,
  loadNpzEvents,
  SYNTHETIC_CLASSES,
  syntheticEventDataset,
} from "../internal.ts";
import { fileSource } from "../node_internal.ts";
import { classCounts, summarise } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";
import { defined } from "../text/index.ts";
import { type EventDataName, IMAGE_DATA, isEventData, MEMORY_DATA } from "./data_names.ts";
import { fashionFolder } from "./fashion_folders.ts";
import { loadImageFiles } from "./image_data.ts";
import { mnistFolder } from "./mnist_folder.ts";
import { type DataSettings, inMemory, type Listeners, type Loaded, type Splits } from "./splits.ts";
import { type KnownTable, loadTable } from "./table_data.ts";

const CIFAR_FILES = "its binary version";

async function folderOf(name: string, dir: string | undefined): Promise<string> {
  if (dir) return dir;
  if (name === "mnist") return mnistFolder();
  if (name === "fashion-mnist") {
    const found = fashionFolder();
    if (found) return found;
    const problem =
      "fashion-mnist: no copy on this machine. Install the Debian package dataset-fashion-mnist, or give its folder with --data-dir";
    throw new UsageError(problem);
  }
  const what = { idx: "its four IDX files", cifar10: CIFAR_FILES, cifar100: CIFAR_FILES, images: "pictures" }[name];
  if (name === "table") throw new UsageError("table: give the file or folder of the numbers with --data-dir");
  throw new UsageError(`${name}: give the folder of ${what ?? "its recordings"} with --data-dir`);
}

async function loadEvents(
  name: EventDataName,
  { dir, by, size, limit }: DataSettings,
  frames: number,
  progress: Loaded | undefined,
): Promise<Splits<ImageDataset>> {
  const common = { frames, ...defined({ by, progress }) };
  if (name === "events") {
    const load = (split: "train" | "test") => {
      // Four times fewer to test on, as without a limit.
      const all = (limit ?? 0) * SYNTHETIC_CLASSES.length;
      const samples = limit === undefined ? {} : { samples: split === "train" ? all : all / 4 };
      return syntheticEventDataset({ split, ...common, ...defined({ size }), ...samples });
    };
    return inMemory(await load("train"), await load("test"));
  }
  const source = fileSource(await folderOf(name, dir));
  const options: EventFrameOptions & { readonly limit?: number; readonly progress?: Loaded } = {
    ...common,
    ...defined({ size: size === undefined ? size : ([size, size] as const), limit }),
  };
  const load = {
    "n-mnist": loadNMnist,
    "dvs-gesture": loadDvsGesture,
    "cifar10-dvs": loadCifar10Dvs,
    npz: loadNpzEvents,
  }[name];
  return inMemory(
    await load(source, { ...options, split: "train" }),
    await load(source, { ...options, split: "test" }),
  );
}

/** Read the class names of IDX files from a classes.txt in their folder. */
async function namesBeside(source: ByteSource): Promise<{ classes?: string[] }> {
  if (!(await source.exists("classes.txt"))) return {};
  const lines = new TextDecoder().decode(await source.read("classes.txt")).split(/\r?\n/);
  return { classes: lines.map((line) => line.trim()).filter((line) => line !== "") };
}

/** Check data in memory and add its summary. Errors: DataError for parts of different kinds, and for impossible labels. */
async function checked(splits: Splits<ImageDataset>, where: string | undefined): Promise<Splits<ImageDataset>> {
  const { train, test } = splits;
  checkParts(train.name, train, test);
  const classes = { name: train.name, classes: train.classes, ...(train.name === "idx" ? {} : { listed: true }) };
  const notes = checkCounts(classes, classCounts(train), classCounts(test));
  const summary = await summarise(splits, { ...defined({ where }), notes });
  return { ...splits, summary };
}

/**
 * Load train and test samples that fit into memory; event data as `timeSteps` frames each. Errors name the file and its
 * fault, or the class that has too few images for the limit.
 */
export async function loadInMemory(
  data: DataSettings,
  timeSteps: number,
  progress?: Loaded,
): Promise<Splits<ImageDataset>> {
  const { name } = data;
  if (isEventData(name)) return checked(await loadEvents(name, data, timeSteps, progress), data.dir);
  const known = MEMORY_DATA.find((n) => n === name);
  if (!known) throw new UsageError(`data.name: expected one of ${MEMORY_DATA.join(", ")}, or event data, got ${name}`);
  const source = fileSource(await folderOf(name, data.dir));
  const load = { cifar10: loadCifar10, cifar100: loadCifar100 };
  const { train, test } =
    known === "cifar10" || known === "cifar100"
      ? { train: await load[known](source, "train"), test: await load[known](source, "test") }
      : known === "idx"
        ? await loadIdxSplits(source, { ...idxDatasets.idx, ...(await namesBeside(source)) })
        : await loadNamedDataset(known, source);
  // The test set stays whole, so that accuracies at all limits compare.
  return checked(inMemory(data.limit === undefined ? train : firstOfEachClass(train, data.limit), test), data.dir);
}

/** Load or open train and test images or event frames. The caller closes the result. Errors: as loadInMemory, and those of the reader. */
export async function loadLabelled(
  data: DataSettings,
  timeSteps: number,
  listeners: Listeners = {},
): Promise<Splits<LabelledImages>> {
  const { name } = data;
  if (name === "images") return loadImageFiles(await folderOf(name, data.dir), data, listeners.onDamaged);
  if (!isEventData(name) && !IMAGE_DATA.some((n) => n === name))
    throw new UsageError(`data.name: expected one of ${IMAGE_DATA.join(", ")}, table, or event data, got ${name}`);
  return loadInMemory(data, timeSteps, listeners.progress);
}

/** The same, and numbers in files, scaled by `known` if it is given. */
export async function loadSplits(
  data: DataSettings,
  timeSteps: number,
  listeners: Listeners = {},
  known?: KnownTable,
): Promise<Splits> {
  if (data.name === "table") return loadTable(await folderOf(data.name, data.dir), data, known);
  return loadLabelled(data, timeSteps, listeners);
}
