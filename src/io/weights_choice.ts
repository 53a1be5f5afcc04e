// Chooses the arrays of a model in a file, and their names: one dict of several, without the prefixes of wrappers.
import { plural, quote } from "../text/index.ts";
import { bestNames, fittingParts, type Named, under, type WeightsFit } from "./name_rules.ts";
import { withoutParametrisations } from "./reparametrised.ts";
import type { WeightEntry, WeightsDict } from "./weights_entry.ts";

/** ArrayShapes of the arrays of a file, by name. */
export type ArrayShapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** Function that measures how well arrays fit the model. */
export type FitCheck = (entries: ArrayShapes) => WeightsFit;

/** A dict as it would be loaded. */
export interface Choice {
  /** The dict as in the file. */
  readonly from: WeightsDict;
  /** The dict with its weights combined from their parts. */
  readonly dict: WeightsDict;
  /** Entries under the names that fit best. */
  readonly entries: ReadonlyMap<string, WeightEntry>;
  readonly fit: WeightsFit;
  readonly notes: readonly string[];
  /** Other candidates, if nothing fits. */
  readonly hints: readonly string[];
}

type Fail = (problem: string) => never;

const keyOf = (dict: WeightsDict) => (dict.path.length === 0 ? "the file itself" : quote(dict.path.join(".")));
const counted = ({ dict }: Choice) => `${keyOf(dict)} with ${plural(dict.entries.size, "array")}`;

/** List several choices, at most eight. */
const listed = (choices: readonly Choice[]) =>
  `${choices.slice(0, 8).map(counted).join(", ")}${choices.length > 8 ? `, and ${choices.length - 8} more` : ""}`;

function choiceOf(from: WeightsDict, fit: FitCheck, fail: Fail): Choice {
  const { dict, notes } = withoutParametrisations(from);
  const { best, others } = bestNames(dict.entries, fit);
  if (others.length > 0) ambiguous(best, others, fail);
  return { from, dict, entries: best.entries, fit: best.fit, notes: [...notes, ...best.words], hints: [] };
}

function ambiguous(best: Named<WeightEntry>, others: readonly Named<WeightEntry>[], fail: Fail): never {
  const rules = [best, ...others].slice(0, 4).map(({ words }) => words.join(" and ") || "the names as they are");
  return fail(`its names fit the model in several ways (${rules.join("; ")}): choose one with --key`);
}

const fits = ({ fit }: Choice) => fit.trouble === 0 && fit.loaded > 0;

/**
 * Return the one dict that fits a model completely. Of several, the one with most arrays, then the one under a usual
 * key; null if none fits. Fails if the choice is ambiguous.
 */
export function fittingChoice(
  dicts: readonly WeightsDict[],
  fit: FitCheck,
  usual: readonly string[],
  fail: Fail,
): Choice | null {
  const all = dicts.map((dict) => choiceOf(dict, fit, fail)).filter(fits);
  const most = Math.max(...all.map((choice) => choice.fit.loaded));
  const best = all.filter((choice) => choice.fit.loaded === most);
  if (best.length < 2) return best[0] ?? null;
  const rank = ({ dict }: Choice) => {
    const at = usual.indexOf(dict.path.at(-1) ?? "");
    return at < 0 ? usual.length : at;
  };
  const first = Math.min(...best.map(rank));
  const preferred = first < usual.length ? best.filter((choice) => rank(choice) === first) : best;
  if (preferred.length === 1) return preferred[0]!;
  const example = preferred[0]?.dict.path.join(".");
  return fail(`several dicts fit the model (${listed(preferred)}): choose one with --key, such as --key ${example}`);
}

/** Prefixes of DataParallel and torch.compile. */
const WRAPPED = /^(?:(?:module|_orig_mod)\.)+/;

/** Return the prefix of wrappers that all names have, or "". */
export function wrapperPrefix(names: readonly string[]): string {
  const prefix = WRAPPED.exec(names[0] ?? "")?.[0] ?? "";
  return names.every((name) => name.startsWith(prefix)) ? prefix : "";
}

/** Return a dict for an unknown model: combined, and with `unwrapped` without the prefix of wrappers. */
export function plainChoice(from: WeightsDict, unwrapped: boolean): Choice {
  const { dict, notes } = withoutParametrisations(from);
  const prefix = unwrapped ? wrapperPrefix([...dict.entries.keys()]) : "";
  const entries = new Map([...dict.entries].map(([name, entry]) => [name.slice(prefix.length), entry]));
  const words = prefix === "" ? [] : [`took ${quote(prefix)} off all names`];
  return { from, dict, entries, fit: { loaded: 0, trouble: 0 }, notes: [...notes, ...words], hints: [] };
}

/** Return the best names of a dict that does not fit, with hints on the alternatives. */
export function bestEffort(dict: WeightsDict, all: readonly WeightsDict[], fit: FitCheck, fail: Fail): Choice {
  const choice = choiceOf(dict, fit, fail);
  const hints: string[] = [];
  for (const { prefix, count } of fittingParts(choice.dict.entries, fit).slice(0, 8))
    hints.push(
      `the ${plural(count, "array")} under "${prefix}." fit the model: choose them with --key ${[...dict.path, prefix].join(".")}`,
    );
  const others = all.filter((other) => other !== dict);
  if (others.length > 0) {
    const choices = others.map((other) => choiceOf(other, fit, fail));
    hints.push(`the file has other dicts of tensors too (${listed(choices)}): --key chooses one`);
  }
  return { ...choice, hints };
}

/**
 * Return the dict of a dotted key: one of the file's dicts, or the part of one whose names start with the key. Null:
 * neither.
 */
export function dictAt(dicts: readonly WeightsDict[], key: string): WeightsDict | null {
  const exact = dicts.find(({ path }) => path.join(".") === key);
  if (exact) return exact;
  for (const dict of dicts) {
    const start = dict.path.join(".");
    if (start !== "" && !key.startsWith(`${start}.`)) continue;
    const rest = start === "" ? key : key.slice(start.length + 1);
    const entries = under(dict.entries, rest);
    if (entries.size === 0) continue;
    return { path: [...dict.path, rest], entries, ignored: [], refused: under(dict.refused, rest) };
  }
  return null;
}
