// A few samples of a data set side by side, as a PNG: whether the images are what one thinks they are is seen at a glance.
import type { ByteBatch, SessionData } from "../index.ts";

const MOST = 8;
/** Pixels between two. */
const GAP = 1;

interface Samples {
  /** [n, c, ...stored], 0 to 255. */
  readonly bytes: Uint8Array;
  readonly n: number;
  readonly stored: readonly [height: number, width: number];
  readonly place?: ByteBatch["place"];
}

async function firstSamples(data: SessionData): Promise<Samples | null> {
  const n = Math.min(MOST, data.length);
  if (!("batches" in data)) {
    const [c, h, w] = data.shape;
    return { bytes: data.images.subarray(0, n * c * h * w), n, stored: [h, w] };
  }
  // As a test would see them: training would cut and mirror them. Leaving the loop ends the reading.
  for await (const batch of data.batches({ batchSize: n, epoch: 0, seed: 0, startBatch: 0, training: false })) {
    const { bytes, size, stored, place } = batch;
    return { bytes, n: size, stored, ...(place ? { place } : {}) };
  }
  return null;
}

/** The first samples of a data set in a row. Null where they are no pictures: neither of one channel nor of three. */
export async function sampleStrip(data: SessionData): Promise<Uint8Array | null> {
  const [channels, height, width] = data.shape;
  if ((channels !== 1 && channels !== 3) || ("timeSteps" in data && (data.timeSteps ?? 1) > 1)) return null;
  const samples = await firstSamples(data);
  if (!samples) return null;
  const { bytes, n, place } = samples;
  const [rows, columns] = samples.stored;
  const across = n * (width + GAP) - GAP;
  const strip = new Uint8Array(height * across * channels);
  for (let i = 0; i < n; i++) {
    const [top, left] = [place?.[4 * i] ?? 0, place?.[4 * i + 1] ?? 0];
    for (let c = 0; c < channels; c++) {
      const plane = (i * channels + c) * rows * columns;
      for (let y = 0; y < height; y++) {
        const from = plane + (top + y) * columns + left;
        const to = y * across + i * (width + GAP);
        for (let x = 0; x < width; x++) strip[(to + x) * channels + c] = bytes[from + x]!;
      }
    }
  }
  const { default: sharp } = await import("sharp");
  const png = sharp(strip, { raw: { width: across, height, channels } });
  return new Uint8Array(await (channels === 1 ? png.toColourspace("b-w") : png).png().toBuffer());
}
