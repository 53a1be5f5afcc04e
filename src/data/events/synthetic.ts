// Synthetic events of moving shapes, by a model of an event camera: data for spiking networks without files.
import type { EventRecording, SensorSize } from "../../io/events/types.ts";
import { PhiloxStream } from "../../tensor/philox.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import type { DatasetSplit } from "../dataset.ts";
import { DataError, expectWhole } from "../errors.ts";
import { DEFAULT_FRAMES, type EventDataset, EventDatasetBuilder, type SliceBy } from "./event_dataset.ts";
import { expectSplit, turnTaker } from "./labelled_files.ts";
import { EventCamera } from "./synthetic_camera.ts";
import { shapeNames, type Walk } from "./synthetic_shapes.ts";

const directions = { right: [1, 0], left: [-1, 0], down: [0, 1], up: [0, -1] } as const;
const directionNames = Object.keys(directions) as (keyof typeof directions)[];

/**
 * Three shapes times four directions: "disc right", "disc left", ...
 *
 * No single frame separates right from left: a shape is randomly brighter or darker than its background, so either edge may be
 * the ON one; all shapes are symmetric under a turn of 180 degrees; and the path is centred anywhere. Played backwards, "left"
 * of a dark shape is "right" of a bright one. A network that sums its frames gets half of the directions right; the rest is in
 * the order of the frames.
 */
export const SYNTHETIC_CLASSES: readonly string[] = shapeNames.flatMap((shape) =>
  directionNames.map((direction) => `${shape} ${direction}`),
);

/** Options of `syntheticEvents`. */
export interface SyntheticOptions {
  readonly samples: number;
  /** u32, default 0. */
  readonly seed?: number;
  /** Train and test samples share no random numbers. Default "train". */
  readonly split?: DatasetSplit;
  /** Height and width of the sensor in pixels, 16..128, default 32. Shapes and paths scale with it. */
  readonly size?: number;
  /** Length of a recording in us, 1000..10,000,000, default 100,000. */
  readonly duration?: number;
  /** Random events per pixel and second, default 1: about a tenth of all events. */
  readonly noise?: number;
}

type Settings = Required<Omit<SyntheticOptions, "samples">>;

const OPTION_KEYS: KeysOf<Settings> = { seed: true, split: true, size: true, duration: true, noise: true };

function settingsOf({ samples, ...given }: SyntheticOptions): Settings {
  expectKeys(given, OPTION_KEYS, (problem) => new DataError(`synthetic events: ${problem}`));
  const settings: Settings = { seed: 0, split: "train", size: 32, duration: 100_000, noise: 1, ...given };
  expectWhole("synthetic events: samples", samples, 1, 2 ** 32 - 1);
  expectWhole("synthetic events: seed", settings.seed, 0, 2 ** 32 - 1);
  expectWhole("synthetic events: size", settings.size, 16, 128);
  expectWhole("synthetic events: duration", settings.duration, 1000, 10_000_000);
  if (!(settings.noise >= 0 && settings.noise <= 1000))
    throw new DataError(`synthetic events: noise: expected a number in 0..1000, got ${settings.noise}`);
  expectSplit(settings.split);
  return settings;
}

/** Generates recordings of moving shapes. */
class Generator {
  private readonly settings: Settings;
  private readonly camera: EventCamera;
  private readonly random: PhiloxStream;

  constructor(settings: Settings) {
    this.settings = settings;
    this.camera = new EventCamera(settings.size, settings.duration);
    this.random = new PhiloxStream(settings.seed, "events");
  }

  /** Return sample `index`: a function of the index, the seed, the split and the settings alone. */
  record(index: number): EventRecording {
    const { split, size, duration, noise } = this.settings;
    const random = this.random.moveTo([split === "train" ? 0 : 1, index, 0]);
    const camera = this.camera;
    camera.start();
    camera.watch(walkOf(syntheticLabel(index), size, random));
    const expected = noise * size * size * duration * 1e-6;
    const count = Math.floor(expected + random.nextFloat());
    for (let i = 0; i < count; i++) {
      const time = random.nextBelow(duration);
      camera.add(time, random.nextBelow(size), random.nextBelow(size), random.nextBelow(2));
    }
    return camera.finish();
  }
}

