// Reads the visitor's images: IDX files with MNIST's names, or images in folders named after their classes.
import {
  channelStats,
  gunzipIfPacked,
  type ImageDataset,
  imageDataset,
  loadIdxSplits,
  memorySource,
  takeSubset,
} from "../../src/internal.ts";
import type { Splits } from "./digits.ts";

/** Limits that refuse a wrong folder before it fills the memory. */
const LIMITS = {
  /** Bytes of all files, packed and unpacked. */
  bytes: 2 ** 28,
  images: 100_000,
  /** Images in folders, which are decoded one by one. */
  pictures: 20_000,
  pictureBytes: 2 ** 24,
  classes: { min: 2, max: 100 },
  /** Least images per class in folders; fewer leave none for testing. */
  perClass: 6,
  side: { min: 8, max: 64 },
} as const;

/** One in this many images is used for testing. */
const TEST_EVERY = 6;
const PICTURE_SIDE = 28;

export interface DroppedFile {
  readonly path: string;
  readonly file: Blob;
}

/** Decodes an image to [28, 28] grey values. Rejects if it cannot be read. */
type Decoder = (file: Blob) => Promise<Uint8Array>;

const IDX_NAME = /^(train|t10k)-(images|labels)[-.]idx\d-ubyte(\.gz)?$/;
const PICTURE_NAME = /\.(png|jpe?g|gif|bmp|webp|avif)$/i;
const baseName = (path: string) => path.split("/").at(-1) ?? path;
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;

/** Make training and test data of dropped files. Throws with a message for the visitor. */
export async function datasetOf(files: readonly DroppedFile[], decode: Decoder = decodePicture): Promise<Splits> {
  const seen = files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
  if (seen.length === 0) throw new RangeError("there are no files");
  const bytes = seen.reduce((n, { file }) => n + file.size, 0);
  if (bytes > LIMITS.bytes) {
    throw new RangeError(`files are too large: expected at most ${megabytes(LIMITS.bytes)}, got ${megabytes(bytes)}`);
  }
  const idx = seen.filter(({ path }) => IDX_NAME.test(baseName(path)));
  if (idx.length > 0) return idxData(idx);
  const pictures = seen.filter(({ path, file }) => PICTURE_NAME.test(path) || file.type.startsWith("image/"));
  if (pictures.length > 0) return pictureData(pictures, decode);
  throw new RangeError(
    `${baseName(seen[0]!.path)}: expected IDX files with MNIST's names (train-images-idx3-ubyte and the ` +
      "other three, gzipped or not) or images in folders named after their classes",
  );
}

async function idxData(files: readonly DroppedFile[]): Promise<Splits> {
  const unpacked = new Map<string, Uint8Array>();
  for (const { path, file } of files) {
    const name = baseName(path);
    const bytes = new Uint8Array(await file.arrayBuffer());
    unpacked.set(name.replace(/\.gz$/, ""), await gunzipIfPacked(bytes, name, { maxBytes: LIMITS.bytes }));
  }
  const missing = (["train", "t10k"] as const).filter(
    (prefix) => ![...unpacked.keys()].some((n) => n.startsWith(prefix)),
  );
  // Without test images, some training images are used for testing.
  if (missing.includes("train"))
    throw new RangeError("train-images-idx3-ubyte and train-labels-idx1-ubyte are missing");
  if (missing.length > 0) {
    const copies = [...unpacked].map(([name, bytes]) => [name.replace("train", "t10k"), bytes] as const);
    for (const [name, bytes] of copies) unpacked.set(name, bytes);
  }
  const splits = await loadIdxSplits(memorySource(unpacked, "dropped files"), { name: "files" });
  const { train } = splits;
  const [, height, width] = train.shape;
  const { min, max } = LIMITS.side;
  if (height !== width || height < min || height > max) {
    throw new RangeError(`expected square images of ${min} to ${max} pixels, got ${height}x${width}`);
  }
  if (splits.test.shape.join() !== train.shape.join()) {
    throw new RangeError(`training images are ${height}x${width}, test images have another size`);
  }
  checkClasses(train.classes.length);
  if (train.length > LIMITS.images || splits.test.length > LIMITS.images) {
    throw new RangeError(`expected at most ${LIMITS.images} images, got ${train.length}`);
  }
  return missing.length > 0 ? splitOffTests(train) : splits;
}

