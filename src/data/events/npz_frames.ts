// Reads data sets of .npz files: one folder per class, events or frames in each file.
import { parseEventNpz } from "../../io/events/npz.ts";
import type { SensorSize } from "../../io/events/types.ts";
import type { DatasetSplit } from "../dataset.ts";
import { DataError, SourceError } from "../errors.ts";
import { chooseParts, isAside, partsOfFolders } from "../part_names.ts";
import type { ByteSource } from "../source.ts";
import type { EventDataset } from "./event_dataset.ts";
import {
  byNumber,
  type EventLoadOptions,
  expectLoadKeys,
  expectSplit,
  filesEndingWith,
  type LabelledFile,
  limitPerClass,
  loadFiles,
  nineToOne,
  type Sample,
} from "./labelled_files.ts";

/** Options of `loadNpzEvents`. */
export interface NpzOptions extends EventLoadOptions {
  /** Default "npz". */
  readonly name?: string;
  /** Height and width of the camera: required for files of events. Files of frames have their own. */
  readonly sensor?: SensorSize;
}

/**
 * Load one split of a folder of .npz files: `train/<class>/*.npz` and `test/<class>/*.npz` (or other names of parts, see
 * part_names.ts), or `<class>/*.npz`, of which the first nine tenths of each class train. Classes are the names of the folders
 * of both parts, sorted, numbers by value (10 after 9). Files hold arrays t, x, y, p, or `frames` [T, 2, H, W].
 *
 * Options   frames: default 8 for files of events; files of frames must have this count, default that of the first.
 * Shapes    images [n, T·2, H, W], or smaller by `size`.
 * Errors    SourceError for missing or empty folders; EventError for corrupt files; DataError for files of events
 *           without `sensor`, frames of different shapes and options out of range.
 */
export async function loadNpzEvents(source: ByteSource, options: NpzOptions): Promise<EventDataset> {
  expectLoadKeys("npz", options, { name: true, sensor: true });
  const { split, name = "npz", limit } = options;
  expectSplit(split);
  const { classes, files: all } = await findFiles(source, split);
  const files = limitPerClass(all, limit);
  const parse = async (bytes: Uint8Array, file: string): Promise<Sample> => {
    const { sensor } = options;
    const found = await parseEventNpz(bytes, file, sensor ? { sensor } : {});
    if (found.kind === "events" && !sensor)
      throw new DataError(`${file}: these are events; give sensor: [height, width] of their camera`);
    return found;
  };
  const first = files[0];
  if (!first) throw new DataError(`dataset ${name}: the ${split} split has no samples`);
  const sample = await parse(await source.read(first.path), `${source.name}: ${first.path}`);
  const [steps, , h, w] = "frames" in sample ? sample.frames.shape : [options.frames, 2, ...(options.sensor ?? [1, 1])];
  return loadFiles(source, {
    name,
    classes,
    sensor: [h as number, w as number],
    files,
    options: { ...options, ...(options.frames === undefined && steps !== undefined ? { frames: steps } : {}) },
    parse,
  });
}

/** Return the folders of each part, by their names; empty if the folder holds classes. Errors: SourceError for a mixture. */
function partFolders(source: ByteSource, folders: readonly string[]): Partial<Record<DatasetSplit, readonly string[]>> {
  const parts = partsOfFolders(folders);
  if (parts.size === 0) return {};
  const other = folders.find((name) => !parts.has(name) && !isAside(name));
  if (other !== undefined) {
    const problem = "a folder beside parts (train, test): expected parts alone, or classes alone";
    throw new SourceError(source.name, other, problem);
  }
  const { train, test } = chooseParts(folders, parts);
  return { train, test };
}

/** List the files of each class below one folder. */
async function filesOfClasses(source: ByteSource, root: string, classes: readonly string[]): Promise<LabelledFile[][]> {
  const present = await source.list(root);
  const folders = classes.map(async (name, label) => {
    if (!present.includes(name)) return [];
    const paths = await filesEndingWith(source, root ? `${root}/${name}` : name, ".npz");
    return paths.map((path) => ({ path, label }));
  });
  return Promise.all(folders);
}

async function findFiles(
  source: ByteSource,
  split: DatasetSplit,
): Promise<{ classes: string[]; files: LabelledFile[] }> {
  const top = (await source.list("")).filter((name) => !name.includes("."));
  const { train, test } = partFolders(source, top);
  const divided = train !== undefined && test !== undefined;
  const own = { train, test }[split] ?? [""];
  if (own.length === 0) throw new SourceError(source.name, split, "no such folder");
  const roots = divided ? [...train, ...test] : [""];
  const names = (await Promise.all(roots.map((root) => source.list(root)))).flat();
  const classes = [...new Set(names.filter((name) => !name.includes(".")))].sort(byNumber);
  if (classes.length === 0) throw new SourceError(source.name, roots[0] || ".", "no folders of classes here");
  const byClass = (await Promise.all(own.map((root) => filesOfClasses(source, root, classes)))).flat();
  return { classes, files: byClass.flatMap((files) => (divided ? files : nineToOne(files, split))) };
}
