// A data set of shards: batches are read into reused arrays, and the GPU crops and mirrors.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { expectKnown } from "../data/class_names.ts";
import { AUGMENT_STEPS, centerCrop } from "../data/crops.ts";
import { DataError, expectWhole } from "../data/errors.ts";
import { type CropRange, drawCrop } from "../data/gpu_augment.ts";
import { type SampleAccess, SourceError, type StreamedBatchOptions } from "../data/index.ts";
import {
  checkShardHeader,
  parseShardIndex,
  readShardLabels,
  SHARD_HEADER_BYTES,
  SHARD_INDEX_FILE,
  ShardError,
  type ShardIndex,
  shardBytes,
  shardImageOffset,
  shardLabelsOffset,
} from "../io/index.ts";
import { readRegularText } from "../node/regular_file.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { HELD_BYTES } from "./held_images.ts";
import { groupAt } from "./order.ts";
import { PositionedFiles } from "./positioned_files.ts";
import { type BatchJob, type MeasuredDataset, StreamedImages } from "./streamed_images.ts";

/** Options of `openShards`. */
export interface ShardOptions {
  /** Side of the network's square input, at most that of the stored images. Default: as in the index. */
  readonly size?: number;
  /** Training: probability of mirroring left and right. Default 0.5. */
  readonly flip?: number;
  /** Training: pixels of value 0 around the stored images, into which random crops may reach. Default 0. */
  readonly pad?: number;
  /** Limit of all shards in memory, in bytes: if they take no more, each is read once. Default 1 GiB; 0: read in each epoch. */
  readonly memory?: number;
  /** Prefetched batches. Default 2. */
  readonly prefetch?: number;
  /** Concurrent reads. Default 4, Node's threads for files. Changes only the speed. */
  readonly workers?: number;
  /**
   * Compare all shards with their SHA-256 before anything is read. Default false: compare each one when its first image
   * is used. Both read every byte once more.
   */
  readonly verify?: boolean;
  /** Classes to which the shards' own are matched by name. Default: the shards' own. */
  readonly classes?: readonly string[] | undefined;
}

export const SHARD_KEYS: KeysOf<ShardOptions> = {
  ...{ size: true, flip: true, pad: true, memory: true, prefetch: true, workers: true, verify: true },
  ...{ classes: true },
};

interface Opened {
  readonly dir: string;
  readonly index: ShardIndex;
  readonly files: PositionedFiles;
  readonly labels: Int32Array;
  /** First image of each shard, then the image count. */
  readonly starts: Uint32Array;
}

/** Turn a read error into one of the shard. */
const shardFault = (path: string) => (cause: unknown) => {
  const words = cause instanceof SourceError ? cause.message.slice(`files: ${path}: `.length) : String(cause);
  throw new ShardError(path, words === "no such file" ? "no such file, but it is in the index" : words);
};

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Refuse a shard whose bytes differ from those packed. */
async function verifyShard(path: string, sha256: string): Promise<void> {
  const cause = (error: NodeJS.ErrnoException) => {
    throw new ShardError(path, error.code === "ENOENT" ? "no such file, but it is in the index" : error.message);
  };
  const got = await digestOf(path).catch(cause);
  if (got === sha256) return;
  const digests = `expected SHA-256 ${sha256}, got ${got}`;
  throw new ShardError(path, `corrupt: ${digests}`);
}

async function openAll(dir: string, verify: boolean): Promise<Opened> {
  const path = join(dir, SHARD_INDEX_FILE);
  const text = await readRegularText(path).catch((cause: NodeJS.ErrnoException) => {
    const missing = "no such file: packing writes the index of the shards last";
    throw new ShardError(path, cause.code === "ENOENT" ? missing : cause.message);
  });
  const index = parseShardIndex(path, text);
  const files = new PositionedFiles();
  // Allocated after all shards are known to have the sizes in the index.
  let labels = new Int32Array(0);
  const parts: Int32Array[] = [];
  const starts = new Uint32Array(index.shards.length + 1);
  try {
    for (const [i, { file, count, sha256 }] of index.shards.entries()) {
      const shard = join(dir, file);
      const want = shardBytes(index.shape, count);
      const size = await files.size(shard).catch(shardFault(shard));
      if (size !== want)
        throw new ShardError(shard, `truncated or corrupt: expected ${want} bytes for ${count} images, got ${size}`);
      const header = new Uint8Array(SHARD_HEADER_BYTES);
      await files.read(shard, header, 0).catch(shardFault(shard));
      checkShardHeader(shard, header, index.shape, count);
      const bytes = new Uint8Array(4 * count);
      await files.read(shard, bytes, shardLabelsOffset(index.shape, count)).catch(shardFault(shard));
      const start = starts[i]!;
      parts.push(readShardLabels(shard, bytes, index.classes.length));
      starts[i + 1] = start + count;
      if (verify) await verifyShard(shard, sha256);
    }
    labels = new Int32Array(index.length);
    for (const [i, part] of parts.entries()) labels.set(part, starts[i]!);
  } catch (cause) {
    await files.close();
    throw cause;
  }
  return { dir, index, files, labels, starts };
}

