// A batch of bytes as the numbers that the GPU makes of it, for the few samples that somebody wants to look at.

import { normalisationTable } from "../data/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { ByteImages, HostBatch } from "./batch_input.ts";
import type { PixelScale } from "./byte_input.ts";

/**
 * Cuts, mirrors and normalises the images of a batch on the host, to the bits of `bytesToImages`.
 *
 * Shapes    bytes [n, c, ...stored] -> x [n, ...sample], sample = [c, h, w]; without places images are taken whole.
 * Errors    ArgumentError when stored is smaller than the sample, or the bytes are not as many as that makes.
 */
export function numbersOf(batch: ByteImages, sample: readonly [number, number, number], scale: PixelScale): HostBatch {
  const { bytes, stored, place, y, size } = batch;
  const [channels, h, w] = sample;
  const [height, width] = stored;
  if (height < h || width < w || bytes.length !== size * channels * height * width) {
    throw new ArgumentError(
      `images: ${size} of [${sample}] stored as ${height}x${width} want ${size * channels * height * width} bytes of at least that size, there are ${bytes.length}`,
    );
  }
  const table = normalisationTable({ shape: [channels, 1, 1], ...scale });
  const x = new Float32Array(size * channels * h * w);
  for (let i = 0, at = 0; i < size; i++) {
    const [top, left, mirrored] = [0, 1, 2].map((k) => place?.[4 * i + k] ?? 0) as [number, number, number];
    for (let c = 0; c < channels; c++) {
      for (let row = 0; row < h; row++) {
        const from = ((i * channels + c) * height + top + row) * width + left;
        for (let col = 0; col < w; col++) {
          const byte = bytes[from + (mirrored ? w - 1 - col : col)]!;
          x[at++] = table[256 * c + byte]!;
        }
      }
    }
  }
  return { x, y, size };
}
