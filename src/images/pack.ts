// Decodes images once and writes them as shards, so that training reads bytes and decodes nothing.
import { createHash } from "node:crypto";
import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { centerCrop } from "../data/crops.ts";
import { DataError, expectWhole } from "../data/errors.ts";
import {
  formatShardIndex,
  imagesPerShard,
  parseShardIndex,
  SHARD_INDEX_FILE,
  type ShardEntry,
  ShardError,
  type ShardIndex,
  type ShardShape,
  shardBytes,
  shardFile,
  shardImageOffset,
  shardLabelsOffset,
  writeShardHeader,
  writeShardLabels,
} from "../io/index.ts";
import { writeAtomic } from "../node/files.ts";
import { makeFolder } from "../node/make_folder.ts";
import { readRegular, readRegularText } from "../node/regular_file.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { Slots } from "./batches.ts";
import { type DecodeOptions, type DecodePlan, decodeImage } from "./decode.ts";
import { centralPlan, IMAGENET_MEAN, IMAGENET_STD } from "./decoded_dataset.ts";
import { type EncodedSource, ImageError } from "./encoded_source.ts";
import { decodeSlots } from "./sharp.ts";

/** Options of `packShards`. */
export interface PackOptions extends DecodeOptions {
  /** Shorter side after resizing; null leaves images as they are. Default 256. */
  readonly resize?: number | null;
  /** Side of the central square that is stored. Default: resize, or 256. */
  readonly size?: number;
  /** Side of the network's square input, cropped during training. Default: size * 224 / 256, rounded. */
  readonly view?: number;
  /** Most bytes of a shard, and of memory while it is filled. Default 256 MiB. */
  readonly shardBytes?: number;
  /** Default: ImageNet's. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Limit of corrupt images that are left out. Default 0. */
  readonly skipBad?: number;
  readonly onBad?: (error: ImageError, count: number) => void;
  /** Called after each image, and once for the images of finished shards. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Images decoded at a time. Default: two per core. */
  readonly workers?: number;
  readonly signal?: AbortSignal;
}

const PACK_KEYS: KeysOf<PackOptions> = {
  ...{ resize: true, size: true, view: true, shardBytes: true, mean: true },
  ...{ std: true, skipBad: true, onBad: true, onProgress: true, workers: true },
  ...{ signal: true, exact: true, limitPixels: true },
};

const PROGRESS_FILE = "packing.json";

/** Progress record in an unfinished folder. */
interface Progress {
  readonly fingerprint: string;
  readonly shards: readonly (ShardEntry & { readonly skipped: readonly string[] })[];
}

interface Job {
  readonly source: EncodedSource;
  readonly dir: string;
  readonly options: PackOptions;
  readonly shape: ShardShape;
  readonly perShard: number;
  readonly fingerprint: string;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Hash of the shards' content: images, their order and processing. */
function fingerprintOf(source: EncodedSource, parts: readonly unknown[]): string {
  const hash = createHash("sha256").update(JSON.stringify([...parts, source.classes]));
  for (let i = 0; i < source.length; i++) hash.update(`${source.label(i)} ${JSON.stringify(source.key(i))}\n`);
  return hash.digest("hex");
}

function plan(height: number, width: number, { resize = 256 }: PackOptions, size: number): DecodePlan {
  if (resize !== null) return centralPlan(height, width, resize, size);
  const window = centerCrop(height, width, [size, size]);
  return { crop: { top: 0, left: 0, height, width }, resized: [height, width], window, mirrored: false };
}

async function readProgress(dir: string, fingerprint: string): Promise<Progress> {
  const text = await readRegularText(join(dir, PROGRESS_FILE)).catch(() => null);
  if (text === null) {
    const names = await readdir(dir);
    const shard = names.find((name) => name === SHARD_INDEX_FILE || name.startsWith("shard-"));
    if (shard) {
      const problem = "expected an empty folder, got shards of another source: choose another folder";
      throw new ShardError(join(dir, shard), problem);
    }
    return { fingerprint, shards: [] };
  }
  let found: Progress | null = null;
  try {
    found = JSON.parse(text) as Progress;
  } catch {
    // Files are written completely or not at all: other text was not written here.
  }
  if (found?.fingerprint !== fingerprint || !Array.isArray(found.shards)) {
    const message = "an unfinished pack of other images or options: delete the folder or choose another one";
    throw new ShardError(join(dir, PROGRESS_FILE), message);
  }
  return found;
}

/** Return the index of a finished pack with this fingerprint, or null. */
async function finished(dir: string, fingerprint: string): Promise<ShardIndex | null> {
  const path = join(dir, SHARD_INDEX_FILE);
  const text = await readRegularText(path).catch(() => null);
  if (text === null) return null;
  const index = parseShardIndex(path, text);
  if (index.fingerprint === fingerprint) return index;
  throw new ShardError(path, "the folder holds a pack of other images or options: choose another folder");
}

/** Check whether a shard of an earlier start is unchanged. */
async function stillGood(job: Job, entry: ShardEntry | undefined): Promise<boolean> {
  if (!entry) return false;
  const bytes = await readRegular(join(job.dir, entry.file)).catch(() => null);
  return bytes !== null && bytes.length === shardBytes(job.shape, entry.count) && sha256(bytes) === entry.sha256;
}

class Packer {
  private readonly job: Job;
  private readonly slots: Slots;
  private done = 0;
  private bad = 0;

