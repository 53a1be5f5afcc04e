// Helpers of the loaders of event data sets: find files by class, yield to the event loop, fill a data set.
import type { EventFrames, EventRecording, SensorSize } from "../../io/events/types.ts";
import { expectKeys, type KeysOf } from "../../text/index.ts";
import type { DatasetSplit } from "../dataset.ts";
import { DataError, expectWhole, SourceError } from "../errors.ts";
import type { ByteSource } from "../source.ts";
import { nextTurn } from "../turn.ts";
import { DEFAULT_FRAMES, type EventDataset, EventDatasetBuilder, type EventFrameOptions } from "./event_dataset.ts";

/** Options of every loader of an event data set. */
export interface EventLoadOptions extends EventFrameOptions {
  readonly split: DatasetSplit;
  /** Samples of each class to load, for quick trials. Default: all. */
  readonly limit?: number;
  /** Called from time to time with the count of loaded samples. */
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

/** Check the names of a loader's options; `more`: further options of the loader. Errors: DataError. */
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

/** Longest time between two turns of the event loop, in ms, apart from reading one file. */
const LONGEST_HOLD = 16;

/** Return a function to await often: it yields to the event loop if its last turn was long ago. */
export function turnTaker(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < LONGEST_HOLD) return;
    await nextTurn();
    last = performance.now();
  };
}

/** Compare names by the numbers in them: a_2 before a_10. Else by characters, the same on every host. */
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

/** List files of a folder with this ending, by number. Errors: SourceError if there is none. */
export async function filesEndingWith(source: ByteSource, folder: string, ending: string): Promise<string[]> {
  const names = (await source.list(folder)).filter((name) => name.toLowerCase().endsWith(ending)).sort(byNumber);
  if (names.length === 0) throw new SourceError(source.name, folder || ".", `no ${ending} files in this folder`);
  return names.map((name) => (folder === "" ? name : `${folder}/${name}`));
}

/** Return the first `limit` files of each class, in their order. */
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
 * Return the files of a split: the first nine tenths, rounded up, train, the others test.
 * Source: SpikingJelly's split_to_train_test_set, without shuffling.
 */
export function nineToOne<T>(files: readonly T[], split: DatasetSplit): T[] {
  const border = Math.ceil(files.length * 0.9);
  return split === "train" ? files.slice(0, border) : files.slice(border);
}

/** Check a split. Errors: DataError. */
export function expectSplit(split: DatasetSplit): void {
  if (split !== "train" && split !== "test")
    throw new DataError(`split: expected "train" or "test", got ${JSON.stringify(split)}`);
}

/** Contents of a file. */
export type Sample = { readonly recording: EventRecording } | { readonly frames: EventFrames };

/** Read files, one sample each, into a data set. */
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
