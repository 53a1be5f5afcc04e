// Matches the classes of two sources by name: maps the class numbers of one to those of the other.
import { DataError } from "./errors.ts";

/** Normalise the Unicode form of a name. */
const canonical = (name: string): string => name.normalize("NFC");
/** Ignore case, blanks, lines and dots. For suggestions only. */
const loose = (name: string): string =>
  canonical(name)
    .toLowerCase()
    .replaceAll(/[\s_.-]+/g, "");

/** Return true if classes have names; the numbers from 0 in order are not names. */
export const areNamed = (classes: readonly string[]): boolean => classes.some((name, i) => name !== String(i));

/** Format up to eight names, and the number of further ones. */
export function nameList(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** Explain why a label is invalid. `classes`: null if they are not known; `most`: largest class count. */
export function labelRefusal(label: unknown, classes: readonly string[] | null, most: number): string {
  const text = typeof label === "string" ? JSON.stringify(label) : String(label);
  if (classes === null) return `label: expected an integer from 0 to ${most - 1}, got ${text}`;
  const first = typeof label === "string" || !areNamed(classes) ? "" : ", counted from 0";
  return `label: expected one of ${classes.length} classes (${nameList(classes)}${first}), got ${text}`;
}

/** Return a note for a part with unnamed labels if the other part's classes have names. */
export const numbersFor = (where: string, classes: readonly string[] | undefined): string[] =>
  classes !== undefined && areNamed(classes)
    ? [`${where} names no classes: labels are numbered in the order of the train images' classes, 0 for ${classes[0]}`]
    : [];

/** Result of `matchClasses`. */
export interface ClassMatch {
  /** Number of each class in the other list; -1 if it is not there. */
  readonly map: Int32Array;
  /** True if no class is renumbered. */
  readonly same: boolean;
  /** Names that the other list does not have. */
  readonly unknown: readonly string[];
  /** Names of the other list that are not used. */
  readonly unused: readonly string[];
}

/** Match the classes `names` with `known`. */
export function matchClasses(names: readonly string[], known: readonly string[]): ClassMatch {
  const indices = new Map(known.map((name, i) => [canonical(name), i]));
  const map = Int32Array.from(names, (name) => indices.get(canonical(name)) ?? -1);
  const used = new Set(map);
  return {
    map,
    same: map.every((index, i) => index === i),
    unknown: names.filter((_, i) => map[i] === -1),
    unused: known.filter((_, i) => !used.has(i)),
  };
}

/** Find a known name that differs from this one only in case, blanks and lines; null if there is none. */
export const nearName = (name: string, known: readonly string[]): string | null =>
  known.find((other) => loose(other) === loose(name)) ?? null;

/** Return a note if the names of two classes differ only in case, blanks and lines; else null. */
export function lookAlikes(classes: readonly string[]): string | null {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const before = seen.get(loose(name));
    if (before !== undefined)
      return `the classes ${before} and ${name} differ only in case or punctuation; they count as two`;
    seen.set(loose(name), name);
  }
  return null;
}

/** Return a note if class names are numbers that were sorted as text; else null. */
export function numberOrder(classes: readonly string[]): string | null {
  const numbers = classes.length > 1 && classes.every((name) => /^\d+$/.test(name));
  if (!numbers || classes.every((name, i) => i === 0 || Number(name) > Number(classes[i - 1]))) return null;
  return `class names are numbers, sorted as text: ${nameList(classes)}`;
}

/**
 * Return the map of matchClasses; every class must be known. `where` returns the location of a class for the message.
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
  throw new DataError(`${where(first)}: expected a class of the train images (${nameList(known)})${meant}`);
}
