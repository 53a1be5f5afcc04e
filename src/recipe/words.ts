// Messages about a recipe: one line per problem, with position, expected value, actual value, and a suggestion.
import type { z } from "zod";
import { closest, cut, isRecord, quote, visible } from "../text/index.ts";
import { type Aim, get, type Path } from "./layers.ts";
import { expectedAt, fits, keysAt, settingAt } from "./schema.ts";

export type Where = (path: Path, aim?: Aim) => string;

export const nameOf = (path: Path) => visible(cut(path.map(String).join("."), 80));
const hint = (meant: string | undefined) => (meant ? `; did you mean ${meant}?` : "");
export const oneLine = (error: unknown) =>
  visible((error instanceof Error ? error.message : String(error)).replaceAll(/[ \t\r\n]+/g, " ").trim());

export function line(where: string, path: Path, expected: string, given: unknown, meant?: string): string {
  return `${where}: ${nameOf(path)}: expected ${expected}, got ${show(given)}${hint(meant)}`;
}

/** Describe a setting that the run does not read. */
export const idleLine = (where: string, path: Path, why: string, given: unknown): string =>
  `${where}: ${nameOf(path)}: expected no value: ${why}; got ${show(given)}`;

/** Format a value as in a recipe, cut at 40 characters. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  return typeof value === "number" ? String(value) : quote(value, 40);
}

/** Report rules between settings only if each setting is valid. */
export function rulesLast(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const own = issues.filter((issue) => issue.code !== "custom");
  return own.length > 0 ? own : issues;
}

/** Names of settings in other programs, by section. */
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

/** Describe an unknown key, with the nearest known one, here or in another section. */
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
  const expected =
    issue.code === "custom" ? issue.message : (limitOf(issue) ?? expectedIn(path) ?? oneLine(issue.message));
  const given = get(merged, path);
  const meant = issue.code === "custom" ? undefined : (nearName(issue, given) ?? meantBy(path, given));
  return [line(where(path), path, expected, given, meant)];
}

/** Describe the values of a path; for an element of a list, those of the list. */
function expectedIn(path: Path): string | undefined {
  return expectedAt(path) ?? expectedAt(path.slice(0, -1));
}

/** Describe the limit that a number exceeds, if it is beyond any real run. */
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
  // A value of --method may be a method or a schedule in a recipe.
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

/** Suggest a valid form of a value of another type, or of a percentage. */
function meantBy(path: Path, given: unknown): string | undefined {
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
    // A share in percent; 0 and 1 for false and true.
    candidates.push(...(given >= 10 ? [given / 100] : []), ...(given === 0 || given === 1 ? [given === 1] : []), [
      given,
    ]);
  }
  const found = candidates.find((candidate) => fits(path, candidate));
  return found === undefined ? undefined : JSON.stringify(found).replaceAll('"', "").replaceAll(",", ", ");
}

/** Keys that a value in place of a section may be for. */
const SECTION_KEYS: Readonly<Record<string, readonly string[]>> = {
  lr: ["base", "schedule"],
  prune: ["sparsity", "schedule", "method", "threshold"],
  checkpoint: ["every"],
  augment: ["flip", "crop"],
  device: ["requireGpu"],
};

/** Find sections of one layer that are not maps. Merging with other layers would hide them. */
export function sectionFaults(value: unknown, where: Where, path: readonly string[] = []): string[] {
  const keys = keysAt(path);
  if (keys.length === 0) return [];
  if (!isRecord(value)) {
    const [section = ""] = path;
    const key = (SECTION_KEYS[section] ?? []).find((name) => fits([...path, name], value));
    const off = section === "augment" && (value === false || value === "none" || value === "off");
    if (off) return [line(where(path), path, expectedAt(path) ?? "a map", value, "augment: {crop: 0, flip: false}")];
    const meant = key && path.length === 1 ? `${section}: {${key}: ${String(value)}}` : undefined;
    return [line(where(path), path, expectedAt(path) ?? "a map", value, meant)];
  }
  return keys.flatMap((key) => (Object.hasOwn(value, key) ? sectionFaults(value[key], where, [...path, key]) : []));
}
