// Event recordings as an image data set: the frames of a sample are the channels of an image, held as bytes.
import type { EventFrames, EventRecording, SensorSize } from "../../io/events/types.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import { type ImageDataset, imageDataset } from "../dataset.ts";
import { DataError, expectWhole } from "../errors.ts";
import { binTable, expectSize, framesByNumber, framesByTime } from "./integrate.ts";

/** Slices of equally many events, or of equal time. */
export type SliceBy = "number" | "time";

/** Options of frames. */
export interface EventFrameOptions {
  /** Time steps T of the network. */
  readonly frames?: number;
  /** Default "number", as is usual for these data sets. */
  readonly by?: SliceBy;
  /** Height and width, at most the camera's: pixels are binned. Default: the camera's. */
  readonly size?: SensorSize;
}

const FRAME_KEYS: KeysOf<EventFrameOptions> = { frames: true, by: true, size: true };

/** Default count of frames. */
export const DEFAULT_FRAMES = 8;

/**
 * images [length, T·2, h, w]: channel t·2 + polarity of a sample, bytes are event counts. With mean 0 and std 1/255
 * the network's input is the counts.
 */
export interface EventDataset extends ImageDataset {
  readonly timeSteps: number;
  /** Pixels of all samples whose count exceeded 255 and was clipped to it. */
  readonly saturated: number;
}

/** Sizes of the frames of an event data set. */
export interface EventDatasetShape {
  readonly name: string;
  readonly classes: readonly string[];
  /** Count of samples to be added. */
  readonly samples: number;
  readonly frames: number;
  /** Height and width of the frames. */
  readonly size: SensorSize;
}

/**
 * Collects samples into an EventDataset; its memory is allocated at the start. Throws DataError for invalid sizes, or if the
 * frames do not fit in memory.
 */
export class EventDatasetBuilder {
  private readonly shape: EventDatasetShape;
  private readonly images: Uint8Array;
  private readonly labels: Int32Array;
  private readonly pixels: number;
  private count = 0;
  private saturated = 0;

  /** Errors: DataError for invalid sizes, or if the frames do not fit in memory. */
  constructor(shape: EventDatasetShape) {
    const { name, samples, frames, size } = shape;
    expectWhole(`dataset ${name}: samples`, samples, 1);
    expectWhole(`dataset ${name}: frames`, frames, 1);
    expectSize(`dataset ${name}`, size, size);
    this.shape = shape;
    this.pixels = frames * 2 * size[0] * size[1];
    try {
      this.images = new Uint8Array(samples * this.pixels);
    } catch {
      const problem = `dataset ${name}: ${samples} samples of ${frames} frames, ${size.join(" x ")} pixels, do not fit in memory: ${samples * this.pixels} bytes; use fewer frames, a smaller size or a limit`;
      throw new DataError(problem);
    }
    this.labels = new Int32Array(samples);
  }

  /** Add a recording of a camera of this size. Errors: as framesByNumber. */
  addRecording(recording: EventRecording, label: number, sensor: SensorSize, by: SliceBy = "number"): void {
    const { frames, size } = this.shape;
    const integrate = by === "number" ? framesByNumber : framesByTime;
    this.addFrames(integrate(recording, { frames, sensor, size }), label);
  }

  /**
   * Add frames [T, 2, H, W], H and W at least the data set's. Counts above 255 are clipped and counted in `saturated`.
   * Errors: DataError for another shape, and for values that are not event counts.
   */
  addFrames({ data, shape }: EventFrames, label: number): void {
    const { name, samples, frames, size } = this.shape;
    if (this.count === samples) throw new DataError(`dataset ${name}: expected ${samples} samples, got more`);
    if (shape[0] !== frames || shape[1] !== 2 || data.length !== frames * 2 * shape[2] * shape[3]) {
      const problem = `dataset ${name}: sample ${this.count}: expected frames [${frames}, 2, h, w], got [${shape.join(", ")}]`;
      throw new DataError(problem);
    }
    expectSize(`dataset ${name}: sample ${this.count}`, [shape[2], shape[3]], size);
    const start = this.count * this.pixels;
    const image = this.images.subarray(start, start + this.pixels);
    const counts = shape[2] === size[0] && shape[3] === size[1] ? data : binned(data, shape, size);
    for (let i = 0; i < image.length; i++) {
      const count = counts[i]!;
      if (!(Number.isInteger(count) && count >= 0)) throw this.noCount(data, shape);
      if (count > 255) this.saturated++;
      image[i] = Math.min(count, 255);
    }
    this.labels[this.count++] = label;
  }

  private noCount(data: Float32Array, [, channels, h, w]: EventFrames["shape"]): DataError {
    const i = data.findIndex((count) => !(Number.isInteger(count) && count >= 0));
    const plane = Math.floor(i / (h * w));
    const at = [Math.floor(plane / channels), plane % channels, Math.floor(i / w) % h, i % w].join(", ");
    const words = `has ${data[i]} at [${at}], expected whole counts of events: frames are kept as bytes and not scaled`;
    return new DataError(`dataset ${this.shape.name}: sample ${this.count} ${words}`);
  }

  /** Return the data set. Errors: DataError if samples are missing, or a label is not below the class count. */
  finish(): EventDataset {
    const { name, classes, samples, frames, size } = this.shape;
    if (this.count !== samples) throw new DataError(`dataset ${name}: expected ${samples} samples, got ${this.count}`);
    const channels = frames * 2;
    const dataset = imageDataset({
      name,
      images: this.images,
      labels: this.labels,
      shape: [channels, size[0], size[1]],
      classes,
      mean: new Array<number>(channels).fill(0),
      std: new Array<number>(channels).fill(1 / 255),
      timeSteps: frames,
    });
    return { ...dataset, timeSteps: frames, saturated: this.saturated };
  }
}

/** Sum frames into fewer pixels. */
function binned(data: Float32Array, [frames, channels, H, W]: EventFrames["shape"], [h, w]: SensorSize): Float32Array {
  const out = new Float32Array(frames * channels * h * w);
  const rows = binTable(H, h);
  const columns = binTable(W, w);
  for (let i = 0, plane = 0; plane < frames * channels; plane++) {
    for (let y = 0; y < H; y++) {
      const start = (plane * h + rows[y]!) * w;
      for (let x = 0; x < W; x++) out[start + columns[x]!]! += data[i++]!;
    }
  }
  return out;
}

/**
 * Make a data set of recordings in memory.
 *
 * Shapes    n recordings -> images [n, T·2, h, w].
 * Errors    DataError: no recordings, label counts that disagree, labels beyond the classes, an event outside the sensor.
 */
export function eventDataset(parts: {
  readonly name?: string;
  readonly recordings: readonly EventRecording[];
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
  readonly sensor: SensorSize;
  readonly options?: EventFrameOptions;
}): EventDataset {
  const { name = "events", recordings, labels, classes, sensor, options = {} } = parts;
  expectKeys(options, FRAME_KEYS, (problem) => new DataError(`dataset ${name}: ${problem}`));
  const { frames = DEFAULT_FRAMES, by = "number", size = sensor } = options;
  if (labels.length !== recordings.length) {
    const problem = `dataset ${name}: expected a label for each of ${recordings.length} recordings, got ${labels.length}`;
    throw new DataError(problem);
  }
  const builder = new EventDatasetBuilder({ name, classes, samples: recordings.length, frames, size });
  for (const [i, recording] of recordings.entries()) builder.addRecording(recording, labels[i]!, sensor, by);
  return builder.finish();
}
