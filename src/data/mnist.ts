// MNIST, Fashion-MNIST and any other dataset in MNIST's files.
import type { DatasetSplit, ImageDataset } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { type IdxOptions, loadIdxDataset, loadIdxSplits } from "./idx_dataset.ts";
import type { ByteSource } from "./source.ts";

/** Source: Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST". */
export const FASHION_CLASSES: readonly string[] = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** Ten digits of 28x28: 60,000 training and 10,000 test images. Mean and std are those of the training pixels. */
export const MNIST = {
  name: "mnist",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  mean: [0.1307],
  std: [0.3081],
  size: [28, 28],
} as const satisfies IdxOptions;

export const FASHION_MNIST = {
  name: "fashion-mnist",
  classes: FASHION_CLASSES,
  mean: [0.286],
  std: [0.353],
  size: [28, 28],
} as const satisfies IdxOptions;

/** Data sets by name; `idx` is any four IDX files. */
export const idxDatasets = { mnist: MNIST, "fashion-mnist": FASHION_MNIST, idx: { name: "idx" } } as const;
export type IdxDatasetName = keyof typeof idxDatasets;

/**
 * Load one split of MNIST: 60,000 training or 10,000 test images [1, 28, 28] in u8. The source holds MNIST's four IDX files,
 * also gzipped. Errors: as loadIdxDataset.
 *
 * @example
 * const train = await loadMnist(fetchSource("/data/mnist"), "train");
 * console.log(train.length); // 60000
 */
export function loadMnist(source: ByteSource, split: DatasetSplit): Promise<ImageDataset> {
  return loadIdxDataset(source, { ...MNIST, split });
}

/** Load one split of Fashion-MNIST. Errors: as loadIdxDataset. */
export function loadFashionMnist(source: ByteSource, split: DatasetSplit): Promise<ImageDataset> {
  return loadIdxDataset(source, { ...FASHION_MNIST, split });
}

/** Load both splits of a data set by name. Errors: DataError for an unknown name, else as loadIdxDataset. */
export async function loadNamedDataset(
  name: IdxDatasetName,
  source: ByteSource,
): Promise<{ train: ImageDataset; test: ImageDataset }> {
  if (!Object.hasOwn(idxDatasets, name))
    throw new DataError(`dataset: expected one of ${Object.keys(idxDatasets).join(", ")}, got ${name}`);
  return loadIdxSplits(source, idxDatasets[name]);
}
