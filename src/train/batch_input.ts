// What a step is given: images as normalised numbers, or as bytes that become such on the GPU inside the step.
import type { ByteBatch } from "../data/index.ts";
import { OpError } from "../gpu/index.ts";
import { type CapturedStep, capture, type HostTensor, type StepMemory, type Tensor } from "../tensor/index.ts";
import type { ByteInput } from "./byte_input.ts";

export interface HostBatch {
  /** [n, c, h, w], normalised. */
  readonly x: Float32Array;
  /** [n] class numbers. */
  readonly y: Int32Array;
  readonly size: number;
}

/** What a step wants to know of a ByteBatch. */
export type ByteImages = Pick<ByteBatch, "bytes" | "stored" | "place" | "y" | "size">;

export type TrainBatch = HostBatch | ByteImages;

/** Batches of an epoch, in order. Where they come from may want their arrays back. */
export interface TrainBatches extends AsyncIterable<TrainBatch> {
  recycle?(batch: TrainBatch): void;
}

export const isBytes = (batch: TrainBatch): batch is ByteImages => "bytes" in batch;

export interface BatchInputOptions {
  /** Who speaks in errors. */
  readonly name: string;
  /** Shape of one sample. */
  readonly sample: readonly number[];
  /** What makes images of bytes; without it, only batches of numbers are taken. The step disposes it. */
  readonly bytes?: ByteInput | undefined;
}

type Outputs = Readonly<Record<string, Tensor>>;

export interface BatchStepOptions<O extends Outputs> extends BatchInputOptions {
  /** See CaptureOptions. */
  readonly replay?: boolean;
  /** The work on images x [n, ...sample] and labels y [n]. */
  readonly run: (x: Tensor, y: Tensor) => O;
}

/**
 * A captured step that takes either kind of batch. Bytes are uploaded as they are, with their places, and become numbers
 * inside the step. Each size of a batch, and each size in which images are stored, has a recording of its own.
 */
export class BatchStep<O extends Outputs> {
  private readonly options: BatchStepOptions<O>;
  private readonly steps = new Map<string, CapturedStep<string, O>>();
  private latest: CapturedStep<string, O>;

  constructor(options: BatchStepOptions<O>) {
    this.options = options;
    this.latest = this.stepFor(null);
  }

  private stepFor(stored: ByteImages["stored"] | null): CapturedStep<string, O> {
    const key = stored?.join("x") ?? "numbers";
    let step = this.steps.get(key);
    if (!step) {
      const { run, replay = true } = this.options;
      step = capture((given) => run(this.images(given, stored), given.y!), { replay });
      this.steps.set(key, step);
    }
    return step;
  }

  /**
   * Uploads a batch and enqueues the step. Does not wait; the batch's arrays are free afterwards.
   *
   * Errors    OpError when the parts of a batch of bytes do not fit each other or the sample, a place lies beyond the stored
   *           image, or there is no scale; CaptureError when numbers are not as many as their shape wants.
   */
  run(batch: TrainBatch): O {
    this.latest = this.stepFor(isBytes(batch) ? batch.stored : null);
    return this.latest.run(this.hostTensors(batch));
  }

  private bytes(): ByteInput {
    const { name, bytes } = this.options;
    if (!bytes) throw new OpError(name, "a batch of bytes wants the scale of the data set, its mean and std");
    return bytes;
  }

  private hostTensors(batch: TrainBatch): Record<string, HostTensor> {
    const { name, sample } = this.options;
    if (isBytes(batch)) return this.bytes().hostTensors(batch, name, sample);
    const { x, y, size } = batch;
    return { x: { data: x, shape: [size, ...sample] }, y: { data: y, shape: [size] } };
  }

  /** Images [n, ...sample] of what was uploaded for a batch; `stored` is null for numbers. */
  private images(given: Readonly<Record<string, Tensor>>, stored: ByteImages["stored"] | null): Tensor {
    return stored ? this.bytes().images(given, stored, this.options.sample) : given.x!;
  }

  /** Throws what `run` would of a batch of bytes: before it is cut, so that images are named by their number in it. */
  check(batch: TrainBatch): void {
    const { name, sample } = this.options;
    if (isBytes(batch)) this.bytes().check(batch, name, sample);
  }

  /** Does the work on a batch without a recording; `upload` makes its tensors. */
  runOnce<T>(batch: TrainBatch, upload: (values: HostTensor) => Tensor, run: (x: Tensor, y: Tensor) => T): T {
    const given = Object.fromEntries(Object.entries(this.hostTensors(batch)).map(([k, v]) => [k, upload(v)]));
    return run(this.images(given, isBytes(batch) ? batch.stored : null), given.y!);
  }

  /** Kernel, grid and bytes of each dispatch of the latest run. */
  describe() {
    return this.latest.describe();
  }

  /** Memory of the latest run; see CapturedStep. */
  memory(): StepMemory {
    return this.latest.memory();
  }

  dispose(): void {
    for (const step of this.steps.values()) step.dispose();
    this.options.bytes?.dispose();
  }
}
