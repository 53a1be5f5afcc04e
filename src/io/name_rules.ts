// Which renaming makes the names of a file those of a model: prefixes of wrappers, in any nesting, and other projects' names.

import { quote } from "../text/index.ts";
import { type KeyRule, keyRules } from "./key_map.ts";
import { isCounter } from "./weights_entry.ts";

/** A renaming, and how it is told; no words for names as they are. */
export interface NameRule {
  readonly words: readonly string[];
  readonly rule: KeyRule;
}

/** What wrappers of PyTorch put into names, at any place: DataParallel, torch.compile, FSDP, activation checkpointing. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "module",
  "_orig_mod",
  "_fsdp_wrapped_module",
  "_checkpoint_wrapped_module",
]);
/** Prefixes tried that only some names have; and how deep prefixes are looked for. */
const MOST_PARTIAL = 12;
const MOST_DEPTH = 8;

const identity: KeyRule = (name) => name;

/** The name without wrappers; its last part, a parameter's own name, stays. */
const unwrapped: KeyRule = (name) => {
  const parts = name.split(".");
  return parts.filter((part, i) => i === parts.length - 1 || !WRAPPERS.has(part)).join(".");
};

const firstOf = (name: string): string => name.slice(0, name.indexOf(".") + 1);

/** The prefix of one part that all names have, or "". Counters of wrappers stand beside it. */
function sharedFirst(names: readonly string[]): string {
  const counted = names.filter((name) => !isCounter(name));
  const first = firstOf(counted[0] ?? "");
  return first !== "" && counted.every((name) => name.startsWith(first)) ? first : "";
}

const strip =
  (prefix: string): KeyRule =>
  (name) =>
    name.startsWith(prefix) ? name.slice(prefix.length) : name;

const after =
  (first: KeyRule, second: KeyRule): KeyRule =>
  (name) =>
    second(first(name));

/** How taking off a prefix of all names is said. */
export const prefixWords = (prefix: string): string =>
  prefix === "module." ? "names translated: data-parallel" : `took ${quote(prefix)} off all names`;

/** From each rule on, the prefixes that all names still have, one part more each time. */
function withPrefixes(names: readonly string[], start: NameRule): NameRule[] {
  const rules = [start];
  let gone = "";
  let now = names.map(start.rule);
  for (let depth = 0; depth < MOST_DEPTH; depth++) {
    const first = sharedFirst(now);
    if (first === "") break;
    gone += first;
    now = now.map(strip(first));
    const prefix = gone;
    rules.push({ words: [...start.words, prefixWords(prefix)], rule: after(start.rule, strip(prefix)) });
  }
  return rules;
}

/** From a rule on, each first part that some of the names have and others have not. */
function withPartial(names: readonly string[], start: NameRule): NameRule[] {
  const now = names.map(start.rule);
  const firsts = [...new Set(now.map(firstOf))].filter((first) => first !== "");
  if (firsts.length === 1 && sharedFirst(now) !== "") return [];
  return firsts.slice(0, MOST_PARTIAL).map((first) => ({
    words: [...start.words, `took ${quote(first)} off the names that have it`],
    rule: after(start.rule, strip(first)),
  }));
}

/** All renamings worth a try, the plainest first. */
export function nameRules(names: readonly string[]): NameRule[] {
  const plain: NameRule = { words: [], rule: identity };
  const starts = [plain];
  if (names.some((name) => unwrapped(name) !== name)) {
    const seen = [...WRAPPERS].filter((part) => names.some((name) => name.split(".").slice(0, -1).includes(part)));
    starts.push({ words: [`took ${seen.map((part) => `"${part}."`).join(", ")} out of the names`], rule: unwrapped });
  }
  const whole = starts.flatMap((start) => withPrefixes(names, start));
  const rules = [...whole, ...whole.flatMap((rule) => withPartial(names, rule))];
  const translated = Object.entries(keyRules).filter(([name]) => name !== "data-parallel");
  return [
    ...rules,
    ...translated.flatMap(([name, rule]) =>
      whole.map((first) => ({
        words: [...first.words, `names translated: ${name}`],
        rule: after(first.rule, rule),
      })),
    ),
  ];
}

/** How well names fit a model: arrays that would be loaded, and all that stands in the way. */
export interface Fit {
  readonly loaded: number;
  /** Missing, unexpected, or of another shape. */
  readonly trouble: number;
}

export interface Named<T> {
  readonly words: readonly string[];
  readonly entries: ReadonlyMap<string, T>;
  readonly fit: Fit;
}

/** The names that results depend on: where counters of averaging and of norms stand tells no renaming from another. */
const meant = (entries: ReadonlyMap<string, unknown>): string =>
  [...entries.keys()].filter((name) => !isCounter(name)).join("\n");

/** Entries under their new names; null when two would share one. */
function renamed<T>(entries: ReadonlyMap<string, T>, rule: KeyRule): ReadonlyMap<string, T> | null {
  const out = new Map([...entries].map(([name, entry]) => [rule(name), entry] as const));
  return out.size === entries.size ? out : null;
}

/**
 * The entries under the names by which they fit best: all of them where there is such a rule, and the plainest of those that
 * come to the same. `others`: rules that fit as well and give other names; then nobody can say which is meant.
 */
export function bestNames<T>(
  entries: ReadonlyMap<string, T>,
  fit: (entries: ReadonlyMap<string, T>) => Fit,
): { best: Named<T>; others: readonly Named<T>[] } {
  const tried: Named<T>[] = [];
  const seen = new Set<string>();
  for (const { words, rule } of nameRules([...entries.keys()])) {
    const named = renamed(entries, rule);
    const key = named && [...named.keys()].join("\n");
    if (!named || key === null || seen.has(key)) continue;
    seen.add(key);
    const found = { words, entries: named, fit: fit(named) };
    tried.push(found);
    if (words.length === 0 && found.fit.trouble === 0 && found.fit.loaded === entries.size) break;
  }
  const better = (a: Named<T>, b: Named<T>) =>
    Number(b.fit.trouble === 0) - Number(a.fit.trouble === 0) || b.fit.loaded - a.fit.loaded;
  const sorted = [...tried].sort(better); // stable: the plainest first
  const best = sorted[0]!;
  const others = best.fit.trouble === 0 ? sorted.slice(1).filter((other) => better(best, other) === 0) : [];
  const wanted = meant(best.entries);
  return { best, others: others.filter((other) => meant(other.entries) !== wanted) };
}

/** Prefixes under which some of the names, and not all, fit a model whole: what --key could choose. */
export function fittingParts<T>(
  entries: ReadonlyMap<string, T>,
  fit: (entries: ReadonlyMap<string, T>) => Fit,
): { readonly prefix: string; readonly count: number }[] {
  const prefixes = new Set<string>();
  for (const name of entries.keys()) {
    const parts = name.split(".");
    for (let n = 1; n < Math.min(parts.length, 4); n++) prefixes.add(parts.slice(0, n).join("."));
    if (prefixes.size > 64) break;
  }
  return [...prefixes].flatMap((prefix) => {
    const part = under(entries, prefix);
    if (part.size === entries.size) return [];
    const { best } = bestNames(part, fit);
    return best.fit.trouble === 0 && best.fit.loaded > 0 ? [{ prefix, count: part.size }] : [];
  });
}

/** The entries below a prefix, without it. */
export function under<T>(entries: ReadonlyMap<string, T>, prefix: string): Map<string, T> {
  const start = `${prefix}.`;
  return new Map(
    [...entries].flatMap(([name, entry]) => (name.startsWith(start) ? [[name.slice(start.length), entry]] : [])),
  );
}