/** Return the shard of image i; `starts` has one entry more than there are shards. */
const shardOf = (starts: Uint32Array, i: number): number => groupAt(starts, i, starts.length - 1);

/** Crop the central square of an image of planes. */
function centralSquare(
  bytes: Uint8Array,
  [channels, height, width]: readonly [number, number, number],
  [, h, w]: readonly [number, number, number],
): Uint8Array {
  const { top, left } = centerCrop(height, width, [h, w]);
  const out = new Uint8Array(channels * h * w);
  for (let row = 0; row < channels * h; row++) {
    const from = (Math.floor(row / h) * height + top + (row % h)) * width + left;
    out.set(bytes.subarray(from, from + w), row * w);
  }
  return out;
}

class ShardDataset extends StreamedImages {
  readonly badImages = 0;
  private readonly opened: Opened;
  private readonly options: ShardOptions;
  private readonly pixels: number;
  /** Result of the comparison of each used shard. */
  private readonly verified = new Map<number, Promise<void>>();
  /** Bytes of each used shard; null if all shards together are too large. */
  private readonly held: Map<number, Promise<Uint8Array>> | null;

  constructor(opened: Opened, options: ShardOptions) {
    const { index, dir } = opened;
    const [channels, height, width] = index.shape;
    const { flip = 0.5, size, prefetch = 2, workers = 4, classes = index.classes } = options;
    expectWhole(`${dir}: size`, size ?? 1, 1, Math.min(height, width));
    expectWhole(`${dir}: prefetch`, prefetch, 0, 64);
    expectWhole(`${dir}: workers`, workers, 1, 4096);
    expectWhole(`${dir}: pad`, options.pad ?? 0, 0, 65535);
    expectWhole(`${dir}: memory`, options.memory ?? 0, 0);
    if (!(flip >= 0 && flip <= 1)) throw new DataError(`${dir}: flip: expected a number in [0, 1], got ${flip}`);
    if (options.classes) {
      const map = expectKnown((name) => `${dir}: ${name}`, index.classes, options.classes);
      for (const [i, label] of opened.labels.entries()) opened.labels[i] = map[label]!;
    }
    const shape = size ? ([channels, size, size] as const) : ([channels, ...index.view] as const);
    const { length, mean, std } = index;
    super({ name: dir, length, shape, stored: [height, width], classes, mean, std }, workers, prefetch);
    this.opened = opened;
    this.options = options;
    this.pixels = channels * height * width;
    this.held = index.length * this.pixels <= (options.memory ?? HELD_BYTES) ? new Map() : null;
  }

  get heldBytes(): number {
    return this.held ? this.opened.index.length * this.pixels : 0;
  }

  get samples(): SampleAccess {
    const { index, labels } = this.opened;
    return {
      label: (i) => labels[i]!,
      pixels: async (i) => {
        const stored = new Uint8Array(this.pixels);
        await this.read(i, stored, new AbortController().signal);
        return centralSquare(stored, index.shape, this.shape);
      },
      sizes: async () => ({ sizes: [this.stored], unreadable: 0 }),
      digest: async () => {
        const hash = createHash("sha256").update(JSON.stringify([index.shape, index.fingerprint]));
        for (const { sha256 } of index.shards) hash.update(sha256);
        return hash.digest("hex");
      },
    };
  }

  protected get ordered(): { readonly length: number } {
    return this;
  }

  protected closeFiles(): Promise<void> {
    return this.opened.files.close();
  }

