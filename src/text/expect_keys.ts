// Options of public calls: a key that nothing reads is refused by name. Types alone are not enough: JavaScript has none, and
// an object that was spread or stored in a variable passes TypeScript's check of excess properties.
import { closest } from "./closest.ts";
import { cut, quote, visible } from "./quote.ts";
import { kindOf } from "./value.ts";

/** Return true for an object with keys: not null, no array. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The keys of T, each with true: the compiler checks that none is missing or unknown. */
export type KeysOf<T> = { readonly [K in keyof Required<T>]: true };

/**
 * Describe the error in the keys of an options object; null if each is known. A key whose value is undefined counts
 * as absent.
 */
export function keyFault(given: unknown, known: Readonly<Record<string, true>>): string | null {
  if (!isRecord(given)) return `expected an object of options, got ${kindOf(given)}`;
  const names = Object.keys(known);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || Object.hasOwn(known, key)) continue;
    const meant = closest(key, names);
    return `unknown option ${visible(cut(key, 80))}, expected ${names.join(", ") || "none"}${meant ? `; did you mean ${meant}?` : ""}`;
  }
  return null;
}

/** Throw the error that `fault` makes of the description. */
export function expectKeys(
  given: unknown,
  known: Readonly<Record<string, true>>,
  fault: (problem: string) => Error,
): void {
  const problem = keyFault(given, known);
  if (problem !== null) throw fault(problem);
}

/** Return the options that `known` holds, for a function that refuses the others. */
export const onlyKeys = <T extends object>(given: T, known: Readonly<Record<string, true>>): T =>
  Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(known, key))) as T;

/** An object without the keys whose value is undefined. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leave out the keys whose value is undefined, for options that may be absent but not undefined. */
export const defined = <T extends object>(options: T): Defined<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;

/** Use of a setting that not every configuration reads. */
export interface SettingUse<C> {
  /** Description: "schedule pgh and pgh-general". */
  readonly what: string;
  readonly when: (config: C) => boolean;
  /** A value that is the default anyway, and is allowed. */
  readonly idle?: unknown;
}

/** The use of each setting of C; null: all read it. */
export type UsesOf<C> = { readonly [K in keyof Required<C>]: SettingUse<C> | null };

/** True if a setting has a value that nothing would read. */
export const isUnread = <C>(use: SettingUse<C> | null, value: unknown, config: C): use is SettingUse<C> =>
  use !== null &&
  value !== undefined &&
  !use.when(config) &&
  (use.idle === undefined || JSON.stringify(use.idle) !== JSON.stringify(value));

/** Describe the first setting of a configuration that is unknown or that nothing would read; null if there is none. */
export function useFault<C extends object>(config: C, uses: UsesOf<C>): string | null {
  const known = Object.fromEntries(Object.keys(uses).map((key) => [key, true as const]));
  const unknown = keyFault(config, known);
  if (unknown !== null) return unknown;
  for (const [key, value] of Object.entries(config)) {
    const use = uses[key as keyof C];
    if (isUnread(use, value, config)) return `${key} is for ${use.what}: expected nothing, got ${quote(value, 40)}`;
  }
  return null;
}
