// N-MNIST: MNIST digits recorded by a moving camera, 60,000 training and 10,000 test samples.
import { NMNIST_SENSOR, parseNMnist } from "../../io/events/nmnist.ts";
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
} from "./labelled_files.ts";

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/**
 * Load one split of N-MNIST from its two unpacked archives: `Train/<digit>/*.bin`, `Test/<digit>/*.bin`.
 *
 * Shapes    images [n, T·2, 34, 34], or smaller by `size`.
 * Errors    SourceError for a missing folder or one without recordings; EventError for a corrupt file; DataError for
 *           options out of range.
 */
export async function loadNMnist(source: ByteSource, options: EventLoadOptions): Promise<EventDataset> {
  expectLoadKeys("n-mnist", options);
  expectSplit(options.split);
  const folder = options.split === "train" ? "Train" : "Test";
  const files: LabelledFile[] = [];
  for (const [label, digit] of DIGITS.entries()) {
    for (const path of await filesEndingWith(source, `${folder}/${digit}`, ".bin")) files.push({ path, label });
  }
  return loadFiles(source, {
    name: "n-mnist",
    classes: DIGITS,
    sensor: NMNIST_SENSOR,
    files: limitPerClass(files, options.limit),
    options,
    parse: (bytes, name) => ({ recording: parseNMnist(bytes, name) }),
  });
}
