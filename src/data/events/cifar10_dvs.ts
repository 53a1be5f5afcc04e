// CIFAR10-DVS: 10,000 images of CIFAR-10 moved in front of a camera, 1000 per class, without an official split.
import { CIFAR10_DVS_SENSOR, parseAedat2 } from "../../io/events/aedat2.ts";
import type { DatasetSplit } from "../dataset.ts";
import { DataError } from "../errors.ts";
import type { ByteSource } from "../source.ts";
import type { EventDataset } from "./event_dataset.ts";
import {
  type EventLoadOptions,
  expectLoadKeys,
  expectSplit,
  filesEndingWith,
  type LabelledFile,
  limitPerClass,
  loadFiles,
  nineToOne,
} from "./labelled_files.ts";

/** Names of CIFAR-10's classes, in the order of their labels. */
export const CIFAR10_CLASSES: readonly string[] = "airplane automobile bird cat deer dog frog horse ship truck".split(
  " ",
);

/** "9:1": the first nine tenths of each class train. "first100": numbers 0 to 99 of each class test, the others train. */
export type Cifar10DvsRule = "9:1" | "first100";
const rules: readonly Cifar10DvsRule[] = ["9:1", "first100"];

/** Options of `loadCifar10Dvs`. */
export interface Cifar10DvsOptions extends EventLoadOptions {
  /** Default "9:1". Results under different rules cannot be compared. */
  readonly rule?: Cifar10DvsRule;
}

/**
 * Load one split of CIFAR10-DVS: `<class>/cifar10_<class>_<number>.aedat`, in the order of the numbers.
 *
 * Shapes    images [n, T·2, 128, 128], or smaller by `size`; all samples with T = 8 take 2.4 GB, at 48 x 48 0.33 GB.
 * Errors    SourceError for a missing class; EventError for a damaged file; DataError for options out of range.
 */
export async function loadCifar10Dvs(source: ByteSource, options: Cifar10DvsOptions): Promise<EventDataset> {
  expectLoadKeys("cifar10-dvs", options, { rule: true });
  const { split, rule = "9:1", limit } = options;
  expectSplit(split);
  if (!rules.includes(rule))
    throw new DataError(`cifar10-dvs: rule: expected one of ${rules.join(", ")}, got ${JSON.stringify(rule)}`);
  const files: LabelledFile[] = [];
  for (const [label, name] of CIFAR10_CLASSES.entries()) {
    const paths = await filesEndingWith(source, name, ".aedat");
    const chosen = rule === "9:1" ? nineToOne(paths, split) : byFirst100(paths, split);
    for (const path of chosen) files.push({ path, label });
  }
  return loadFiles(source, {
    name: "cifar10-dvs",
    classes: CIFAR10_CLASSES,
    sensor: CIFAR10_DVS_SENSOR,
    files: limitPerClass(files, limit),
    options,
    parse: (bytes, name) => ({ recording: parseAedat2(bytes, name) }),
  });
}

/** Select by the number at the end of the name. */
function byFirst100(paths: readonly string[], split: DatasetSplit): string[] {
  return paths.filter((path) => {
    const number = /(\d+)\.aedat$/i.exec(path)?.[1];
    if (number === undefined)
      throw new DataError(`cifar10-dvs: ${path}: expected a number in the name for the rule first100`);
    return Number(number) < 100 === (split === "test");
  });
}
