// Batches on the host, and a captured step that uploads them. Bytes become normalised images on the GPU, inside the step.
import { normalisationTable, type PixelScale } from "../data/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import { bytesToImages, expectCrops } from "../ops/bytes_to_images.ts";
import { cast } from "../ops/cast.ts";
import {
  type CapturedStep,
  captureStep,
  type HostArray,
  persistent,
  type Shape,
  type StepMemory,
  type StepTensors,
  type Tensor,
  tensor,
} from "../tensor/index.ts";
import type { KeysOf } from "../text/index.ts";
import { expectPrecision, type Precision } from "./precision.ts";

/** Samples and targets of one batch, on the host. */
export interface HostBatch {
  /** [size, ...sample] as numbers; or [size, c, ...stored] as bytes, which the GPU crops, mirrors and normalises. */
  readonly x: Float32Array | Int32Array | Uint32Array | Uint8Array;
  /** Shape [size, ...target]: class numbers, or numbers of the loss. */
  readonly y: Int32Array | Float32Array;
  readonly size: number;
  /** Height and width of the images in the bytes. Default: those of the sample. */
  readonly stored?: ImageSize | undefined;
  /** Crops of bytes, [size, 4]: top row, left column, 1 if mirrored, 0. Absent: stored images are used whole. */
  readonly crop?: Int32Array | undefined;
  /** Pixels of value 0 around the images, into which crops may reach. Default 0. */
  readonly pad?: number | undefined;
}

/** Height and width of images before they are cropped. */
export type ImageSize = readonly [height: number, width: number];

/** Batches of an epoch, in order. */
export interface HostBatches extends AsyncIterable<HostBatch> {
  /** Returns the arrays of a batch to its source for reuse. */
  recycle?(batch: HostBatch): void;
}

/** Samples of a step, as batches bring them. */
export interface BatchInputOptions {
  /** Name used in error messages. */
  readonly name: string;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  /** Shape of one target. Default [], a class number. */
  readonly target?: Shape | undefined;
  /** Scale of images that arrive as bytes, such as a data set's mean and std. Not needed for numbers. */
  readonly scale?: PixelScale | undefined;
  /** Element type of samples that are images or f32 numbers. Default f32. */
  readonly precision?: Precision | undefined;
}

const INPUT_KEYS: KeysOf<BatchInputOptions> = { name: true, sample: true, target: true, scale: true, precision: true };

type Uploaded = Readonly<Record<string, Tensor>>;

/** Uploads batches of one shape of sample and turns bytes into images. */
export class BatchInput {
  private readonly options: BatchInputOptions;
  private table: Tensor | null = null;
  /** Holds bytes that do not fill whole words. */
  private words = new Uint32Array(0);

  constructor(options: BatchInputOptions) {
    expectOptions("BatchInput", options, INPUT_KEYS);
    this.options = options;
  }

  /** Return the arrays to upload for a batch, valid until the next call. Errors: see check. */
  hostArrays(batch: HostBatch): Record<string, HostArray> {
    this.check(batch);
    const { x, y, size, crop } = batch;
    const labels = { data: y, shape: [size, ...(this.options.target ?? [])] };
    if (!(x instanceof Uint8Array)) return { x: { data: x, shape: [size, ...this.options.sample] }, y: labels };
    const data = this.wordsOf(x);
    const bytes = { x: { data, shape: [data.length] }, y: labels };
    return crop ? { ...bytes, crop: { data: crop, shape: [size, 4] } } : bytes;
  }

  /** Return samples [n, ...sample] of uploaded arrays; `stored` is null for numbers, `pad` that of the batch. */
  images({ x, y, crop }: Uploaded, stored: ImageSize | null, pad = 0): Tensor {
    if (!stored) return this.inPrecision(x!);
    const shape = [y!.shape[0]!, ...this.options.sample] as unknown as readonly [number, number, number, number];
    const [, c, h, w] = shape;
    const { mean, std } = this.scale();
    this.table ??= persistent(normalisationTable({ shape: [c, h, w], mean, std }), [c, 256]);
    const { precision: dtype } = this.options;
    return bytesToImages(x!, crop ?? null, this.table, { shape, stored, pad, dtype });
  }

  private inPrecision(x: Tensor): Tensor {
    return this.options.precision === "f16" && x.dtype === "f32" ? cast(x, "f16") : x;
  }

