// Counts the samples of each class and checks the counts: a single class, labels with gaps, classes without samples. Refuses
// what cannot be trained, and notes the rest.
import { areNamed, nameList } from "./class_names.ts";
import { DataError } from "./errors.ts";

/** Labels of one part. */
interface Labelled {
  readonly length: number;
  readonly classes: readonly string[];
}

/** Count the samples of each class. */
export function countsOf({ length, classes }: Labelled, label: (i: number) => number): Uint32Array {
  const counts = new Uint32Array(classes.length);
  for (let i = 0; i < length; i++) counts[label(i)]!++;
  return counts;
}

interface CountedClasses {
  /** Name used in messages. */
  readonly name: string;
  readonly classes: readonly string[];
  /** True if the data set lists its classes; false if they were derived from the labels. Default: true if they have names. */
  readonly listed?: boolean;
}

/** Format numbers as ranges: 0..9, 255. */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const n of numbers) {
    const last = parts.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else parts.push([n, n]);
  }
  const shown = parts.slice(0, 6).map(([a, b]) => (a === b ? String(a) : `${a}..${b}`));
  return `${shown.join(", ")}${parts.length > 6 ? ", ..." : ""}`;
}

const classesThat = (counts: Uint32Array, empty: boolean): number[] =>
  [...counts.keys()].filter((i) => (counts[i] === 0) === empty);

/**
 * Check the class counts of both parts and return notes for the user.
 *
 * Errors    DataError: samples of one class only; unnamed labels with more gaps than classes, as when one label is 255 by
 *           mistake; one part that counts from 0 and the other from 1.
 */
export function checkCounts(
  { name, classes, listed = areNamed(classes) }: CountedClasses,
  train: Uint32Array,
  test: Uint32Array,
): string[] {
  const [used, empty, tested] = [classesThat(train, false), classesThat(train, true), classesThat(test, false)];
  const count = (counts: Uint32Array) => counts.reduce((a, b) => a + b, 0);
  const [first] = used;
  if (used.length === 1 && first !== undefined) {
    const all = `all ${count(train)} samples are of class ${classes[first]}`;
    throw new DataError(`${name}: expected at least two classes: ${all}`);
  }
  if (!listed && empty.length > Math.max(used.length, 16)) {
    const of = `a network of ${classes.length} classes, of which ${empty.length} have no sample`;
    throw new DataError(`${name}: the labels are ${ranges(used)}: ${of}; expected labels from 0 without such gaps`);
  }
  const shifted = !listed && train[0] === 0 && (test[0] ?? 0) > 0;
  if (shifted) {
    const both = `the training labels are ${ranges(used)}, the test labels ${ranges(tested)}`;
    throw new DataError(`${name}: ${both}: expected both parts to count from the same number`);
  }
  const notes: string[] = [];
  const names = (list: readonly number[]) => nameList(list.map((i) => classes[i]!));
  if (!listed && empty.length === 1 && empty[0] === 0) {
    notes.push("the labels start at 1: class 0 has no sample, so the first output is not trained");
  } else if (empty.length > 0) notes.push(`classes without training samples: ${names(empty)}`);
  const untrained = tested.filter((i) => train[i] === 0);
  if (untrained.length > 0) notes.push(`classes with test samples but no training samples: ${names(untrained)}`);
  const untested = used.filter((i) => test[i] === 0);
  if (untested.length > 0) notes.push(`classes without test samples: ${names(untested)}`);
  if (count(test) > count(train))
    notes.push(`more test samples (${count(test)}) than training samples (${count(train)})`);
  return notes;
}
