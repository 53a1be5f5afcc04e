// A folder of the four IDX files with a small data set made here, for tests of the command.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ImageDataset } from "../../src/data/index.ts";
import { squares } from "./shapes.ts";

function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((v, i) => {
    out.writeUInt32BE(v, 4 * i);
  });
  return out;
}

export const idxImages = (n: number, pixels: Uint8Array, size = 28) =>
  Buffer.concat([u32(2051, n, size, size), pixels]);
export const idxLabels = (values: ArrayLike<number>) =>
  Buffer.concat([u32(2049, values.length), Uint8Array.from(values as ArrayLike<number>)]);
export const idxMagic = (magic: number, ...sizes: number[]) => u32(magic, ...sizes);

/** Writes `train` and `test` squares of 28x28 as IDX files. */
export function squaresFolder(dir: string, train: number, test: number): string {
  mkdirSync(dir, { recursive: true });
  const write = (prefix: string, d: ImageDataset) => {
    writeFileSync(join(dir, `${prefix}-images-idx3-ubyte`), idxImages(d.length, d.images));
    writeFileSync(join(dir, `${prefix}-labels-idx1-ubyte`), idxLabels(d.labels));
  };
  write("train", squares(train, 28, 3));
  write("t10k", squares(test, 28, 4));
  return dir;
}
