// Shards: images of one size as plain bytes, so that each is one read at a known offset. A file is a header of 64
// bytes, the images [count, c, h, w], and their labels as i32; all numbers are little-endian.
import { DamagedFileError } from "./damaged.ts";

/** A shard or its index is corrupt or of another kind. Names the file. */
export class ShardError extends DamagedFileError {
  override readonly name = "ShardError";
}

export const SHARD_VERSION = 1;
export const SHARD_HEADER_BYTES = 64;
const MAGIC = "ESPSHARD";

/** Channels, height, width. */
export type ShardShape = readonly [c: number, h: number, w: number];

const pixelsOf = (shape: ShardShape): number => shape[0] * shape[1] * shape[2];

/** Return the bytes of a shard file of `count` images. */
export function shardBytes(shape: ShardShape, count: number): number {
  return SHARD_HEADER_BYTES + count * (pixelsOf(shape) + 4);
}

/** Return how many images fit a shard of at most `bytes`; at least one. */
export function imagesPerShard(shape: ShardShape, bytes: number): number {
  return Math.max(1, Math.floor((bytes - SHARD_HEADER_BYTES) / (pixelsOf(shape) + 4)));
}

/** Return the offset of image `i` in a shard. */
export function shardImageOffset(shape: ShardShape, i: number): number {
  return SHARD_HEADER_BYTES + i * pixelsOf(shape);
}

/** Return the offset of a shard's labels; they are 4 * count bytes. */
export function shardLabelsOffset(shape: ShardShape, count: number): number {
  return shardImageOffset(shape, count);
}

/** Write the header into the first 64 bytes of `shard`. */
export function writeShardHeader(shard: Uint8Array, shape: ShardShape, count: number): void {
  const view = new DataView(shard.buffer, shard.byteOffset, SHARD_HEADER_BYTES);
  for (let i = 0; i < SHARD_HEADER_BYTES; i++) shard[i] = 0;
  for (let i = 0; i < MAGIC.length; i++) shard[i] = MAGIC.charCodeAt(i);
  for (const [i, value] of [SHARD_VERSION, count, ...shape].entries()) view.setUint32(8 + 4 * i, value, true);
}

/**
 * Check the header of a shard against its index.
 *
 * Errors    ShardError naming the file: too short, not a shard, another version, another count or shape.
 */
export function checkShardHeader(file: string, header: Uint8Array, shape: ShardShape, count: number): void {
  const fail = (message: string): never => {
    throw new ShardError(file, message);
  };
  if (header.length < SHARD_HEADER_BYTES)
    fail(`expected a header of ${SHARD_HEADER_BYTES} bytes, got ${header.length}`);
  if (String.fromCharCode(...header.subarray(0, 8)) !== MAGIC) fail(`not a shard: expected ${MAGIC} at the start`);
  const view = new DataView(header.buffer, header.byteOffset, SHARD_HEADER_BYTES);
  const [version, has, ...dims] = Array.from({ length: 5 }, (_, i) => view.getUint32(8 + 4 * i, true));
  if (version !== SHARD_VERSION) fail(`expected version ${SHARD_VERSION}, got ${version}`);
  if (has !== count) fail(`expected ${count} images, as in its index, got ${has}`);
  if (dims.join() !== shape.join())
    fail(`expected images [${shape.join(", ")}], as in its index, got [${dims.join(", ")}]`);
}

/** Write the labels of a shard. */
export function writeShardLabels(shard: Uint8Array, offset: number, labels: ArrayLike<number>): void {
  const view = new DataView(shard.buffer, shard.byteOffset + offset, 4 * labels.length);
  for (let i = 0; i < labels.length; i++) view.setInt32(4 * i, labels[i]!, true);
}

/**
 * Read the labels of a shard. Errors: ShardError naming the file and the image of a label that is not in 0..classes-1.
 */
export function readShardLabels(file: string, bytes: Uint8Array, classes: number): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const labels = new Int32Array(bytes.length / 4);
  for (let i = 0; i < labels.length; i++) {
    const label = view.getInt32(4 * i, true);
    if (label < 0 || label >= classes)
      throw new ShardError(file, `image ${i}: label: expected 0..${classes - 1}, got ${label}`);
    labels[i] = label;
  }
  return labels;
}