  protected async fill({ indices, arrays, options, signal }: BatchJob): Promise<{ crops: boolean; pad?: number }> {
    const { labels } = this.opened;
    const reads: Promise<void>[] = [];
    for (let i = 0; i < indices.length; ) {
      const end = this.runEnd(indices, i);
      reads.push(this.read(indices[i]!, arrays.x.subarray(i * this.pixels, end * this.pixels), signal));
      i = end;
    }
    for (const read of await Promise.allSettled(reads)) if (read.status === "rejected") throw read.reason;
    for (const [i, image] of indices.entries()) arrays.y[i] = labels[image]!;
    const whole = this.shape[1] === this.stored[0] && this.shape[2] === this.stored[1];
    const crops = options.training || !whole;
    if (crops) this.crops(indices, options, arrays.crop);
    return { crops, pad: options.training ? (this.options.pad ?? 0) : 0 };
  }

  /** Return the end of the run of consecutive images of one shard that starts at `i`. */
  private runEnd(indices: Uint32Array, i: number): number {
    const { starts } = this.opened;
    const last = starts[shardOf(starts, indices[i]!) + 1]!;
    let end = i + 1;
    while (end < indices.length && indices[end] === indices[end - 1]! + 1 && indices[end]! < last) {
      end++;
    }
    return end;
  }

  private read(image: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const { starts, dir, index, files } = this.opened;
    const shard = shardOf(starts, image);
    const path = join(dir, index.shards[shard]?.file as string);
    const offset = shardImageOffset(index.shape, image - starts[shard]!);
    return this.slots.run(signal, async () => {
      await this.verify(shard, path);
      if (!this.held) return files.read(path, into, offset).catch(shardFault(path));
      const bytes = await this.wholeShard(this.held, shard, path);
      into.set(bytes.subarray(offset, offset + into.length));
    });
  }

  /** Return the bytes of a shard, read once. */
  private wholeShard(held: Map<number, Promise<Uint8Array>>, shard: number, path: string): Promise<Uint8Array> {
    let bytes = held.get(shard);
    if (!bytes) {
      const { index, files } = this.opened;
      const room = new Uint8Array(shardBytes(index.shape, index.shards[shard]!.count));
      bytes = files.read(path, room, 0).then(() => room, shardFault(path));
      bytes.catch(() => {}); // reported to the reader that awaits it
      held.set(shard, bytes);
    }
    return bytes;
  }

  private verify(shard: number, path: string): Promise<void> {
    const { index } = this.opened;
    if (this.options.verify) return Promise.resolve();
    let verified = this.verified.get(shard);
    if (!verified) {
      verified = verifyShard(path, index.shards[shard]?.sha256 as string);
      verified.catch(() => {}); // reported to the reader that awaits it
      this.verified.set(shard, verified);
    }
    return verified;
  }

  private crops(indices: Uint32Array, { seed, epoch, training }: StreamedBatchOptions, crop: Int32Array): void {
    const [, height, width] = this.opened.index.shape;
    const [, h, w] = this.shape;
    const { top, left } = centerCrop(height, width, [h, w]);
    const { flip = 0.5, pad = 0 } = this.options;
    const range: CropRange = { spare: [height - h, width - w], pad, flip, flipStep: AUGMENT_STEPS.flip };
    const random = new PhiloxStream(seed, "augment");
    for (const [i, index] of indices.entries()) {
      if (training) drawCrop(range, random, { epoch, index }, crop, i);
      else crop.set([top, left, 0, 0], 4 * i);
    }
  }
}

/**
 * Open a folder of packShards as a data set: random crops, mirrored or not, for training; the central crop for
 * evaluation. Crops are drawn from (seed, epoch, image index).
 *
 * Shapes    batches u8 [size, c, stored height, stored width] with `crop`, which is left out when there is nothing to
 *           cut and nothing to mirror.
 * Memory    (prefetch + 2) batches of bytes and 4 bytes an image; the shards, if they take at most `memory`; 64 files open at a time.
 * Errors    ShardError naming the file: index or shard missing, cut, of another shape, labels beyond the classes, other
 *           bytes than packed (at the first image of a shard, or here with `verify`); DataError for options out of range.
 */
export async function openShards(dir: string, options: ShardOptions = {}): Promise<MeasuredDataset> {
  expectKeys(options, SHARD_KEYS, (problem) => new DataError(`openShards: ${problem}`));
  const opened = await openAll(dir, options.verify ?? false);
  try {
    return new ShardDataset(opened, options);
  } catch (cause) {
    await opened.files.close();
    throw cause;
  }
}