/** Return the label of a sample. Classes alternate, so that the first few samples are balanced; the loader shuffles. */
const syntheticLabel = (index: number): number => index % SYNTHETIC_CLASSES.length;

/** Draw a path of this class. Sizes and distances in pixels, for a sensor of 32. */
function walkOf(label: number, size: number, random: PhiloxStream): Walk {
  const scale = size / 32;
  const direction = directionNames[label % directionNames.length]!;
  const [dx, dy] = directions[direction];
  const between = (low: number, high: number) => low + (high - low) * random.nextFloat();
  const radius = between(4.5, 7) * scale;
  const distance = between(10, 16) * scale;
  // Log contrast, three to six times the camera's threshold; its random sign hides the direction.
  const contrast = between(0.6, 1.2) * (random.nextU32() & 1 ? 1 : -1);
  const along = between(radius + distance / 2, size - radius - distance / 2);
  const across = between(radius, size - radius);
  const [x, y] = dx === 0 ? [across, along] : [along, across];
  return {
    shape: shapeNames[Math.floor(label / directionNames.length)]!,
    radius,
    contrast,
    from: [x - (dx * distance) / 2, y - (dy * distance) / 2],
    to: [x + (dx * distance) / 2, y + (dy * distance) / 2],
  };
}

/** Recordings of moving shapes, with labels. */
export interface SyntheticEvents {
  readonly recordings: readonly EventRecording[];
  readonly labels: Uint8Array;
  readonly classes: readonly string[];
  readonly sensor: SensorSize;
}

/**
 * Return recordings with labels; see eventDataset for their frames.
 *
 * Errors    DataError for options out of range.
 */
export function syntheticEvents(options: SyntheticOptions): SyntheticEvents {
  const settings = settingsOf(options);
  const generator = new Generator(settings);
  return {
    recordings: Array.from({ length: options.samples }, (_, i) => generator.record(i)),
    labels: Uint8Array.from({ length: options.samples }, (_, i) => syntheticLabel(i)),
    classes: SYNTHETIC_CLASSES,
    sensor: [settings.size, settings.size],
  };
}

/** Options of `syntheticEventDataset`. */
export interface SyntheticDatasetOptions extends Omit<SyntheticOptions, "samples"> {
  readonly split: DatasetSplit;
  /** Default 4000 for train, 1000 for test. */
  readonly samples?: number;
  /** T, default 8. */
  readonly frames?: number;
  /** Default "time". */
  readonly by?: SliceBy;
  /** Called from time to time with the count of finished samples. */
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Make a data set of moving shapes; recordings are made, integrated and dropped one by one. Yields to the event loop.
 *
 * Shapes    images [samples, T·2, size, size].
 * Errors    DataError for options out of range.
 */
export async function syntheticEventDataset(options: SyntheticDatasetOptions): Promise<EventDataset> {
  const { frames = DEFAULT_FRAMES, by = "time", progress, ...rest } = options;
  const { samples = options.split === "test" ? 1000 : 4000 } = rest;
  const settings = settingsOf({ ...rest, samples });
  const sensor = [settings.size, settings.size] as const;
  const builder = new EventDatasetBuilder({
    name: "moving-shapes",
    classes: SYNTHETIC_CLASSES,
    samples,
    frames,
    size: sensor,
  });
  const generator = new Generator(settings);
  const turn = turnTaker();
  for (let i = 0; i < samples; i++) {
    builder.addRecording(generator.record(i), syntheticLabel(i), sensor, by);
    progress?.(i + 1, samples);
    await turn();
  }
  return builder.finish();
}
