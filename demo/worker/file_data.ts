// The visitor's own images: MNIST's IDX files by their names, or images whose folders are their classes.
import {
  channelStats,
  gunzipIfPacked,
  type ImageDataset,
  imageDataset,
  loadIdxSplits,
  memorySource,
  subset,
} from "../../src/index.ts";
import type { Splits } from "./digits.ts";

/** Limits, so that a wrong folder is refused before it fills the memory. */
export const LIMITS = {
  /** Bytes of all files, packed and unpacked. */
  bytes: 2 ** 28,
  images: 100_000,
  /** Pictures in folders, which have to be decoded one by one. */
  pictures: 20_000,
  pictureBytes: 2 ** 24,
  classes: { min: 2, max: 100 },
  /** Of a class in a folder: fewer leave none to test with. */
  perClass: 6,
  side: { min: 8, max: 64 },
} as const;

/** Every so many images one is kept for testing. */
const TEST_EVERY = 6;
const PICTURE_SIDE = 28;

export interface DroppedFile {
  readonly path: string;
  readonly file: Blob;
}

/** A picture as [28, 28] grey values. Rejects when it cannot be read. */
export type Decoder = (file: Blob) => Promise<Uint8Array>;

const IDX_NAME = /^(train|t10k)-(images|labels)[-.]idx\d-ubyte(\.gz)?$/;
const PICTURE_NAME = /\.(png|jpe?g|gif|bmp|webp|avif)$/i;
const baseName = (path: string) => path.split("/").at(-1) ?? path;
const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;

/** What was dropped, as data to train and test with. Throws with a message for the visitor. */
export async function datasetOf(files: readonly DroppedFile[], decode: Decoder = decodePicture): Promise<Splits> {
  const seen = files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX"));
  if (seen.length === 0) throw new RangeError("there are no files");
  const bytes = seen.reduce((n, { file }) => n + file.size, 0);
  if (bytes > LIMITS.bytes) {
    throw new RangeError(`files of ${megabytes(bytes)} are too many: at most ${megabytes(LIMITS.bytes)} are read`);
  }
  const idx = seen.filter(({ path }) => IDX_NAME.test(baseName(path)));
  if (idx.length > 0) return idxData(idx);
  const pictures = seen.filter(({ path, file }) => PICTURE_NAME.test(path) || file.type.startsWith("image/"));
  if (pictures.length > 0) return pictureData(pictures, decode);
  throw new RangeError(
    `${baseName(seen[0]!.path)}: wanted IDX files with MNIST's names (train-images-idx3-ubyte and its ` +
      "three companions, gzipped or not) or images in folders named after their classes",
  );
}

async function idxData(files: readonly DroppedFile[]): Promise<Splits> {
  const held = new Map<string, Uint8Array>();
  for (const { path, file } of files) {
    const name = baseName(path);
    const bytes = new Uint8Array(await file.arrayBuffer());
    held.set(name.replace(/\.gz$/, ""), await gunzipIfPacked(bytes, name, { maxBytes: LIMITS.bytes }));
  }
  const missing = (["train", "t10k"] as const).filter((prefix) => ![...held.keys()].some((n) => n.startsWith(prefix)));
  // The images to test with may be absent: then some of the others are kept for it.
  if (missing.includes("train"))
    throw new RangeError("train-images-idx3-ubyte and train-labels-idx1-ubyte are missing");
  if (missing.length > 0) {
    const copies = [...held].map(([name, bytes]) => [name.replace("train", "t10k"), bytes] as const);
    for (const [name, bytes] of copies) held.set(name, bytes);
  }
  const splits = await loadIdxSplits(memorySource(held, "dropped files"), { name: "files" });
  const { train } = splits;
  const [, height, width] = train.shape;
  const { min, max } = LIMITS.side;
  if (height !== width || height < min || height > max) {
    throw new RangeError(`images are ${height}x${width}: wanted square ones of ${min} to ${max} pixels`);
  }
  if (splits.test.shape.join() !== train.shape.join()) {
    throw new RangeError(`images to train with are ${height}x${width}, those to test with have another size`);
  }
  checkClasses(train.classes.length);
  if (train.length > LIMITS.images || splits.test.length > LIMITS.images) {
    throw new RangeError(`${train.length} images are too many: at most ${LIMITS.images}`);
  }
  return missing.length > 0 ? everySixth(train) : splits;
}

function checkClasses(count: number): void {
  const { min, max } = LIMITS.classes;
  if (count < min || count > max) throw new RangeError(`${count} classes: wanted ${min} to ${max}`);
}

/** Some images to train with, every sixth to test with. */
function everySixth(all: ImageDataset): Splits {
  const isTest = (i: number) => i % TEST_EVERY === TEST_EVERY - 1;
  const numbers = Array.from({ length: all.length }, (_, i) => i);
  const pixels = all.images.length / all.length;
  const pick = (chosen: readonly number[]): ImageDataset => {
    if (chosen.length === 0) throw new RangeError(`${all.length} images are too few: wanted at least ${TEST_EVERY}`);
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
    throw new RangeError(`${files.length} images are too many: at most ${LIMITS.pictures}`);
  }
  const byClass = new Map<string, DroppedFile[]>();
  for (const dropped of files) {
    const folder = dropped.path.split("/").at(-2);
    if (!folder) throw new RangeError(`${dropped.path}: wanted a folder around it that is named after its class`);
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
      throw new RangeError(`class ${name} has ${members.length} images: wanted at least ${LIMITS.perClass}`);
    }
    for (const [i, { path, file }] of members.entries()) {
      if (file.size > LIMITS.pictureBytes) {
        throw new RangeError(`${path}: ${megabytes(file.size)}, at most ${megabytes(LIMITS.pictureBytes)} are read`);
      }
      const pixels = await decode(file).catch(() => {
        throw new RangeError(`${path}: is not an image that this browser can read`);
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
  return { train: subset(whole, 0, train.length), test: subset(whole, train.length, all.length) };
}

/** The browser's own decoder; the image is fitted into the square, keeping its shape, on black. */
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
    // Luminance as of BT.601.
    const grey = (i: number) => 0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!;
    return Uint8Array.from({ length: PICTURE_SIDE ** 2 }, (_, i) => Math.round(grey(i)));
  } finally {
    bitmap.close();
  }
}
