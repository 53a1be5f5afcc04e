// A data set of encoded images, decoded and augmented on the CPU cores while the GPU works on earlier batches.
import { applyColorSteps } from "../data/color_jitter.ts";
import {
  AUGMENT_STEPS,
  type ColorJitterOptions,
  centerCrop,
  checkColorJitter,
  checkCropOptions,
  colorJitter,
  type RandomResizedCropOptions,
  randomResizedCrop,
  resizedShorterSide,
} from "../data/crops.ts";
import { DataError, expectWhole } from "../data/errors.ts";
import { type CropRange, drawCrop } from "../data/gpu_augment.ts";
import type { ImageBatch, SampleAccess, StreamedBatchOptions } from "../data/index.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { expectKeys, type KeysOf, onlyKeys } from "../text/index.ts";
import {
  cutImage,
  type DecodeOptions,
  type DecodePlan,
  type DecodePlanner,
  decodeImage,
  decodeWhole,
} from "./decode.ts";
import { type EncodedSource, ImageError } from "./encoded_source.ts";
import { HELD_BYTES, HeldOriginals, HeldPlanes } from "./held_images.ts";
import { sampleSizes, sourceDigest } from "./sample_digest.ts";
import { decodeSlots } from "./sharp.ts";
import { type BatchJob, type MeasuredDataset, StreamedImages } from "./streamed_images.ts";

/** Mean and deviation of ILSVRC's train images, in units of 1 = 255. */
export const IMAGENET_MEAN: readonly number[] = [0.485, 0.456, 0.406];
/** Standard deviation of each channel of ImageNet, in units of 1 = 255. */
export const IMAGENET_STD: readonly number[] = [0.229, 0.224, 0.225];

/** Options of `decodedDataset`. */
export interface DecodedOptions extends RandomResizedCropOptions, DecodeOptions {
  /** Side of the network's square input. Default 224. */
  readonly size?: number;
  /** Evaluation: the shorter side before the central square is cut. Default size * 256 / 224, rounded; with `pad` the size. */
  readonly resize?: number;
  /**
   * Training: images are resized and cut as in evaluation, get borders of this many pixels of value 0, and the GPU cuts their own
   * size out at random: torchvision's RandomCrop(size, padding), in place of RandomResizedCrop. 0: the whole images.
   */
  readonly pad?: number;
  /**
   * Limit of the decoded images in memory, in bytes. If all images of the data set take no more, each is decoded once: as it is
   * used in evaluation and in training with `pad`, or whole for RandomResizedCrop. It changes only speed and memory. Default 1 GiB;
   * 0: decode in each epoch.
   */
  readonly memory?: number;
  /** Training: probability of mirroring left and right. Default 0.5. */
  readonly flip?: number;
  /** Training: colour changes, on the main thread; see applyColorSteps for what they cost. Default none. */
  readonly colorJitter?: ColorJitterOptions;
  /** Default: ImageNet's. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /**
   * Limit of corrupt images that are skipped; default 0. Each one is replaced by the next readable image in the epoch's
   * order (after the last one the first), which then occurs twice. Batches keep their size, and their content still
   * depends on (seed, epoch, batch) alone.
   */
  readonly skipBad?: number;
  /** Called once for each corrupt image, when its batch is used. */
  readonly onBad?: (error: ImageError, count: number) => void;
  /** Prefetched batches. Default 2. */
  readonly prefetch?: number;
  /** Images decoded at a time. Default: two per core. Changes only the speed. */
  readonly workers?: number;
}

export const DECODED_KEYS: KeysOf<DecodedOptions> = {
  ...{ scale: true, ratio: true, exact: true, limitPixels: true, size: true },
  ...{ resize: true, pad: true, memory: true, flip: true, colorJitter: true, mean: true, std: true },
  ...{ skipBad: true, onBad: true, prefetch: true, workers: true },
};

const cropOf = (options: DecodedOptions): RandomResizedCropOptions => onlyKeys(options, { scale: true, ratio: true });

