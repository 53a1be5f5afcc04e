// What the loaders of event datasets share: finding files by class, taking turns with the event loop, filling a dataset.
import type { EventFrames, EventRecording, SensorSize } from "../../io/events/types.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import type { Split } from "../dataset.ts";
import { DataError, expectWhole, SourceError } from "../errors.ts";
import type { ByteSource } from "../source.ts";
import { nextTurn } from "../turn.ts";
import { DEFAULT_FRAMES, type EventDataset, EventDatasetBuilder, type EventFrameOptions } from "./event_dataset.ts";

/** What every loader of an event dataset takes. */
export interface EventLoadOptions extends EventFrameOptions {
  readonly split: Split;
  /** Only the first so many samples of each class: for quick trials. Default: all. */
  readonly limit?: number;
  /** Told from time to time how many of how many samples are in. */
  readonly progress?: (done: number, total: number) => void;
}

const LOAD_KEYS: KeysOf<EventLoadOptions> = {
  frames: true,
  by: true,
  size: true,
  split: true,
  limit: true,
  progress: true,
};

/** Refuses options that a loader does not know; `more`: what it takes besides. Throws DataError. */
export function expectLoadKeys(
  who: string,
  options: EventLoadOptions,
  more: Readonly<Record<string, true>> = {},
): void {
  expectKeys(options, { ...LOAD_KEYS, ...more }, (problem) => new DataError(`${who}: ${problem}`));
}

export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

/** The event loop waits for a loader no longer than this, in ms, but for the reading of one file. */
const LONGEST_HOLD = 16;

/** A function to await often: it gives the event loop a turn when it has waited long enough. */
export function turnTaker(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < LONGEST_HOLD) return;
    await nextTurn();
    last = performance.now();
  };
}

/** Names with numbers in them, by the numbers: a_2 before a_10. Else by characters, the same in every host. */
export function byNumber(a: string, b: string): number {
  const parts = (name: string) => name.split(/(\d+)/);
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [l, r] = [left[i]!, right[i]!];
    if (l === r) continue;
    const difference = i % 2 === 1 ? Number(l) - Number(r) : 0;
    return difference || (l < r ? -1 : 1);
  }
  return left.length - right.length;
}

/** Files of a folder with this ending, by number. Errors: SourceError when there is none. */
export async function filesEndingWith(source: ByteSource, folder: string, ending: string): Promise<string[]> {
  const names = (await source.list(folder)).filter((name) => name.toLowerCase().endsWith(ending)).sort(byNumber);
  if (names.length === 0) throw new SourceError(source.name, folder || ".", `no ${ending} files in this folder`);
  return names.map((name) => (folder === "" ? name : `${folder}/${name}`));
}

/** The first `limit` of each class, in their order. */
export function limitPerClass<T extends { readonly label: number }>(files: readonly T[], limit?: number): T[] {
  if (limit === undefined) return [...files];
  expectWhole("limit", limit, 1);
  const taken = new Map<number, number>();
  return files.filter(({ label }) => {
    const count = (taken.get(label) ?? 0) + 1;
    taken.set(label, count);
    return count <= limit;
  });
}

/**
 * Which part of n files in their order: by default the first nine tenths, rounded up, train, the others test.
 * Source: SpikingJelly's split_to_train_test_set, without shuffling.
 */
export function nineToOne<T>(files: readonly T[], split: Split): T[] {
  const border = Math.ceil(files.length * 0.9);
  return split === "train" ? files.slice(0, border) : files.slice(border);
}

/** Refuses what is not a split. */
export function expectSplit(split: Split): void {
  if (split !== "train" && split !== "test") {
    throw new DataError(`split wants "train" or "test", was given ${JSON.stringify(split)}`);
  }
}

/** A file's content on its way into a dataset. */
export type Sample = { readonly recording: EventRecording } | { readonly frames: EventFrames };

/** Reads file after file, one sample each, into a dataset. */
export async function loadFiles(
  source: ByteSource,
  parts: {
    readonly name: string;
    readonly classes: readonly string[];
    readonly sensor: SensorSize;
    readonly files: readonly LabelledFile[];
    readonly options: EventLoadOptions;
    readonly parse: (bytes: Uint8Array, name: string) => Sample | Promise<Sample>;
  },
): Promise<EventDataset> {
  const { name, classes, sensor, files, options, parse } = parts;
  const { frames = DEFAULT_FRAMES, by = "number", size = sensor, progress } = options;
  if (files.length === 0) throw new DataError(`dataset ${name}: the ${options.split} split has no samples`);
  const builder = new EventDatasetBuilder({ name, classes, samples: files.length, frames, size });
  const turn = turnTaker();
  for (const [i, { path, label }] of files.entries()) {
    const file = `${source.name}: ${path}`;
    const sample = await parse(await source.read(path), file);
    if ("recording" in sample) builder.addRecording(sample.recording, label, sensor, by);
    else builder.addFrames(sample.frames, label);
    progress?.(i + 1, files.length);
    await turn();
  }
  return builder.finish();
}
