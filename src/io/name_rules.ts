// Finds the renaming that turns the names of a file into those of a model: prefixes of wrappers, at any depth, and
// names of other projects.

import { quote } from "../text/index.ts";
import { type KeyRule, keyRules } from "./key_map.ts";
import { isCounter } from "./weights_entry.ts";

/** A renaming and its description; no words for unchanged names. */
interface NameRule {
  readonly words: readonly string[];
  readonly rule: KeyRule;
}

/** Name parts added by PyTorch's wrappers: DataParallel, torch.compile, FSDP, activation checkpointing. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "module",
  "_orig_mod",
  "_fsdp_wrapped_module",
  "_checkpoint_wrapped_module",
]);
/** Limits: prefixes tried that only some names have, and depth of prefixes. */
const MOST_PARTIAL = 12;
const MOST_DEPTH = 8;

const identity: KeyRule = (name) => name;

/** Remove wrappers from a name; keep its last part, the parameter's own name. */
const unwrapped: KeyRule = (name) => {
  const parts = name.split(".");
  return parts.filter((part, i) => i === parts.length - 1 || !WRAPPERS.has(part)).join(".");
};

const firstOf = (name: string): string => name.slice(0, name.indexOf(".") + 1);

/** Return the prefix of one part that all names share, or "". Counters of wrappers are not counted. */
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

/** Describe the removal of a prefix of all names. */
const prefixWords = (prefix: string): string =>
  prefix === "module." ? "names translated: data-parallel" : `took ${quote(prefix)} off all names`;

/** Return `start`, and `start` with each prefix that all names share removed, one part more each time. */
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

/** Return `start` with each first part removed that only some of the names have. */
function withPartial(names: readonly string[], start: NameRule): NameRule[] {
  const now = names.map(start.rule);
  const firsts = [...new Set(now.map(firstOf))].filter((first) => first !== "");
  if (firsts.length === 1 && sharedFirst(now) !== "") return [];
  return firsts.slice(0, MOST_PARTIAL).map((first) => ({
    words: [...start.words, `took ${quote(first)} off the names that have it`],
    rule: after(start.rule, strip(first)),
  }));
}

/** Return all renamings to try, the simplest first. */
function nameRules(names: readonly string[]): NameRule[] {
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

/** Fit of names and shapes to a model. */
export interface WeightsFit {
  readonly loaded: number;
  /** Arrays that are missing, unexpected, or of another shape. */
  readonly trouble: number;
}

export interface Named<T> {
  readonly words: readonly string[];
  readonly entries: ReadonlyMap<string, T>;
  readonly fit: WeightsFit;
}

/** Return the names that results depend on. Counters of averaging and of norms do not distinguish renamings. */
const meant = (entries: ReadonlyMap<string, unknown>): string =>
  [...entries.keys()].filter((name) => !isCounter(name)).join("\n");

/** Rename the entries; null if two would share a name. */
function renamed<T>(entries: ReadonlyMap<string, T>, rule: KeyRule): ReadonlyMap<string, T> | null {
  const out = new Map([...entries].map(([name, entry]) => [rule(name), entry] as const));
  return out.size === entries.size ? out : null;
}

/**
 * Choose the renaming that fits best: all entries if there is such a rule, and the simplest of rules with equal
 * results. `others`: rules that fit as well and give other names, so the choice is ambiguous.
 */
export function bestNames<T>(
  entries: ReadonlyMap<string, T>,
  fit: (entries: ReadonlyMap<string, T>) => WeightsFit,
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

/** Return prefixes whose entries (some, not all) fit a model completely: candidates for --key. */
export function fittingParts<T>(
  entries: ReadonlyMap<string, T>,
  fit: (entries: ReadonlyMap<string, T>) => WeightsFit,
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

/** Return the entries below a prefix, without it. */
export function under<T>(entries: ReadonlyMap<string, T>, prefix: string): Map<string, T> {
  const start = `${prefix}.`;
  return new Map(
    [...entries].flatMap(([name, entry]) => (name.startsWith(start) ? [[name.slice(start.length), entry]] : [])),
  );
}