function checkOptions(name: string, options: DecodedOptions): void {
  expectKeys(options, DECODED_KEYS, (problem) => new DataError(`${name}: ${problem}`));
  const { size = 224, flip = 0.5, mean = IMAGENET_MEAN, std = IMAGENET_STD } = options;
  expectWhole(`${name}: size`, size, 1, 16384);
  expectWhole(`${name}: resize`, options.resize ?? size, 1, 16384);
  expectWhole(`${name}: skipBad`, options.skipBad ?? 0, 0);
  expectWhole(`${name}: prefetch`, options.prefetch ?? 2, 0, 64);
  expectWhole(`${name}: workers`, options.workers ?? 1, 1, 4096);
  expectWhole(`${name}: limitPixels`, options.limitPixels ?? 1, 1, 2 ** 31 - 1);
  expectWhole(`${name}: pad`, options.pad ?? 0, 0, 65535);
  expectWhole(`${name}: memory`, options.memory ?? 0, 0);
  for (const key of ["scale", "ratio", "colorJitter"] as const)
    if (options.pad !== undefined && options[key] !== undefined)
      throw new DataError(`${name}: ${key}: expected nothing, since pad is ${options.pad}`);
  if (!(flip >= 0 && flip <= 1)) throw new DataError(`${name}: flip: expected a number in [0, 1], got ${flip}`);
  checkCropOptions(cropOf(options));
  if (options.colorJitter) checkColorJitter(options.colorJitter);
  const [means, stds] = [mean.length === 3 && mean.every(Number.isFinite), std.length === 3 && std.every((s) => s > 0)];
  if (!means || !stds)
    throw new DataError(`${name}: expected three mean, and three std > 0, got [${mean}] and [${std}]`);
}

/**
 * Return the shorter side before the central crop of `size`: 256 for 224 as in torchvision's evaluation, else in
 * proportion.
 */
export const resizeFor = (size: number): number => Math.round((size * 256) / 224);

class DecodedDataset extends StreamedImages {
  private readonly source: EncodedSource;
  private readonly options: DecodedOptions;
  private readonly size: number;
  private readonly resize: number;
  /** Images as in evaluation. */
  private readonly planes: HeldPlanes;
  /** Whole images, for RandomResizedCrop. */
  private readonly originals: HeldOriginals;
  /** Crops of the GPU; null for RandomResizedCrop. */
  private readonly range: CropRange | null;
  private readonly bad = new Set<number>();
  /** Corrupt images of batches that were not used yet, by the batches' indices. */
  private readonly found = new WeakMap<Uint32Array, ReadonlyMap<number, ImageError>>();

  constructor(source: EncodedSource, options: DecodedOptions) {
    checkOptions(source.name, options);
    const { size = 224, mean = IMAGENET_MEAN, std = IMAGENET_STD, workers = decodeSlots(), prefetch } = options;
    const { name, length, classes } = source;
    const facts = { name, length, shape: [3, size, size], stored: [size, size], classes, mean, std } as const;
    super(facts, workers, prefetch);
    this.source = source;
    this.options = options;
    this.size = size;
    const { pad, flip = 0.5, memory = HELD_BYTES } = options;
    this.resize = options.resize ?? (pad === undefined ? resizeFor(size) : size);
    this.planes = new HeldPlanes(length, 3 * size * size, memory);
    this.originals = new HeldOriginals(length, memory);
    this.range = pad === undefined ? null : { spare: [0, 0], pad, flip, flipStep: AUGMENT_STEPS.flip };
  }

  get heldBytes(): number {
    return this.range ? this.planes.size : 0;
  }

  get badImages(): number {
    return this.bad.size;
  }

  get samples(): SampleAccess {
    return {
      label: (i) => this.source.label(i),
      pixels: async (i) => {
        const out = new Uint8Array(3 * this.size * this.size);
        await this.decode(i, out, { batchSize: 1, epoch: 0, seed: 0, startBatch: 0, training: false });
        return out;
      },
      sizes: (most) => sampleSizes(this.source, most),
      digest: () => sourceDigest(this.source),
    };
  }

  protected get ordered(): EncodedSource {
    return this.source;
  }

  protected closeFiles(): Promise<void> {
    return this.source.close();
  }

  protected async fill(job: BatchJob): Promise<{ crops: boolean; pad?: number }> {
    const { batch, indices, arrays, options } = job;
    const found = new Map<number, ImageError>();
    const pixels = 3 * this.size * this.size;
    const slots = await Promise.allSettled(
      Array.from(indices, async (_, i) => {
        const out = arrays.x.subarray(i * pixels, (i + 1) * pixels);
        const index = await this.fillSlot(batch * options.batchSize + i, out, job, found);
        indices[i] = index;
        arrays.y[i] = this.source.label(index);
      }),
    );
    // The first image's error, not the earliest in time: the same each time.
    for (const slot of slots) if (slot.status === "rejected") throw slot.reason;
    this.found.set(indices, found);
    const { range } = this;
    if (!range || !options.training) return { crops: false };
    const random = new PhiloxStream(options.seed, "augment");
    for (const [i, index] of indices.entries())
      drawCrop(range, random, { epoch: options.epoch, index }, arrays.crop, i);
    return { crops: true, pad: range.pad };
  }

