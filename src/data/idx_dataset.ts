// Reads image data sets in MNIST's four IDX files, gzipped or not.
import { gunzipIfPacked } from "../io/gzip.ts";
import { IdxError, parseIdx } from "../io/idx.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import {
  channelStats,
  type DatasetSplit,
  type ImageDataset,
  type ImageShape,
  imageDataset,
  labelFault,
  MAX_CLASSES,
} from "./dataset.ts";
import { DataError } from "./errors.ts";
import type { ByteSource } from "./source.ts";

/** Facts of a data set; the default of each is read from its train files. */
export interface IdxOptions {
  /** Default "idx". */
  readonly name?: string;
  /** Default "0" to the largest label of the train set. */
  readonly classes?: readonly string[];
  /** One value each, in units of 1 = 255. Default: computed from the train images. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Refuse images of another height and width. */
  readonly size?: readonly [h: number, w: number];
}

const KEYS: KeysOf<IdxOptions> = { name: true, classes: true, mean: true, std: true, size: true };
const refuse = (problem: string) => new DataError(`IDX data set: ${problem}`);

interface SplitFiles {
  readonly images: Uint8Array;
  readonly labels: Uint8Array | Int32Array;
  readonly shape: ImageShape;
  readonly labelFile: string;
}

const prefixes: Readonly<Record<DatasetSplit, string>> = { train: "train", test: "t10k" };
/** Two spellings, of two mirrors of the data set; each may be gzipped. */
const spellings = (prefix: string, part: string): string[] =>
  [`${prefix}-${part}-ubyte`, `${prefix}-${part.replace("-idx", ".idx")}-ubyte`].flatMap((n) => [n, `${n}.gz`]);

/**
 * Load one split of an IDX data set: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...`, with `.` for `-` before
 * `idx`, and `.gz` behind. Gzipped files are recognised by their bytes.
 *
 * Shapes    images u8 [n, h, w], one channel; labels u8 or i32 [n].
 * Errors    IdxError for missing and corrupt files, other types and sizes, counts that disagree, labels beyond the
 *           classes, or so large that most classes have no image; GzipError for corrupt gzip data; SourceError.
 */
export async function loadIdxDataset(
  source: ByteSource,
  { split, ...options }: IdxOptions & { split: DatasetSplit },
): Promise<ImageDataset> {
  expectKeys(options, KEYS, refuse);
  const files = await readSplit(source, split, options);
  const known = options.classes && options.mean && options.std;
  const train = split === "train" || known ? files : await readSplit(source, "train", options);
  return assemble(source, files, factsOf(source, train, options), options);
}

/** Load both splits of an IDX data set, each file read once; otherwise as loadIdxDataset. Errors: as loadIdxDataset. */
export async function loadIdxSplits(
  source: ByteSource,
  options: IdxOptions = {},
): Promise<{ train: ImageDataset; test: ImageDataset }> {
  expectKeys(options, KEYS, refuse);
  const train = await readSplit(source, "train", options);
  const facts = factsOf(source, train, options);
  const test = await readSplit(source, "test", options);
  return { train: assemble(source, train, facts, options), test: assemble(source, test, facts, options) };
}

async function readSplit(source: ByteSource, split: DatasetSplit, { size }: IdxOptions): Promise<SplitFiles> {
  const images = await readArray(source, spellings(prefixes[split], "images-idx3"));
  const labels = await readArray(source, spellings(prefixes[split], "labels-idx1"));
  const wrong = (file: string, message: string): never => {
    throw new IdxError(`${source.name}: ${file}`, "wrong content", message);
  };
  const describe = ({ dtype, shape }: { dtype: string; shape: readonly number[] }) => `${dtype} [${shape.join(",")}]`;
  if (images.array.dtype !== "U8" || images.array.shape.length !== 3)
    return wrong(images.file, `expected images U8 [n,h,w], got ${describe(images.array)}`);
  if ((labels.array.dtype !== "U8" && labels.array.dtype !== "I32") || labels.array.shape.length !== 1)
    return wrong(labels.file, `expected labels U8 or I32 [n], got ${describe(labels.array)}`);
  const [count, height, width] = images.array.shape as [number, number, number];
  if (count === 0 || height === 0 || width === 0) wrong(images.file, `no images: ${describe(images.array)}`);
  if (size && (height !== size[0] || width !== size[1])) {
    wrong(images.file, `expected images of ${size.join("x")} pixels, got ${height}x${width}`);
  }
  if (labels.array.data.length !== count) {
    wrong(
      labels.file,
      `expected ${count} labels, one for each image of ${images.file}, got ${labels.array.data.length}`,
    );
  }
  return { images: images.array.data, labels: labels.array.data, shape: [1, height, width], labelFile: labels.file };
}

async function readArray(source: ByteSource, names: readonly string[]) {
  for (const file of names) {
    if (!(await source.exists(file))) continue;
    const label = `${source.name}: ${file}`;
    return { file, array: parseIdx(await gunzipIfPacked(await source.read(file), label), label) };
  }
  throw new IdxError(`${source.name}: ${names[0]}`, "missing", `missing, also as ${names.slice(1).join(", ")}`);
}

type Facts = Pick<ImageDataset, "classes" | "mean" | "std">;

function factsOf(source: ByteSource, train: SplitFiles, options: IdxOptions): Facts {
  const stats = options.mean && options.std ? null : channelStats(train.images, train.shape);
  return {
    classes: options.classes ?? numbered(source, train),
    mean: options.mean ?? stats?.mean ?? [],
    std: options.std ?? stats?.std ?? [],
  };
}

/** Return class names "0" to the largest label. */
function numbered(source: ByteSource, { labels, labelFile }: SplitFiles): string[] {
  const fault = labelFault(labels, MAX_CLASSES);
  if (fault) throw new IdxError(`${source.name}: ${labelFile}`, "wrong content", fault);
  let largest = 0;
  for (const label of labels) largest = Math.max(largest, label);
  // Some data sets have a gap or two; a corrupt byte makes many classes without images.
  const used = new Set(labels).size;
  if (largest + 1 - used > Math.max(used, 16)) {
    const at = labels.indexOf(largest);
    const message = `label ${largest} at ${at} makes ${largest + 1} classes, but only ${used} of them have an image: is it corrupt?`;
    throw new IdxError(`${source.name}: ${labelFile}`, "wrong content", message);
  }
  return Array.from({ length: largest + 1 }, (_, i) => String(i));
}

function assemble(source: ByteSource, files: SplitFiles, facts: Facts, { name = "idx" }: IdxOptions): ImageDataset {
  const { images, labels, shape, labelFile } = files;
  const fault = labelFault(labels, facts.classes.length);
  if (fault) throw new IdxError(`${source.name}: ${labelFile}`, "wrong content", fault);
  return imageDataset({ name, images, labels, shape, ...facts });
}
