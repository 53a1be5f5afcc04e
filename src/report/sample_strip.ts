// Draws a few samples of a data set side by side on a PNG, to check that the images are right.
import { type ImageBatch, type LabelledImages, testBatchesOf } from "../internal.ts";
import { importPackage } from "../node/packages.ts";

const MOST = 8;
/** Pixels between two samples. */
const GAP = 1;

async function firstBatch(data: LabelledImages): Promise<ImageBatch | null> {
  // As in evaluation: training would augment them. Leaving the loop stops the reading.
  for await (const batch of testBatchesOf(data, Math.min(MOST, data.length))) return batch;
  return null;
}

/** Draw the first samples of a data set in a row. Null if they have neither one nor three channels. */
export async function sampleStrip(data: LabelledImages): Promise<Uint8Array | null> {
  const [channels, height, width] = data.shape;
  if ((channels !== 1 && channels !== 3) || ("timeSteps" in data && (data.timeSteps ?? 1) > 1)) return null;
  const samples = await firstBatch(data);
  if (!samples) return null;
  const { x: bytes, size: n, crop, stored } = samples;
  const [rows, columns] = stored;
  const across = n * (width + GAP) - GAP;
  const strip = new Uint8Array(height * across * channels);
  for (let i = 0; i < n; i++) {
    const [top, left] = [crop?.[4 * i] ?? 0, crop?.[4 * i + 1] ?? 0];
    for (let c = 0; c < channels; c++) {
      const plane = (i * channels + c) * rows * columns;
      for (let y = 0; y < height; y++) {
        const from = plane + (top + y) * columns + left;
        const to = y * across + i * (width + GAP);
        for (let x = 0; x < width; x++) strip[(to + x) * channels + c] = bytes[from + x]!;
      }
    }
  }
  const { default: sharp } = await importPackage("sharp", "sample pictures need", () => import("sharp"));
  const png = sharp(strip, { raw: { width: across, height, channels } });
  return new Uint8Array(await (channels === 1 ? png.toColourspace("b-w") : png).png().toBuffer());
}
