// A small data set made here: bright squares at one of four places on a noisy ground, one class each.
import { type ImageDataset, imageDataset } from "../../src/data/index.ts";
import { randomArray, randomInts } from "./random.ts";

/** n grey images of size x size with four classes. */
export function squares(n: number, size = 12, seed = 1): ImageDataset {
  const labels = Uint8Array.from(randomInts(n, 4, seed));
  const noise = randomArray(n * size * size, seed + 1, 40);
  const images = Uint8Array.from(noise, (v) => Math.min(255, Math.max(0, 60 + v)));
  const half = size / 2;
  labels.forEach((label, i) => {
    const top = (label >> 1) * half;
    const left = (label & 1) * half;
    for (let y = 1; y < half - 1; y++) {
      for (let x = 1; x < half - 1; x++) images[(i * size + top + y) * size + left + x] = 230;
    }
  });
  return imageDataset({
    name: "squares",
    images,
    labels,
    shape: [1, size, size],
    classes: ["0", "1", "2", "3"],
    mean: [0.3],
    std: [0.3],
  });
}