  /** Fill one slot of a batch and return the image used for it. */
  private async fillSlot(at: number, out: Uint8Array, job: BatchJob, found: Map<number, ImageError>): Promise<number> {
    const { order, signal, options } = job;
    const { skipBad = 0 } = this.options;
    for (let i = 0; i < order.length; i++) {
      const index = order[(at + i) % order.length]!;
      try {
        if (this.isWhole(options) && this.planes.copy(index, out)) return index;
        await this.slots.run(signal, () => this.decode(index, out, options));
        return index;
      } catch (cause) {
        if (!(cause instanceof ImageError)) throw cause;
        found.set(index, cause);
        if (skipBad === 0) throw cause;
        if (found.size > skipBad) throw this.tooMany(cause);
      }
    }
    throw new DataError(`${this.name}: cannot read any of its ${order.length} images`);
  }

  /** Return true if images are used as in evaluation: the GPU does the rest. */
  private isWhole({ training }: StreamedBatchOptions): boolean {
    return !training || this.range !== null;
  }

  private async decode(index: number, out: Uint8Array, options: StreamedBatchOptions): Promise<void> {
    const { seed, epoch, training } = options;
    if (this.isWhole(options)) {
      await decodeImage(this.nameOf(index), await this.source.read(index), this.evaluationPlan, out, this.options);
      this.planes.store(index, out);
      return;
    }
    const random = new PhiloxStream(seed, "augment");
    await this.cut(index, (height, width) => this.trainingPlan(random, height, width, epoch, index), out);
    const { colorJitter: strengths } = this.options;
    if (training && strengths) {
      applyColorSteps(out, colorJitter(random.moveTo([epoch, index, AUGMENT_STEPS.color]), strengths));
    }
  }

  private trainingPlan(random: PhiloxStream, height: number, width: number, epoch: number, index: number): DecodePlan {
    const size = this.size;
    const crop = randomResizedCrop(
      height,
      width,
      random.moveTo([epoch, index, AUGMENT_STEPS.crop]),
      cropOf(this.options),
    );
    const mirrored = random.moveTo([epoch, index, AUGMENT_STEPS.flip]).nextFloat() < (this.options.flip ?? 0.5);
    return { crop, resized: [size, size], window: { top: 0, left: 0, height: size, width: size }, mirrored };
  }

  private readonly evaluationPlan = (height: number, width: number): DecodePlan =>
    centralPlan(height, width, this.resize, this.size);

  private nameOf(index: number) {
    return { source: this.name, key: this.source.key(index) };
  }

  /** Cut an image out of its decoded original if that is held, else out of its file. */
  private async cut(index: number, plan: DecodePlanner, out: Uint8Array): Promise<void> {
    const { originals } = this;
    let original = originals.get(index);
    if (original) return cutImage(original, plan, out, this.options);
    const bytes = await this.source.read(index);
    original = originals.stores ? ((await decodeWhole(bytes, this.options)) ?? undefined) : undefined;
    if (!original) return decodeImage(this.nameOf(index), bytes, plan, out, this.options);
    originals.store(index, original);
    await cutImage(original, plan, out, this.options);
  }

  protected override deliver({ indices }: ImageBatch): void {
    // In the order of their indices: the order in time depends on threads.
    for (const [index, error] of [...(this.found.get(indices) ?? [])].sort(([a], [b]) => a - b)) {
      if (this.bad.has(index)) continue;
      this.bad.add(index);
      if (this.bad.size > (this.options.skipBad ?? 0)) throw this.tooMany(error);
      this.options.onBad?.(error, this.bad.size);
    }
  }

  private tooMany(error: ImageError): ImageError {
    const allowed = this.options.skipBad ?? 0;
    return new ImageError(error.source, error.key, `${error.fault}; more than the ${allowed} corrupt images allowed`);
  }
}

/**
 * Return the plan of torchvision's Resize and CenterCrop: the shorter side becomes `resize`, then the central square.
 */
export function centralPlan(height: number, width: number, resize: number, size: number): DecodePlan {
  const resized = resizedShorterSide(height, width, resize);
  const window = centerCrop(resized[0], resized[1], [size, size]);
  return { crop: { top: 0, left: 0, height, width }, resized, window, mirrored: false };
}

/**
 * Make a data set of encoded images: RandomResizedCrop, mirroring and colour jitter for training, or with `pad` RandomCrop and
 * mirroring; resized shorter side and central square otherwise. By torchvision's rules; an image's pixels depend on
 * (seed, epoch, index) and not on the number of workers.
 *
 * Shapes    batches u8 [size, 3, s, s], without `crop`: everything is cut and mirrored already; with `pad` the GPU does it.
 * Memory    (prefetch + 2) batches of bytes, the files of the images being decoded, and decoded images up to `memory`.
 * Errors    DataError for options out of range; in the loop ImageError naming a damaged image, SourceError for files.
 */
export function decodedDataset(source: EncodedSource, options: DecodedOptions = {}): MeasuredDataset {
  return new DecodedDataset(source, options);
}
