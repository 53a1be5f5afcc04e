// What a resumed run may change of its settings. The configuration in its checkpoint decides; what is asked for besides is
// allowed where it cannot move the numbers of the steps that are done, and refused by name elsewhere.
import type { Recipe } from "../recipe/recipe.ts";

/**
 * - `free`     another value gives the same numbers
 * - `planned`  the run becomes longer or shorter: allowed where the steps that are done were planned the same
 * - `told`     the numbers after this step are others: said, and written down with the step
 * - `fixed`    the run would be neither what it was nor what is asked for
 */
export type ResumeRule = "free" | "planned" | "told" | "fixed";

/** Rules by setting or section. What is not here is fixed: a new setting is safe until somebody thinks about it. */
export const RESUME_RULES: Readonly<Record<string, ResumeRule>> = {
  // Where the data lie and how they are read; what they are is compared by their fingerprint.
  "data.dir": "free",
  "data.layout": "free",
  "data.mapping": "free",
  "data.workers": "free",
  "data.skipBad": "free",
  "data.followLinks": "free",
  "model.checkpointBlocks": "free",
  checkpoint: "free",
  device: "free",
  logEvery: "free",
  trail: "free",
  epochs: "planned",
  finetuneEpochs: "planned",
  // For a smaller GPU: the sums of a step are formed in other parts, and batch norm sees those.
  microBatch: "told",
};

/** The rule of a setting, by its path in the recipe. */
export function resumeRule(path: string): ResumeRule {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    if (Object.hasOwn(RESUME_RULES, at)) return RESUME_RULES[at]!;
  }
  return "fixed";
}

/** A setting that is asked for and is not what the run has. Absent on one side: undefined. */
export interface SettingChange {
  readonly path: string;
  readonly rule: ResumeRule;
  readonly was: unknown;
  readonly now: unknown;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** All settings of a recipe by their paths; lists are one setting. */
function leaves(value: unknown, at = "", into = new Map<string, unknown>()): Map<string, unknown> {
  if (!isMap(value)) {
    if (value !== undefined) into.set(at, value);
    return into;
  }
  for (const [key, part] of Object.entries(value)) leaves(part, at === "" ? key : `${at}.${key}`, into);
  return into;
}

/** What is different between two recipes but the folder, which is where the run lies. */
export function settingChanges(was: Recipe, now: Recipe): SettingChange[] {
  const [before, after] = [leaves(was), leaves(now)];
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter((path) => path !== "out");
  return paths
    .filter((path) => JSON.stringify(before.get(path)) !== JSON.stringify(after.get(path)))
    .map((path) => ({ path, rule: resumeRule(path), was: before.get(path), now: after.get(path) }));
}

/** A value as a recipe would show it. */
export const shown = (value: unknown): string =>
  value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);

/** "epochs: 2 -> 3" */
export const changeWords = ({ path, was, now }: Pick<SettingChange, "path" | "was" | "now">): string =>
  `${path}: ${shown(was)} -> ${shown(now)}`;

/** "seed: expected 0 as the run has it, got 9" */
export const refusalWords = ({ path, was, now }: Pick<SettingChange, "path" | "was" | "now">): string =>
  `${path}: expected ${shown(was)} as the run has it, got ${shown(now)}`;

export interface Standing {
  readonly step: number;
  readonly epoch: number;
  /** Batches of the epoch in progress that are done. */
  readonly batch: number;
}

/** Epochs that have begun: a run cannot become shorter than that. */
const begun = ({ epoch, batch }: Standing): number => epoch + (batch > 0 ? 1 : 0);

/** Why a length is none for a run that stands here; null where it is one. */
export function lengthProblem(recipe: Pick<Recipe, "epochs" | "finetuneEpochs">, at: Standing): string | null {
  const { epochs, finetuneEpochs } = recipe;
  if (epochs + finetuneEpochs >= begun(at)) return null;
  const what = finetuneEpochs > 0 ? `epochs and finetuneEpochs: expected together` : "epochs: expected";
  return `${what} at least ${begun(at)}, since ${at.step} steps are done, got ${epochs + finetuneEpochs}`;
}
