// Rules for changed settings at a resume. A change is allowed if it cannot affect the steps that are done; all others are
// refused by name.
import type { RunPosition } from "../internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { isRecord } from "../text/index.ts";

/**
 * - `free`     another value gives the same numbers
 * - `planned`  the length of the run changes: allowed if the steps that are done stay the same
 * - `noted`    later numbers change: allowed, printed, and recorded with the step
 * - `fixed`    refused: the run would mix two settings
 */
type ResumeRule = "free" | "planned" | "noted" | "fixed";

/** Rules by setting or section. All others are fixed, so a new setting is safe by default. */
export const RESUME_RULES: Readonly<Record<string, ResumeRule>> = {
  // Path and reading of the data; their content is compared by fingerprint.
  "data.dir": "free",
  "data.layout": "free",
  "data.mapping": "free",
  "data.testFile": "free",
  "data.workers": "free",
  "data.memory": "free",
  "data.skipBad": "free",
  "data.followLinks": "free",
  "model.checkpointBlocks": "free",
  // The tensors of the checkpoint fit one value. Runs of earlier versions have projections, and no such setting.
  "model.shortcut": "free",
  checkpoint: "free",
  device: "free",
  logEvery: "free",
  trail: "free",
  epochs: "planned",
  finetuneEpochs: "planned",
  // For a smaller GPU: a step is summed over other parts, and batch norm normalises each part.
  microBatch: "noted",
  // Sums of other kernels have another order.
  "prune.kernels": "noted",
  // Of tests and models; training does not see it.
  recalibrate: "noted",
};

/** Return the rule of a setting, by its path in the recipe. */
export function resumeRule(path: string): ResumeRule {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    if (Object.hasOwn(RESUME_RULES, at)) return RESUME_RULES[at]!;
  }
  return "fixed";
}

/** A requested setting that differs from that of the run; undefined on a side that lacks it. */
export interface SettingChange {
  readonly path: string;
  readonly rule: ResumeRule;
  readonly was: unknown;
  readonly now: unknown;
}

/** Collect all settings of a recipe by their paths; a list is one setting. */
function leaves(value: unknown, at = "", into = new Map<string, unknown>()): Map<string, unknown> {
  if (!isRecord(value)) {
    if (value !== undefined) into.set(at, value);
    return into;
  }
  for (const [key, part] of Object.entries(value)) leaves(part, at === "" ? key : `${at}.${key}`, into);
  return into;
}

/** Values of settings that a recipe may lack. */
const ABSENT: Readonly<Record<string, unknown>> = { precision: "f32", optimizer: "sgd", "prune.kernels": "dense" };

/** List the differences between two recipes, except `out`, the folder of the run. */
export function settingChanges(was: Recipe, now: Recipe): SettingChange[] {
  const [before, after] = [leaves(was), leaves(now)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => path !== "out");
  return paths
    .filter((path) => {
      const [own, other] = [before, after].map((all) => JSON.stringify(all.get(path) ?? ABSENT[path]));
      return own !== other;
    })
    .map((path) => ({ path, rule: resumeRule(path), was: before.get(path), now: after.get(path) }));
}

/** Write a value as in a recipe. */
const shown = (value: unknown): string =>
  value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);

/** Describe a change: "epochs: 2 -> 3". */
export const changeWords = ({ path, was, now }: Pick<SettingChange, "path" | "was" | "now">): string =>
  `${path}: ${shown(was)} -> ${shown(now)}`;

/** Describe a refused change: "seed: expected 0 as in the run, got 9". */
export const refusalWords = ({ path, was, now }: Pick<SettingChange, "path" | "was" | "now">): string =>
  `${path}: expected ${shown(was ?? ABSENT[path])} as in the run, got ${shown(now ?? ABSENT[path])}`;

/** Count the epochs that have started: the shortest possible run. */
const begun = ({ epoch, batch }: RunPosition): number => epoch + (batch > 0 ? 1 : 0);

/** Say why a run at this position cannot have this length; null if it can. */
export function lengthProblem(recipe: Pick<Recipe, "epochs" | "finetuneEpochs">, at: RunPosition): string | null {
  const { epochs, finetuneEpochs } = recipe;
  if (epochs + finetuneEpochs >= begun(at)) return null;
  const what = finetuneEpochs > 0 ? `epochs and finetuneEpochs: expected together` : "epochs: expected";
  return `${what} at least ${begun(at)}, since ${at.step} steps are done, got ${epochs + finetuneEpochs}`;
}
