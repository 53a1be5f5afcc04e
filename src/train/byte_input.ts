// Images that come as bytes: what is uploaded of them, and how they become numbers inside a step.
import { type ImageDataset, normalisationTable } from "../data/index.ts";
import { OpError } from "../gpu/index.ts";
import { bytesToImages, expectPlaces } from "../ops/bytes_to_images.ts";
import { type HostTensor, persistent, type Tensor } from "../tensor/index.ts";
import type { ByteImages } from "./batch_input.ts";

/** Mean and standard deviation of each channel, in units of 1 = 255: how bytes are normalised. */
export type PixelScale = Pick<ImageDataset, "mean" | "std">;

/** A step's way to take bytes. A class of its own, so that pages which train from numbers only do not carry it. */
export class ByteInput {
  private readonly scale: PixelScale;
  private table: Tensor | null = null;
  // Where bytes are laid that do not fill whole words of their own.
  private words = new Uint32Array(0);

  constructor(scale: PixelScale) {
    this.scale = scale;
  }

  /** What is uploaded for a batch: valid until the next call. `name`: who speaks in errors. */
  hostTensors(batch: ByteImages, name: string, sample: readonly number[]): Record<string, HostTensor> {
    this.check(batch, name, sample);
    const { size, place, y } = batch;
    const data = this.wordsOf(batch.bytes);
    return {
      bytes: { data, shape: [data.length] },
      y: { data: y, shape: [size] },
      ...(place ? { place: { data: place, shape: [size, 4] } } : {}),
    };
  }

  /** Images [n, ...sample] of what was uploaded. */
  images(
    { bytes, place, y }: Readonly<Record<string, Tensor>>,
    stored: ByteImages["stored"],
    sample: readonly number[],
  ): Tensor {
    const shape = [y!.numel, ...sample] as unknown as readonly [number, number, number, number];
    this.table ??= persistent(normalisationTable({ shape: [shape[1], 1, 1], ...this.scale }), [shape[1], 256]);
    return bytesToImages(bytes!, place ?? null, this.table, { shape, stored });
  }

  /** Throws OpError when the parts of a batch do not fit each other or the sample, or a place lies beyond the image. */
  check({ bytes, stored, place, y, size }: ByteImages, name: string, sample: readonly number[]): void {
    const [c, h, w] = sample as [number, number, number];
    const [height, width] = stored;
    if (sample.length !== 3) {
      throw new OpError(name, `bytes become images [c, h, w], the model's samples are [${sample.join(",")}]`);
    }
    if (bytes.length !== size * c * height * width || y.length !== size) {
      const wanted = `${size * c * height * width} bytes and ${size} labels`;
      throw new OpError(
        name,
        `${size} images [${c},${height},${width}] want ${wanted}, there are ${bytes.length} and ${y.length}`,
      );
    }
    if (place) expectPlaces(name, place, { shape: [size, c, h, w], stored });
    else if (height !== h || width !== w) {
      throw new OpError(name, `images stored as ${height}x${width} want places to be cut to ${h}x${w} at`);
    }
  }

  private wordsOf({ buffer, byteOffset, length }: ByteImages["bytes"]): Uint32Array {
    if (byteOffset % 4 === 0 && length % 4 === 0) return new Uint32Array(buffer, byteOffset, length / 4);
    const count = Math.ceil(length / 4);
    if (this.words.length < count) this.words = new Uint32Array(count);
    new Uint8Array(this.words.buffer).set(new Uint8Array(buffer, byteOffset, length));
    return this.words.subarray(0, count);
  }

  dispose(): void {
    this.table?.dispose();
    this.table = null;
  }
}
