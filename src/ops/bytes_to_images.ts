// Converts images from bytes on the GPU: one byte per value is uploaded, and everything else happens here.
import wgsl from "../../shaders/bytes_to_images.wgsl";
import { defineOp } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, numel, sameShape, type Tensor } from "../tensor/index.ts";
import { vec4 } from "./pointwise/vec4.ts";

const imagesKernel = kernel("bytes_to_images", wgsl);

/** Options of `bytesToImages`. */
export interface BytesToImagesOptions {
  /** Shape of the result. */
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  /** Height and width of the images in the bytes. */
  readonly stored: readonly [height: number, width: number];
  /** Pixels that crops may reach beyond the stored images, where bytes are 0. Default 0. */
  readonly pad?: number | undefined;
  /** Dtype of the result. Default f32. */
  readonly dtype?: "f32" | "f16" | undefined;
}

const isSize = (d: number) => Number.isInteger(d) && d > 0;

/**
 * Check crops before they are uploaded: the GPU reads the addresses that they give.
 *
 * Errors    OpError that names the image, its numbers and the sizes: another number of crops than of images, a crop beyond the
 *          edges, mirrored not 0 or 1, a last number that is not 0.
 */
export function expectCrops(op: string, crop: Int32Array, { shape, stored, pad = 0 }: BytesToImagesOptions): void {
  const [n, , h, w] = shape;
  if (crop.length !== 4 * n)
    throw new OpError(op, `expected ${4 * n} numbers for the crops of ${n} images, got ${crop.length}`);
  const [lowest, rightmost] = [stored[0] - h + pad, stored[1] - w + pad];
  for (let i = 0; i < n; i++) {
    const at = (k: number) => crop[4 * i + k]!;
    const [top, left, mirrored, last] = [at(0), at(1), at(2), at(3)];
    const inside = top >= -pad && top <= lowest && left >= -pad && left <= rightmost;
    if (inside && (mirrored === 0 || mirrored === 1) && last === 0) continue;
    const padded = pad > 0 ? `, padded by ${pad}` : "";
    const wanted = `[${-pad}..${lowest}, ${-pad}..${rightmost}, 0 or 1, 0] to cut ${h}x${w} out of ${stored.join("x")}${padded}`;
    throw new OpError(op, `crop of image ${i}: expected ${wanted}, got [${top}, ${left}, ${mirrored}, ${last}]`);
  }
}

function fail(problem: string, tensors?: Record<string, Tensor>): never {
  throw new OpError("bytesToImages", problem, tensors);
}

function expectSizes({ shape, stored, pad = 0 }: BytesToImagesOptions, cropped: boolean): void {
  if (shape.length !== 4 || !shape.every(isSize)) fail(`shape: expected [n, c, h, w], got [${shape.join(",")}]`);
  if (stored.length !== 2 || !stored.every(isSize)) fail(`stored: expected [h, w], got [${stored.join(",")}]`);
  if (!Number.isInteger(pad) || pad < 0) fail(`pad: expected an integer >= 0, got ${pad}`);
  if (pad > 0 && !cropped) fail(`pad: expected 0, since no crops are given, got ${pad}`);
  const [, , h, w] = shape;
  const [height, width] = stored;
  if (cropped && (height + 2 * pad < h || width + 2 * pad < w))
    fail(`stored: expected at least ${h}x${w}, got ${height}x${width}${pad > 0 ? `, padded by ${pad}` : ""}`);
  if (!cropped && (height !== h || width !== w))
    fail(`stored: expected ${h}x${w}, since no crops are given, got ${height}x${width}`);
}

/**
 * Crop stored images, mirror them and look up each byte: y[i, c, row, col] = table[c, b] with b the byte of
 * image i at row top + row and column left + col, mirrored left + w - 1 - col; outside of the stored image b is 0, as in an
 * image that is padded before it is normalised. With a table, normalised values have the bits that the host would have computed.
 *
 * Shapes    bytes [ceil(n c H W / 4)] u32, four bytes of [n, c, H, W] a word, the first in the lowest bits; crop [n, 4] i32
 *           (top, left, 1 for mirrored, 0) or null; table [c, 256] -> y [n, c, h, w].
 * Backward  none.
 * Errors    OpError if shapes or dtypes disagree, if stored is smaller than shape, or of another size without crops. The crops
 *           are not checked: see expectCrops.
 */
export const bytesToImages = defineOp({
  name: "bytesToImages",
  options: ["shape", "stored", "pad", "dtype"],
  infer(
    [bytes, crop, table]: [bytes: Tensor, crop: Tensor | null, table: Tensor],
    { shape, stored, pad, dtype = "f32" }: BytesToImagesOptions,
  ) {
    expectSizes({ shape, stored, pad }, crop !== null);
    const [n, c] = shape;
    const [height, width] = stored;
    const count = n * c * height * width;
    // Indices in the shader are u32.
    if (count >= 2 ** 32) fail(`expected fewer than 2^32 bytes, got ${count} in [${n},${c},${height},${width}]`);
    if (bytes.dtype !== "u32" || bytes.numel !== Math.ceil(count / 4)) {
      fail(`expected ${Math.ceil(count / 4)} u32 for the bytes of [${n},${c},${height},${width}]`, { bytes });
    }
    if (crop && (crop.dtype !== "i32" || !sameShape(crop.shape, [n, 4]))) fail(`crop: expected [${n},4] i32`, { crop });
    if (table.dtype !== "f32" || !sameShape(table.shape, [c, 256])) fail(`table: expected [${c},256] f32`, { table });
    if (dtype !== "f32" && dtype !== "f16") fail(`dtype: expected f32 or f16, got ${dtype}`);
    return { shape, dtype };
  },
  forward(y, [bytes, crop, table], { shape: [, c, h, w], stored, pad = 0 }) {
    const n = numel(y.shape);
    imagesKernel.run({
      // The variant without crops binds other memory in their crop.
      bind: { x: bytes, crop: crop ?? vec4(bytes), table, result: vec4(y) },
      params: { n, stored },
      // Without crops an image may be treated as one row: more widths are then multiples of four.
      spec: {
        ...{ CHANNELS: c, HEIGHT: crop ? h : 1, WIDTH: crop ? w : h * w },
        ...{ CROPPED: crop !== null, PADDED: pad > 0, ...actSpec(y) },
      },
      grid: grid1d(n),
    });
    return [];
  },
});
