// How many samples each class has, and what is wrong or odd about it: a class too few, labels with gaps, classes without
// samples. What cannot be meant is refused, the rest is said.
import { areNamed, nameList } from "./class_names.ts";
import { DataError } from "./errors.ts";

/** Labels of one part. */
export interface Labelled {
  readonly length: number;
  readonly classes: readonly string[];
}

/** Samples of each class. */
export function countsOf({ length, classes }: Labelled, label: (i: number) => number): Uint32Array {
  const counts = new Uint32Array(classes.length);
  for (let i = 0; i < length; i++) counts[label(i)]!++;
  return counts;
}

export interface CountedClasses {
  /** For messages. */
  readonly name: string;
  readonly classes: readonly string[];
  /** The data set itself says which classes there are: they were not made of the labels. Default: where they have names. */
  readonly listed?: boolean;
}

/** Numbers as ranges: 0..9, 255. */
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

const places = (counts: Uint32Array, empty: boolean): number[] =>
  [...counts.keys()].filter((i) => (counts[i] === 0) === empty);

/**
 * What is to be said of the classes of a data set.
 *
 * Errors    DataError: samples of one class only; labels without names of which more are missing than there are, as when one
 *           label is 255 by mistake; parts of which one counts from 0 and the other from 1.
 */
export function checkCounts(
  { name, classes, listed = areNamed(classes) }: CountedClasses,
  train: Uint32Array,
  test: Uint32Array,
): string[] {
  const [used, empty, tested] = [places(train, false), places(train, true), places(test, false)];
  const count = (counts: Uint32Array) => counts.reduce((a, b) => a + b, 0);
  const [first] = used;
  if (used.length === 1 && first !== undefined) {
    const all = `all ${count(train)} samples are of class ${classes[first]}`;
    throw new DataError(`${name}: one class only, nothing to learn: ${all}`);
  }
  if (!listed && empty.length > Math.max(used.length, 16)) {
    const of = `a network of ${classes.length} classes, of which ${empty.length} have no sample`;
    throw new DataError(`${name}: the labels are ${ranges(used)}: ${of}; expected labels from 0 on without such gaps`);
  }
  const shifted = !listed && train[0] === 0 && (test[0] ?? 0) > 0;
  if (shifted) {
    const both = `the training labels are ${ranges(used)}, the test labels ${ranges(tested)}`;
    throw new DataError(`${name}: ${both}: expected both parts to count from the same number`);
  }
  const notes: string[] = [];
  const names = (list: readonly number[]) => nameList(list.map((i) => classes[i]!));
  if (!listed && empty.length === 1 && empty[0] === 0) {
    notes.push("the labels begin at 1: class 0 has no sample, and nothing trains the first output");
  } else if (empty.length > 0) notes.push(`classes without training samples: ${names(empty)}`);
  const untrained = tested.filter((i) => train[i] === 0);
  if (untrained.length > 0) notes.push(`classes with test samples and none to train with: ${names(untrained)}`);
  const untested = used.filter((i) => test[i] === 0);
  if (untested.length > 0) notes.push(`classes without test samples: ${names(untested)}`);
  if (count(test) > count(train))
    notes.push(`more samples to test with (${count(test)}) than to train with (${count(train)})`);
  return notes;
}
