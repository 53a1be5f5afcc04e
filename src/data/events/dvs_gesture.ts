// DVS128 Gesture: 29 people, 11 gestures, a few recordings of many gestures each, with tables of their times.
import { DVS128_SENSOR, parseAedat3 } from "../../io/events/aedat3.ts";
import { cutGestures, GESTURE_CLASSES, type GestureLabel, parseGestureLabels } from "../../io/events/gesture_labels.ts";
import { SourceError } from "../errors.ts";
import type { ByteSource } from "../source.ts";
import { DEFAULT_FRAMES, type EventDataset, EventDatasetBuilder } from "./event_dataset.ts";
import { type EventLoadOptions, expectLoadKeys, expectSplit, limitPerClass, turnTaker } from "./labelled_files.ts";

/** One gesture of one recording. */
interface Gesture extends GestureLabel {
  readonly file: string;
}

/**
 * Load one split of DVS128 Gesture: `trials_to_train.txt` or `trials_to_test.txt` lists the recordings, `<recording>_labels.csv`
 * their gestures. A gesture without events is a sample of zeros.
 *
 * Shapes    images [n, T·2, 128, 128], or smaller by `size`; 1176 training and 288 test samples.
 * Errors    SourceError for a missing file; EventError for a corrupt one; DataError for options out of range.
 */
export async function loadDvsGesture(source: ByteSource, options: EventLoadOptions): Promise<EventDataset> {
  expectLoadKeys("dvs-gesture", options);
  const { split, frames = DEFAULT_FRAMES, by = "number", size = DVS128_SENSOR, limit, progress } = options;
  expectSplit(split);
  const all: Gesture[] = [];
  for (const file of await trials(source, `trials_to_${split}.txt`)) {
    const table = `${file.replace(/\.aedat$/i, "")}_labels.csv`;
    const labels = parseGestureLabels(await source.read(table), `${source.name}: ${table}`);
    for (const label of labels) all.push({ ...label, file });
  }
  const gestures = limitPerClass(all, limit);
  const samples = gestures.length;
  const builder = new EventDatasetBuilder({ name: "dvs-gesture", classes: GESTURE_CLASSES, samples, frames, size });
  const turn = turnTaker();
  let done = 0;
  for (const file of new Set(gestures.map((gesture) => gesture.file))) {
    const recording = parseAedat3(await source.read(file), `${source.name}: ${file}`);
    const wanted = gestures.filter((gesture) => gesture.file === file);
    for (const sample of cutGestures(recording, wanted)) {
      await turn();
      builder.addRecording(sample.recording, sample.label, DVS128_SENSOR, by);
      progress?.(++done, samples);
    }
  }
  return builder.finish();
}

/** Read a list of recordings, one per line. */
async function trials(source: ByteSource, list: string): Promise<string[]> {
  const text = new TextDecoder().decode(await source.read(list));
  const names = text.split(/\r?\n/).map((line) => line.trim());
  const files = names.filter((name) => name !== "");
  if (files.length === 0) throw new SourceError(source.name, list, "it names no recordings");
  return [...new Set(files)];
}