  constructor(job: Job) {
    this.job = job;
    this.slots = new Slots(job.options.workers ?? decodeSlots());
  }

  progress(images: number): void {
    this.done += images;
    this.job.options.onProgress?.(this.done, this.job.source.length);
  }

  countBad(errors: readonly ImageError[]): void {
    const { skipBad = 0, onBad } = this.job.options;
    for (const error of errors) {
      this.bad++;
      if (this.bad > skipBad) {
        if (skipBad === 0) throw error;
        const words = `${error.fault}; more than the ${skipBad} corrupt images allowed`;
        throw new ImageError(error.source, error.key, words);
      }
      onBad?.(error, this.bad);
    }
  }

  /** Make one shard of images begin..end-1 in memory; corrupt ones are left out. */
  async shard(
    begin: number,
    end: number,
    number: number,
  ): Promise<{ bytes: Uint8Array; count: number; skipped: string[] }> {
    const { source, options, shape } = this.job;
    const { size = options.resize ?? 256 } = options;
    const room = new Uint8Array(shardBytes(shape, end - begin));
    const at = (i: number) => room.subarray(shardImageOffset(shape, i), shardImageOffset(shape, i + 1));
    const failed = new AbortController();
    const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
    const fill = async (i: number) => {
      try {
        const bytes = await source.read(begin + i);
        const name = { source: source.name, key: source.key(begin + i) };
        await decodeImage(name, bytes, (h, w) => plan(h, w, options, size), at(i), options);
      } catch (cause) {
        // Stop the other images: the shard has failed.
        if (!(cause instanceof ImageError) || (options.skipBad ?? 0) === 0) failed.abort(cause);
        throw cause;
      } finally {
        this.progress(1);
      }
    };
    const results = await Promise.allSettled(
      Array.from({ length: end - begin }, (_, i) => this.slots.run(signal, () => fill(i))),
    );
    const bad: ImageError[] = [];
    const labels: number[] = [];
    for (const [i, result] of results.entries()) {
      if (result.status === "rejected") {
        if (!(result.reason instanceof ImageError)) throw result.reason;
        bad.push(result.reason);
        continue;
      }
      if (labels.length < i) at(labels.length).set(at(i));
      labels.push(source.label(begin + i));
    }
    this.countBad(bad);
    const count = labels.length;
    if (count === 0)
      throw new DataError(`${source.name}: shard ${number}: cannot read any of its ${end - begin} images`);
    const bytes = room.subarray(0, shardBytes(shape, count));
    writeShardHeader(bytes, shape, count);
    writeShardLabels(bytes, shardLabelsOffset(shape, count), labels);
    return { bytes, count, skipped: bad.map(({ key }) => key) };
  }
}

function checkOptions(options: PackOptions): { size: number; view: number } {
  expectKeys(options, PACK_KEYS, (problem) => new DataError(`packShards: ${problem}`));
  const { resize = 256 } = options;
  if (resize !== null) expectWhole("packShards: resize", resize, 1, 16384);
  const size = options.size ?? resize ?? 256;
  expectWhole("packShards: size", size, 1, 16384);
  const view = options.view ?? Math.max(1, Math.round((size * 224) / 256));
  expectWhole("packShards: view", view, 1, size);
  expectWhole("packShards: shardBytes", options.shardBytes ?? 2 ** 28, 1, 2 ** 32 - 2 ** 20);
  expectWhole("packShards: skipBad", options.skipBad ?? 0, 0);
  expectWhole("packShards: workers", options.workers ?? 1, 1, 4096);
  return { size, view };
}

/** Refuse a finished pack whose index has other numbers. They are in the index alone, so not part of the fingerprint. */
function expectSameIndex(path: string, found: ShardIndex, expected: Pick<ShardIndex, "view" | "mean" | "std">): void {
  for (const key of ["view", "mean", "std"] as const) {
    if (found[key].every((value, k) => value === expected[key][k])) continue;
    const message = `is packed already: ${key}: expected ${expected[key].join(", ")}, got ${found[key].join(", ")}`;
    throw new ShardError(path, message);
  }
}

/** Pack shard by shard; keep finished shards of an earlier start. */
async function packAll(job: Job): Promise<Progress["shards"]> {
  const { source, dir, options, perShard, fingerprint } = job;
  const before = await readProgress(dir, fingerprint);
  const packer = new Packer(job);
  const shards: Progress["shards"][number][] = [];
  const note = (all: Progress["shards"]) =>
    writeAtomic(join(dir, PROGRESS_FILE), utf8(JSON.stringify({ fingerprint, shards: all })));
  // Before the first shard: a folder with shards and no record of their source is not overwritten.
  if (before.shards.length === 0) await note([]);
  for (let begin = 0, i = 0; begin < source.length; begin += perShard, i++) {
    options.signal?.throwIfAborted();
    const end = Math.min(begin + perShard, source.length);
    const kept = before.shards[i];
    if (kept && kept.file === shardFile(i) && (await stillGood(job, kept))) {
      packer.countBad(kept.skipped.map((key) => new ImageError(source.name, key, "was corrupt when it was packed")));
      packer.progress(end - begin);
      shards.push(kept);
      continue;
    }
    const { bytes, count, skipped } = await packer.shard(begin, end, i);
    await writeAtomic(join(dir, shardFile(i)), bytes);
    shards.push({ file: shardFile(i), count, sha256: sha256(bytes), skipped });
    await note([...shards, ...before.shards.slice(i + 1)]);
  }
  return shards;
}

/**
 * Decode all images of a source and write them into shards in `dir`; index.json is written last.
 *
 * By default the shorter side becomes 256 and the central 256 x 256 are stored, for a network that sees 224 x 224. For
 * evaluation this is exactly torchvision's Resize(256) and CenterCrop(224); for training, random crops of 224 x 224 stand
 * in for RandomResizedCrop. Each file is complete or absent. When restarted, finished shards that are unchanged (by their
 * SHA-256) are kept; a finished folder is left as it is.
 *
 * Memory    one shard.
 * Errors    ImageError naming a corrupt image; ShardError if the folder holds something else; FileError for files that
 *           cannot be written; DataError for options; the signal's reason when it is aborted.
 */
export async function packShards(source: EncodedSource, dir: string, options: PackOptions = {}): Promise<ShardIndex> {
  const { size, view } = checkOptions(options);
  const { mean = IMAGENET_MEAN, std = IMAGENET_STD, exact = false, resize = 256 } = options;
  const shape: ShardShape = [3, size, size];
  const perShard = imagesPerShard(shape, options.shardBytes ?? 2 ** 28);
  const fingerprint = fingerprintOf(source, [1, resize, size, perShard, exact]);
  const indexPath = join(dir, SHARD_INDEX_FILE);
  makeFolder(dir);
  const already = await finished(dir, fingerprint);
  if (already) {
    expectSameIndex(indexPath, already, { view: [view, view], mean, std });
    options.onProgress?.(source.length, source.length);
    await unlink(join(dir, PROGRESS_FILE)).catch(() => {}); // left by a start that was killed right after index.json
    return already;
  }
  const shards = await packAll({ source, dir, options, shape, perShard, fingerprint });
  const index: ShardIndex = {
    name: source.name,
    shape,
    view: [view, view],
    classes: source.classes,
    length: shards.reduce((sum, { count }) => sum + count, 0),
    mean,
    std,
    fingerprint,
    skipped: shards.flatMap(({ skipped }) => skipped),
    shards: shards.map(({ file, count, sha256: sum }) => ({ file, count, sha256: sum })),
  };
  const text = formatShardIndex(index);
  parseShardIndex(indexPath, text);
  await writeAtomic(indexPath, utf8(text));
  await unlink(join(dir, PROGRESS_FILE)).catch(() => {});
  return index;
}
