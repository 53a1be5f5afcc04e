// A small fixed part of a dataset, the same in every run: for experiments whose full data would take too long.
import type { ImageDataset } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";

/**
 * The first `perClass` samples of each class, in the order they have in the dataset. Bytes are copied. Name, classes,
 * mean and std stay those of the dataset, so that a network sees each image as it would among all.
 *
 * Shapes    images u8 [classes · perClass, c, h, w]
 * Errors    DataError naming the dataset: perClass not a whole number >= 1, or a class with fewer samples.
 */
export function firstOfEachClass(dataset: ImageDataset, perClass: number): ImageDataset {
  const { name, images, labels, classes, shape } = dataset;
  expectWhole(`dataset ${name}: samples of each class`, perClass, 1);
  const counts = new Uint32Array(classes.length);
  const taken: number[] = [];
  for (let i = 0; i < dataset.length; i++) {
    const label = labels[i]!;
    const count = counts[label]! + 1;
    counts[label] = count;
    if (count <= perClass) taken.push(i);
  }
  const short = counts.findIndex((count) => count < perClass);
  if (short >= 0) {
    throw new DataError(
      `dataset ${name}: ${perClass} samples of each class are wanted, class ${classes[short]} has ${counts[short]}`,
    );
  }
  const pixels = shape[0] * shape[1] * shape[2];
  const bytes = new Uint8Array(taken.length * pixels);
  for (const [to, from] of taken.entries()) bytes.set(images.subarray(from * pixels, (from + 1) * pixels), to * pixels);
  const picked = taken.map((i) => labels[i]!);
  return {
    ...dataset,
    images: bytes,
    labels: labels instanceof Int32Array ? Int32Array.from(picked) : Uint8Array.from(picked),
    length: taken.length,
  };
}
