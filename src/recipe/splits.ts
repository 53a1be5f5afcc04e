// The train and test samples of a run, and the settings that they are loaded by.
import type { ImageError } from "../images/index.ts";
import type { ImageDataset, ImageSize, SessionSamples } from "../internal.ts";
import type { DataSummary } from "../report/data_summary.ts";
import type { TableInfo } from "../tables/index.ts";
import type { Recipe } from "./settings.ts";

export interface Splits<D extends SessionSamples = SessionSamples> {
  readonly train: D;
  readonly test: D;
  /** Layout of image files: folder, webdataset, parquet, shards; of other data the data set's name. */
  readonly layout: string;
  /** Summary for people; absent if no file was read. */
  readonly summary?: DataSummary;
  /** Columns and scales of numbers in files. */
  readonly table?: TableInfo;
  /** Height and width of streamed images before the GPU crops them. */
  readonly stored?: ImageSize;
  /** Lines to print before a run. */
  readonly notes: readonly string[];
  /** Skipped corrupt images with their faults. Grows. */
  readonly damaged: readonly string[];
  /** True if no file was read: synthetic images for a dry run. */
  readonly imagined?: boolean;
  /** Stop all reading. */
  close(): Promise<void>;
}

/** Return the splits of data in memory. */
export const inMemory = (train: ImageDataset, test: ImageDataset): Splits<ImageDataset> => ({
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
  /** Loss of the run; it decides how targets in files of numbers are read. */
  readonly loss?: Recipe["loss"];
  /** Augmentation of streamed training images. */
  readonly augment?: Partial<Recipe["augment"]>;
  /** True if training images of folders and archives are read without augmentation. */
  readonly whole?: boolean;
  /** Settings of the run that made a model: used if they apply, and never refused. */
  readonly inherited?: Partial<Pick<Recipe["data"], "resize" | "heldOut" | "mapping" | "mean" | "std">>;
}

/** Receives the number of loaded samples, and the total. */
export type Loaded = (done: number, total: number) => void;

/** Receives each corrupt image once, and their number so far. */
export type OnDamaged = (error: ImageError, count: number) => void;

export interface Listeners {
  readonly progress?: Loaded;
  readonly onDamaged?: OnDamaged;
}
