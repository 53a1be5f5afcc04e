// What is said about a recipe: one line for each problem, with the place, what was wanted, what was given, and what may have
// been meant.
import type { z } from "zod";
import { closest, cut, quote, visible } from "../text/index.ts";
import { type Aim, get, isPlainMap, type Path } from "./layers.ts";
import { expectedAt, fits, keysAt, settingAt } from "./schema.ts";

export type Where = (path: Path, aim?: Aim) => string;

export const nameOf = (path: Path) => visible(cut(path.map(String).join("."), 80));
export const hint = (meant: string | undefined) => (meant ? `; did you mean ${meant}?` : "");
export const oneLine = (error: unknown) =>
  visible((error instanceof Error ? error.message : String(error)).replaceAll(/[ \t\r\n]+/g, " ").trim());

export function line(where: string, path: Path, wanted: string, given: unknown, meant?: string): string {
  return `${where}: ${nameOf(path)}: expected ${wanted}, got ${show(given)}${hint(meant)}`;
}

/** A setting that the run would not read, and what it is for. */
export const idleLine = (where: string, path: Path, why: string, given: unknown): string =>
  `${where}: ${nameOf(path)}: expected no value: ${why}; got ${show(given)}`;

/** A value as it would look in a recipe, cut at 40 characters. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  return typeof value === "number" ? String(value) : quote(value, 40);
}

/** Rules between fields are worth a word only once each field is right by itself. */
export function rulesLast(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const own = issues.filter((issue) => issue.code !== "custom");
  return own.length > 0 ? own : issues;
}

/** Other programs' names for settings, by the section they are looked for in. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  learningRate: "lr.base",
  learning_rate: "lr.base",
  scheduler: "lr.schedule",
  warmup: "lr.warmupEpochs",
  wd: "weightDecay",
  dataset: "data.name",
  arch: "model.name",
  pruning: "prune",
  sparsity: "prune.sparsity",
  output: "out",
  "data.path": "dir",
  "data.folder": "dir",
  "data.root": "dir",
  "data.batchSize": "batchSize at the top",
  "data.batch_size": "batchSize at the top",
  "prune.name": "method",
  "prune.type": "method",
  "prune.amount": "sparsity",
  "model.arch": "name",
  "model.type": "name",
  "lr.name": "schedule",
  "lr.type": "schedule",
  "lr.value": "base",
  "lr.rate": "base",
};

/** An unknown key: the nearest known one, here or in another section. */
function unknownKey(path: Path, where: Where): string {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = keysAt(parent);
  const elsewhere = keysAt([]).map((section) => (keysAt([section]).includes(key) ? `${section}.${key}` : ""));
  const dotted = path.map(String).join(".");
  const meant =
    (Object.hasOwn(OTHER_NAMES, dotted) ? OTHER_NAMES[dotted] : undefined) ??
    closest(key, parent.length === 0 ? [...known, "extends"] : known) ??
    elsewhere.find((name) => name !== "") ??
    (keysAt([]).includes(key) && parent.length > 0 ? `${key} at the top` : undefined);
  return `${where(path, "key")}: ${nameOf(path)}: unknown key, expected one of ${known.join(", ")}${hint(meant)}`;
}

export function describeIssue(issue: z.core.$ZodIssue, merged: unknown, where: Where): string[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], where));
  const wanted = issue.code === "custom" ? issue.message : (limitOf(issue) ?? wantedIn(path) ?? oneLine(issue.message));
  const given = get(merged, path);
  const meant = issue.code === "custom" ? undefined : (nearName(issue, given) ?? meantBy(path, given));
  return [line(where(path), path, wanted, given, meant)];
}

/** What a path wants; for an element of a list, what the list wants. */
function wantedIn(path: Path): string | undefined {
  return expectedAt(path) ?? expectedAt(path.slice(0, -1));
}

/** Numbers of the right kind that are larger than any run can be. */
function limitOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== "too_big" || issue.origin === "array") return undefined;
  const { maximum } = issue;
  const setting = settingAt(issue.path);
  const sane = setting?.kind === "integer" && setting.max === undefined && setting.limit === maximum;
  return sane ? `at most ${maximum}` : undefined;
}

function nearName(issue: z.core.$ZodIssue, given: unknown): string | undefined {
  if (typeof given !== "string" || issue.code !== "invalid_value") return undefined;
  const [section] = issue.path;
  // Both are called methods: what --method takes is one or the other in a recipe.
  if (section === "prune" && issue.path[1] === "method") {
    const schedules = (expectedAt(["prune", "schedule"]) ?? "").replace("one of ", "").split(", ");
    const schedule = given === "dense" ? "none" : schedules.find((name) => name === given);
    if (schedule) return `schedule: ${schedule}`;
  }
  return closest(given, issue.values.map(String));
}

const WORDS: Readonly<Record<string, boolean>> = {
  yes: true,
  on: true,
  true: true,
  no: false,
  off: false,
  false: false,
};

/** What a value of another type, or a percentage, may have been meant as: the first form that the field takes. */
export function meantBy(path: Path, given: unknown): string | undefined {
  if (given === undefined || given === null) return undefined;
  const candidates: unknown[] = [];
  if (typeof given === "string") {
    const text = given.trim().replaceAll("_", "");
    const number = Number(text.replace(/%$/, "").replace(/^([+-]?\d*),(\d+)$/, "$1.$2"));
    if (/\d/.test(text) && Number.isFinite(number))
      candidates.push(...(text.endsWith("%") ? [number / 100] : [number]));
    const word = WORDS[text.toLowerCase()];
    if (word !== undefined) candidates.push(word);
    candidates.push(given.split(/[\s,]+/).filter((part) => part !== ""));
  } else if (typeof given === "number") {
    // A share in per cent; 0 and 1 for no and yes.
    candidates.push(...(given >= 10 ? [given / 100] : []), ...(given === 0 || given === 1 ? [given === 1] : []), [
      given,
    ]);
  }
  const found = candidates.find((candidate) => fits(path, candidate));
  return found === undefined ? undefined : JSON.stringify(found).replaceAll('"', "").replaceAll(",", ", ");
}

/** What a section that is no map may have been meant as. */
const SECTION_KEYS: Readonly<Record<string, readonly string[]>> = {
  lr: ["base", "schedule"],
  prune: ["sparsity", "schedule", "method", "threshold"],
  checkpoint: ["every"],
  augment: ["flip", "crop"],
  device: ["requireGpu"],
};

/** Sections of one layer that are no maps, told one by one: merged with other layers they would be gone. */
export function sectionFaults(value: unknown, where: Where, path: readonly string[] = []): string[] {
  const keys = keysAt(path);
  if (keys.length === 0) return [];
  if (!isPlainMap(value)) {
    const [section = ""] = path;
    const key = (SECTION_KEYS[section] ?? []).find((name) => fits([...path, name], value));
    const off = section === "augment" && (value === false || value === "none" || value === "off");
    if (off) return [line(where(path), path, expectedAt(path) ?? "a map", value, "augment: {crop: 0, flip: false}")];
    const meant = key && path.length === 1 ? `${section}: {${key}: ${String(value)}}` : undefined;
    return [line(where(path), path, expectedAt(path) ?? "a map", value, meant)];
  }
  return keys.flatMap((key) => (Object.hasOwn(value, key) ? sectionFaults(value[key], where, [...path, key]) : []));
}
