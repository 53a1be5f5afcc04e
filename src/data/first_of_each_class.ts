// Picks a small fixed part of a data set, the same in every run, for quick experiments.
import type { ImageDataset } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";

/**
 * Return the first `perClass` samples of each class, in the order of the data set. Bytes are copied. Name, classes, mean and
 * std are those of the data set.
 *
 * Shapes    images u8 [classes · perClass, c, h, w]
 * Errors    DataError naming the dataset: perClass is not an integer >= 1, or a class has fewer samples.
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
    const problem = `dataset ${name}: expected ${perClass} samples of each class, got ${counts[short]} of class ${classes[short]}`;
    throw new DataError(problem);
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
