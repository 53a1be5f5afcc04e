// CIFAR-10 and CIFAR-100 in their "binary version": records of label bytes and 3072 pixel bytes.
import { expectKeys } from "../text/index.ts";
import { type DatasetSplit, type ImageDataset, imageDataset } from "./dataset.ts";
import { DataError, expectWhole, SourceError } from "./errors.ts";
import { CIFAR10_CLASSES } from "./events/cifar10_dvs.ts";
import type { ByteSource } from "./source.ts";

/** Red, green and blue planes of 32 x 32. */
const PIXELS = 3072;

interface CifarFacts {
  /** Folder that the archive unpacks to. */
  readonly folder: string;
  readonly files: Readonly<Record<DatasetSplit, readonly string[]>>;
  /** Images in each file of a split. */
  readonly perFile: Readonly<Record<DatasetSplit, number>>;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and std are those of the train images. Source: Krizhevsky 2009, "Learning multiple layers of features". */
const FACTS: Readonly<Record<"cifar10" | "cifar100", CifarFacts>> = {
  cifar10: {
    folder: "cifar-10-batches-bin",
    files: { train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`), test: ["test_batch.bin"] },
    perFile: { train: 10_000, test: 10_000 },
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  },
  cifar100: {
    folder: "cifar-100-binary",
    files: { train: ["train.bin"], test: ["test.bin"] },
    perFile: { train: 50_000, test: 10_000 },
    mean: [0.5071, 0.4865, 0.4409],
    std: [0.2673, 0.2564, 0.2762],
  },
};

/** Options of `loadCifar10` and `loadCifar100`. */
export interface CifarOptions {
  /** CIFAR-100: the 100 fine classes (default) or the 20 coarse ones. */
  readonly labels?: "fine" | "coarse";
  /** Images in each file, for a reduced copy of the data set. Default: those of the full data set. */
  readonly imagesPerFile?: number;
}

async function locate(source: ByteSource, { folder, files }: CifarFacts, split: DatasetSplit): Promise<string> {
  const first = files[split][0]!;
  for (const prefix of ["", `${folder}/`]) if (await source.exists(prefix + first)) return prefix;
  const problem = `no such file, also not in ${folder}: expected the binary version of the data set`;
  throw new SourceError(source.name, first, problem);
}

/** Read class names, one per line; null if there is no such file. */
async function namesFrom(source: ByteSource, path: string, count: number): Promise<string[] | null> {
  if (!(await source.exists(path))) return null;
  const lines = new TextDecoder().decode(await source.read(path)).split(/\r?\n/);
  const names = lines.map((line) => line.trim()).filter((line) => line !== "");
  if (names.length !== count || new Set(names).size !== count)
    throw new SourceError(source.name, path, `expected ${count} distinct class names, got ${new Set(names).size}`);
  return names;
}

interface Records {
  /** Label bytes before the pixels, and the index of the one used. */
  readonly labelBytes: number;
  readonly labelAt: number;
  readonly classes: readonly string[];
}

async function load(
  name: "cifar10" | "cifar100",
  source: ByteSource,
  split: DatasetSplit,
  options: CifarOptions,
  prefix: string,
  { labelBytes, labelAt, classes }: Records,
): Promise<ImageDataset> {
  const facts = FACTS[name];
  const perFile = options.imagesPerFile ?? facts.perFile[split];
  expectWhole(`${name}: imagesPerFile`, perFile, 1);
  const record = labelBytes + PIXELS;
  const files = facts.files[split];
  // Allocated once the first file has the expected size.
  let images = new Uint8Array(0);
  let labels = new Uint8Array(0);
  for (const [f, file] of files.entries()) {
    const bytes = await source.read(prefix + file);
    if (bytes.length !== perFile * record) {
      const problem = `expected ${perFile} records of ${record} bytes, ${perFile * record} in total, got ${bytes.length}`;
      throw new SourceError(source.name, prefix + file, problem);
    }
    if (f === 0) {
      images = new Uint8Array(files.length * perFile * PIXELS);
      labels = new Uint8Array(files.length * perFile);
    }
    for (let i = 0; i < perFile; i++) {
      const at = i * record;
      const label = bytes[at + labelAt]!;
      if (label >= classes.length) {
        const message = `image ${i} has label ${label}, there are ${classes.length} classes`;
        throw new SourceError(source.name, prefix + file, message);
      }
      labels[f * perFile + i] = label;
      images.set(bytes.subarray(at + labelBytes, at + record), (f * perFile + i) * PIXELS);
    }
  }
  return imageDataset({ name, images, labels, shape: [3, 32, 32], classes, mean: facts.mean, std: facts.std });
}

/**
 * Load one split of CIFAR-10: `data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin`, in the source or in its folder
 * `cifar-10-batches-bin`. Class names are read from `batches.meta.txt` if it exists.
 *
 * Shapes    images u8 [n, 3, 32, 32]; n is 50,000 and 10,000.
 * Errors    SourceError naming the file: missing, of another size, a label above 9, not exactly 10 class names.
 */
export async function loadCifar10(
  source: ByteSource,
  split: DatasetSplit,
  options: Pick<CifarOptions, "imagesPerFile"> = {},
): Promise<ImageDataset> {
  expectKeys(options, { imagesPerFile: true }, (problem) => new DataError(`cifar10: ${problem}`));
  const prefix = await locate(source, FACTS.cifar10, split);
  const classes = (await namesFrom(source, `${prefix}batches.meta.txt`, 10)) ?? CIFAR10_CLASSES;
  return load("cifar10", source, split, options, prefix, { labelBytes: 1, labelAt: 0, classes });
}

/**
 * Load one split of CIFAR-100: `train.bin`, `test.bin`, in the source or in its folder `cifar-100-binary`. Class names are read
 * from `fine_label_names.txt` or `coarse_label_names.txt` if it exists, else they are numbers.
 *
 * Shapes    images u8 [n, 3, 32, 32]; n is 50,000 and 10,000.
 * Errors    SourceError naming the file: missing, of another size, a label beyond the classes; DataError for
 *           `labels` other than fine and coarse.
 */
export async function loadCifar100(
  source: ByteSource,
  split: DatasetSplit,
  options: CifarOptions = {},
): Promise<ImageDataset> {
  expectKeys(options, { labels: true, imagesPerFile: true }, (problem) => new DataError(`cifar100: ${problem}`));
  const { labels = "fine" } = options;
  if (labels !== "fine" && labels !== "coarse")
    throw new DataError(`cifar100: labels: expected fine or coarse, got ${JSON.stringify(labels)}`);
  const prefix = await locate(source, FACTS.cifar100, split);
  const count = labels === "fine" ? 100 : 20;
  const classes =
    (await namesFrom(source, `${prefix}${labels}_label_names.txt`, count)) ??
    Array.from({ length: count }, (_, i) => String(i));
  const labelAt = labels === "fine" ? 1 : 0;
  return load("cifar100", source, split, options, prefix, { labelBytes: 2, labelAt, classes });
}
