// Synthetic data for a dry run without the files: as many images as the data set has.
import { existsSync } from "node:fs";
import {
  batchCount,
  firstOfEachClass,
  type ImageShape,
  imageDataset,
  type LabelledImages,
  type StreamedDataset,
} from "../internal.ts";
import { fashionFolder } from "./fashion_folders.ts";
import { type DataSettings, inMemory, type Splits } from "./splits.ts";

interface Known {
  /** Name of the data set that has these counts. */
  readonly title: string;
  readonly train: number;
  readonly test: number;
  readonly classes: number;
  readonly shape: ImageShape;
}

/** `images` is planned as ILSVRC 2012, which its recipes are for. Source: the data sets' own descriptions. */
const KNOWN: Readonly<Record<string, Known>> = {
  "fashion-mnist": { title: "Fashion-MNIST", train: 60_000, test: 10_000, classes: 10, shape: [1, 28, 28] },
  cifar10: { title: "CIFAR-10", train: 50_000, test: 10_000, classes: 10, shape: [3, 32, 32] },
  cifar100: { title: "CIFAR-100", train: 50_000, test: 10_000, classes: 100, shape: [3, 32, 32] },
  images: { title: "ImageNet (ILSVRC 2012)", train: 1_281_167, test: 50_000, classes: 1000, shape: [3, 224, 224] },
};

/** Return noise: images of one value would make layers of one value. */
function noise(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, 0x9e3779b1) >>> 24;
}

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));
const perChannel = ([channels]: ImageShape, value: number): number[] => new Array<number>(channels).fill(value);

function imaginedHeld(name: string, length: number, { shape, classes }: Known) {
  const [channels, height, width] = shape;
  const pixels = channels * height * width;
  const images = new Uint8Array(length * pixels);
  // Enough for a few batches: the rest stays untouched, so that it takes no memory.
  noise(images.subarray(0, Math.min(length, 4096) * pixels));
  const labels = Int32Array.from({ length }, (_, i) => i % classes);
  const scale = { mean: perChannel(shape, 0.5), std: perChannel(shape, 0.25) };
  return imageDataset({ name, images, labels, shape, classes: names(classes), ...scale });
}

function imaginedStream(name: string, length: number, shape: ImageShape, classes: number): StreamedDataset {
  const [channels, height, width] = shape;
  return {
    ...{ name, length, shape, classes: names(classes) },
    mean: perChannel(shape, 0.5),
    std: perChannel(shape, 0.25),
    close: async () => {},
    batches({ batchSize, startBatch, epoch }) {
      const count = batchCount(length, batchSize);
      return {
        length: count,
        recycle() {},
        async *[Symbol.asyncIterator]() {
          const bytes = new Uint8Array(batchSize * channels * height * width);
          noise(bytes);
          for (let batch = startBatch; batch < count; batch++) {
            const size = Math.min(batchSize, length - batch * batchSize);
            const y = Int32Array.from({ length: size }, (_, i) => (batch * batchSize + i) % classes);
            yield {
              x: bytes.subarray(0, size * channels * height * width),
              stored: [height, width] as const,
              y,
              indices: Uint32Array.from(y.keys(), (i) => batch * batchSize + i),
              ...{ size, batch, epoch },
            };
          }
        },
      };
    },
  };
}

/**
 * Return synthetic data for a dry run if the folder of a well-known data set is missing; null if it exists, or if the data
 * set is unknown and has to be read.
 */
export function plannedData(data: DataSettings): Splits<LabelledImages> | null {
  const known = KNOWN[data.name];
  const { dir = data.name === "fashion-mnist" ? fashionFolder() : undefined, limit } = data;
  if (!known || (dir !== undefined && existsSync(dir))) return null;
  const { title, train, test, classes } = known;
  const why = dir === undefined ? "no folder is given with --data-dir" : `${dir} is not there`;
  const note = `no image was read, since ${why}: planned with the counts of ${title}`;
  if (data.name !== "images") {
    const all = imaginedHeld(data.name, train, known);
    const splits = inMemory(
      limit === undefined ? all : firstOfEachClass(all, limit),
      imaginedHeld(data.name, test, known),
    );
    return { ...splits, notes: [note], imagined: true };
  }
  const { size = 224 } = data;
  const make = (length: number) => imaginedStream(data.name, length, [3, size, size], classes);
  const close = async () => {};
  return {
    ...{
      train: make(train),
      test: make(test),
      layout: "imagined",
      stored: [size, size],
      notes: [note],
      damaged: [],
      close,
    },
    imagined: true,
  };
}
