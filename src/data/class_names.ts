// Classes of two sources set against each other by their names: which number of one is which number of the other.
import { DataError } from "./errors.ts";

/** The same name, however its letters with marks are composed. */
const canonical = (name: string): string => name.normalize("NFC");
/** For suggestions only: capitals, blanks, lines and dots aside. */
const loose = (name: string): string =>
  canonical(name)
    .toLowerCase()
    .replaceAll(/[\s_.-]+/g, "");

/** Whether classes have names: numbers from 0 on in their order stand for none. */
export const areNamed = (classes: readonly string[]): boolean => classes.some((name, i) => name !== String(i));

/** Up to eight names, and how many there are. */
export function nameList(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown}, ... (${names.length} in all)` : shown;
}

/** Why a label is refused, in words. `classes`: null where nothing says which there are; `most`: classes that there may be. */
export function labelRefusal(label: unknown, classes: readonly string[] | null, most: number): string {
  const text = typeof label === "string" ? JSON.stringify(label) : String(label);
  if (classes === null) return `label ${text} is none: expected a whole number from 0 to ${most - 1}`;
  const first = typeof label === "string" || !areNamed(classes) ? "" : ", counted from 0";
  return `label ${text} is none of the ${classes.length} classes (${nameList(classes)}${first})`;
}

/** What is to be said of a part whose labels are numbers without names, where the other part's classes have names. */
export const numbersFor = (where: string, classes: readonly string[] | undefined): string[] =>
  classes !== undefined && areNamed(classes)
    ? [
        `${where} names no classes: label 0 is taken for ${classes[0]}, and so on in the order of the train images' classes`,
      ]
    : [];

export interface ClassMatch {
  /** For each class of the one, its number in the other; -1 for none. */
  readonly map: Int32Array;
  /** Nothing is renumbered. */
  readonly same: boolean;
  /** Names that the other does not have. */
  readonly unknown: readonly string[];
  /** Names of the other that are not used. */
  readonly unused: readonly string[];
}

/** Where the classes `names` stand among `known`. */
export function matchClasses(names: readonly string[], known: readonly string[]): ClassMatch {
  const places = new Map(known.map((name, i) => [canonical(name), i]));
  const map = Int32Array.from(names, (name) => places.get(canonical(name)) ?? -1);
  const used = new Set(map);
  return {
    map,
    same: map.every((place, i) => place === i),
    unknown: names.filter((_, i) => map[i] === -1),
    unused: known.filter((_, i) => !used.has(i)),
  };
}

/** A known name that differs from this one in capitals, blanks and lines only; null when there is none. */
export const nearName = (name: string, known: readonly string[]): string | null =>
  known.find((other) => loose(other) === loose(name)) ?? null;

/** Classes whose names differ in capitals, blanks and lines only, in words; or null. */
export function lookAlikes(classes: readonly string[]): string | null {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const before = seen.get(loose(name));
    if (before !== undefined) return `the classes ${before} and ${name} differ in capitals or signs only; they are two`;
    seen.set(loose(name), name);
  }
  return null;
}

/** What is to be said of the order of classes whose names are numbers, sorted as text; or null. */
export function numberOrder(classes: readonly string[]): string | null {
  const numbers = classes.length > 1 && classes.every((name) => /^\d+$/.test(name));
  if (!numbers || classes.every((name, i) => i === 0 || Number(name) > Number(classes[i - 1]))) return null;
  return `class names are numbers in the order of text: ${nameList(classes)}`;
}

/**
 * The map of matchClasses, where every class must be known. `where` says in words where a class lies.
 *
 * Errors    DataError naming the first class that `known` does not have, with both lists.
 */
export function expectKnown(
  where: (name: string) => string,
  names: readonly string[],
  known: readonly string[],
): Int32Array {
  const { map, unknown } = matchClasses(names, known);
  const [first] = unknown;
  if (first === undefined) return map;
  const near = nearName(first, known);
  const meant = near === null ? "" : ` (did you mean ${near}?)`;
  throw new DataError(
    `${where(first)}: a class that the train images do not have${meant}; they have ${nameList(known)}`,
  );
}
