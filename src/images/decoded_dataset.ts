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
import type { ImageBatch, SampleAccess, StreamedBatchOptions } from "../data/index.ts";
import { PhiloxStream } from "../tensor/philox.ts";
import { expectKeys, type KeysOf, onlyKeys } from "../text/index.ts";
import { type DecodeOptions, type DecodePlan, decodeImage } from "./decode.ts";
import { type EncodedSource, ImageError } from "./encoded_source.ts";
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
  /** Evaluation: the shorter side before the central square is cut. Default size * 256 / 224, rounded. */
  readonly resize?: number;
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
  ...{ resize: true, flip: true, colorJitter: true, mean: true, std: true },
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
    this.resize = options.resize ?? resizeFor(size);
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

  protected async fill(job: BatchJob): Promise<{ crops: boolean }> {
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
    return { crops: false };
  }

  /** Fill one slot of a batch and return the image used for it. */
  private async fillSlot(at: number, out: Uint8Array, job: BatchJob, found: Map<number, ImageError>): Promise<number> {
    const { order, signal, options } = job;
    const { skipBad = 0 } = this.options;
    for (let i = 0; i < order.length; i++) {
      const index = order[(at + i) % order.length]!;
      try {
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

  private async decode(index: number, out: Uint8Array, { seed, epoch, training }: StreamedBatchOptions): Promise<void> {
    const bytes = await this.source.read(index);
    const name = { source: this.name, key: this.source.key(index) };
    const random = new PhiloxStream(seed, "augment");
    const plan = (height: number, width: number) =>
      training ? this.trainingPlan(random, height, width, epoch, index) : this.evaluationPlan(height, width);
    await decodeImage(name, bytes, plan, out, this.options);
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

  private evaluationPlan(height: number, width: number): DecodePlan {
    return centralPlan(height, width, this.resize, this.size);
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
 * Make a data set of encoded images: RandomResizedCrop, mirroring and colour jitter for training; resized shorter side
 * and central square otherwise. By torchvision's rules; an image's pixels depend on (seed, epoch, index) and not on the
 * number of workers.
 *
 * Shapes    batches u8 [size, 3, s, s], without `crop`: everything is cut and mirrored already.
 * Memory    (prefetch + 2) batches of bytes, and the files of the images being decoded.
 * Errors    DataError for options out of range; in the loop ImageError naming a damaged image, SourceError for files.
 */
export function decodedDataset(source: EncodedSource, options: DecodedOptions = {}): MeasuredDataset {
  return new DecodedDataset(source, options);
}