function checkClasses(count: number): void {
  const { min, max } = LIMITS.classes;
  if (count < min || count > max) throw new RangeError(`expected ${min} to ${max} classes, got ${count}`);
}

/** Use every sixth image for testing, the others for training. */
function splitOffTests(all: ImageDataset): Splits {
  const isTest = (i: number) => i % TEST_EVERY === TEST_EVERY - 1;
  const numbers = Array.from({ length: all.length }, (_, i) => i);
  const pixels = all.images.length / all.length;
  const pick = (chosen: readonly number[]): ImageDataset => {
    if (chosen.length === 0) throw new RangeError(`expected at least ${TEST_EVERY} images, got ${all.length}`);
    const images = new Uint8Array(chosen.length * pixels);
    for (const [to, from] of chosen.entries()) {
      images.set(all.images.subarray(from * pixels, (from + 1) * pixels), to * pixels);
    }
    const labels = Int32Array.from(chosen, (i) => all.labels[i]!);
    return { ...all, images, labels, length: chosen.length };
  };
  return { train: pick(numbers.filter((i) => !isTest(i))), test: pick(numbers.filter(isTest)) };
}

async function pictureData(files: readonly DroppedFile[], decode: Decoder): Promise<Splits> {
  if (files.length > LIMITS.pictures) {
    throw new RangeError(`expected at most ${LIMITS.pictures} images, got ${files.length}`);
  }
  const byClass = new Map<string, DroppedFile[]>();
  for (const dropped of files) {
    const folder = dropped.path.split("/").at(-2);
    if (!folder) throw new RangeError(`${dropped.path}: expected it in a folder named after its class`);
    const list = byClass.get(folder);
    if (list) list.push(dropped);
    else byClass.set(folder, [dropped]);
  }
  checkClasses(byClass.size);
  const classes = [...byClass.keys()].sort();
  const train: { label: number; pixels: Uint8Array }[] = [];
  const test: typeof train = [];
  for (const [label, name] of classes.entries()) {
    const members = byClass.get(name)!.sort((a, b) => (a.path < b.path ? -1 : 1));
    if (members.length < LIMITS.perClass) {
      throw new RangeError(`class ${name}: expected at least ${LIMITS.perClass} images, got ${members.length}`);
    }
    for (const [i, { path, file }] of members.entries()) {
      if (file.size > LIMITS.pictureBytes) {
        throw new RangeError(
          `${path}: expected at most ${megabytes(LIMITS.pictureBytes)}, got ${megabytes(file.size)}`,
        );
      }
      const pixels = await decode(file).catch(() => {
        throw new RangeError(`${path}: this browser cannot read it as an image`);
      });
      (i % TEST_EVERY === TEST_EVERY - 1 ? test : train).push({ label, pixels });
    }
  }
  const all = [...train, ...test];
  const pixels = PICTURE_SIDE ** 2;
  const images = new Uint8Array(all.length * pixels);
  for (const [i, picture] of all.entries()) images.set(picture.pixels, i * pixels);
  const shape = [1, PICTURE_SIDE, PICTURE_SIDE] as const;
  const { mean, std } = channelStats(images.subarray(0, train.length * pixels), shape);
  const labels = Uint8Array.from(all, (picture) => picture.label);
  const whole = imageDataset({ name: "files", images, labels, shape, classes, mean, std });
  return { train: takeSubset(whole, 0, train.length), test: takeSubset(whole, train.length, all.length) };
}

/** Decode with the browser and fit the image into the square on black; the aspect ratio stays. */
async function decodePicture(file: Blob): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  try {
    const canvas = new OffscreenCanvas(PICTURE_SIDE, PICTURE_SIDE);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no 2d canvas");
    const scale = PICTURE_SIDE / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.fillStyle = "black";
    context.fillRect(0, 0, PICTURE_SIDE, PICTURE_SIDE);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (PICTURE_SIDE - width) / 2, (PICTURE_SIDE - height) / 2, width, height);
    const { data } = context.getImageData(0, 0, PICTURE_SIDE, PICTURE_SIDE);
    // Luminance by BT.601.
    const grey = (i: number) => 0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!;
    return Uint8Array.from({ length: PICTURE_SIDE ** 2 }, (_, i) => Math.round(grey(i)));
  } finally {
    bitmap.close();
  }
}