  /** Upload a batch outside a captured step: samples [n, ...sample] and targets [n, ...target], for work that is not captured. */
  tensors(batch: HostBatch): { x: Tensor; y: Tensor } {
    const arrays = Object.entries(this.hostArrays(batch));
    const uploaded = Object.fromEntries(arrays.map(([name, { data, shape }]) => [name, tensor(data, shape)]));
    return { x: this.images(uploaded, this.storedSize(batch), batch.pad), y: uploaded.y! };
  }

  /** Return height and width of a batch's stored images; null for numbers. */
  storedSize({ x, stored }: HostBatch): ImageSize | null {
    if (!(x instanceof Uint8Array)) return null;
    const [, h, w] = this.options.sample as [number, number, number];
    return stored ?? [h, w];
  }

  /** Check the parts of a batch of bytes against each other and the sample. Errors: OpError. */
  check(batch: HostBatch): void {
    const stored = this.storedSize(batch);
    if (!stored) return;
    const { name, sample } = this.options;
    this.scale();
    const [c, h, w] = sample as [number, number, number];
    if (sample.length !== 3)
      throw new OpError(name, `a batch of bytes: expected samples [c, h, w], got [${sample.join(",")}]`);
    const { x, y, size, crop, pad = 0 } = batch;
    const [height, width] = stored;
    const count = size * c * height * width;
    if (x.length !== count || y.length !== size) {
      const images = `${size} images [${c},${height},${width}]`;
      throw new OpError(name, `${images}: expected ${count} bytes and ${size} labels, got ${x.length} and ${y.length}`);
    }
    if (crop) expectCrops(name, crop, { shape: [size, c, h, w], stored, pad });
    else if (height !== h || width !== w) {
      throw new OpError(name, `a batch without crops: expected images of ${h}x${w}, got ${height}x${width}`);
    }
  }

  private scale(): PixelScale {
    const { name, scale } = this.options;
    if (!scale) throw new OpError(name, "a batch of bytes: expected a scale (mean and std of the data set), got none");
    return scale;
  }

  private wordsOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array {
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

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Options of `BatchStep`. */
export interface BatchStepOptions<O extends StepTensors> extends BatchInputOptions {
  /** See CaptureOptions. */
  readonly replay?: boolean;
  /** The work on samples x [n, ...sample] and targets y [n, ...target]. */
  readonly run: (x: Tensor, y: Tensor) => O;
}

const STEP_KEYS: KeysOf<BatchStepOptions<StepTensors>> = { ...INPUT_KEYS, replay: true, run: true };

/**
 * A captured step that takes batches. Bytes are uploaded as they are, with their crops, and normalised inside the step. Each
 * batch size, and each size of stored images, has its own recording.
 * Throws OpError for an unknown option.
 */
export class BatchStep<O extends StepTensors> {
  /** @internal */
  readonly input: BatchInput;
  private readonly options: BatchStepOptions<O>;
  private readonly steps = new Map<string, CapturedStep<string, O>>();
  private latest: CapturedStep<string, O>;

  constructor(options: BatchStepOptions<O>) {
    expectOptions("BatchStep", options, STEP_KEYS);
    this.options = options;
    const { name, sample, target, scale, precision } = options;
    expectPrecision(`${name}: precision`, precision);
    this.input = new BatchInput({ name, sample, target, scale, precision });
    this.latest = this.stepFor(null, 0);
  }

  private stepFor(stored: ImageSize | null, pad: number): CapturedStep<string, O> {
    const key = stored ? `${stored.join("x")}+${pad}` : "numbers";
    let step = this.steps.get(key);
    if (!step) {
      const { run, replay = true } = this.options;
      step = captureStep((uploaded) => run(this.input.images(uploaded, stored, pad), uploaded.y!), { replay });
      this.steps.set(key, step);
    }
    return step;
  }

  /**
   * Upload a batch and enqueue the step. Does not wait; the batch's arrays may be reused afterwards.
   *
   * Errors    OpError if the parts of a batch of bytes do not fit each other or the sample, a crop exceeds the stored image, or
   *           there is no scale; CaptureError if the count of numbers does not fit their shape.
   */
  run(batch: HostBatch): O {
    const arrays = this.input.hostArrays(batch);
    this.latest = this.stepFor(this.input.storedSize(batch), batch.pad ?? 0);
    return this.latest.run(arrays);
  }

  /** Kernel, grid and bytes of each dispatch of the latest run. */
  describe() {
    return this.latest.describe();
  }

  /** Memory of the latest run; see CapturedStep. */
  memory(): StepMemory {
    return this.latest.memory();
  }

  /** Free the recordings and their memory. */
  dispose(): void {
    for (const step of this.steps.values()) step.dispose();
    this.input.dispose();
  }
}
