// `espalier train --resume`: what the run is that goes on, and whether what is asked for is that run. Everything is checked
// before anything of the folder is written.

import { z } from "zod";
import { type PastDifference, type Progress, pastDifference, planRun, type SessionData } from "../index.ts";
import { type DataFingerprint, dataFingerprintSchema, fingerprintDifference } from "../recipe/data_fingerprint.ts";
import { type Recipe, resolveRecipe } from "../recipe/recipe.ts";
import { runConfig } from "../recipe/session.ts";
import { UsageError } from "../terminal/fail.ts";
import { significant } from "../text/index.ts";
import { boardStateSchema } from "./board_files.ts";
import { changeWords, lengthProblem, refusalWords, type SettingChange, settingChanges } from "./resume_rules.ts";

/** The checkpoint that a run goes on from. */
export interface FoundRun {
  /** The run's folder. */
  readonly root: string;
  /** Path of the checkpoint in it. */
  readonly path: string;
  readonly progress: Progress & { readonly host?: unknown };
  /** Whether its weights lie there as a model. */
  readonly hasModel: boolean;
}

export interface ResumePlan extends FoundRun {
  /** The configuration that the run has had. */
  readonly was: Recipe;
  /** What it has from here on. */
  readonly recipe: Recipe;
  /** Settings that are others from here on. */
  readonly changes: readonly SettingChange[];
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The recipe inside a checkpoint; settings that were not known when it was written have their defaults. */
function savedRecipe({ root, path, progress }: FoundRun): Recipe {
  const { config } = progress;
  if (!isMap(config)) throw new UsageError(`${root}: ${path}: holds no configuration: it is no checkpoint of a run`);
  try {
    return resolveRecipe({ text: JSON.stringify(config), file: path, written: true, note: () => {} });
  } catch {
    // Of another version: compared as it stands.
    return config as unknown as Recipe;
  }
}

/** How to do what a resumed run cannot. */
function otherRun({ root, hasModel }: FoundRun): string {
  const config = `espalier train ${root}/config.yaml`;
  return hasModel
    ? `For a new run from its weights, give the other settings to: ${config} --weights ${root}/model.safetensors --out FOLDER`
    : `For a new run, give the other settings to: ${config} --out FOLDER`;
}

const refuse = (found: FoundRun, problems: readonly string[]): never => {
  throw new UsageError(`${found.root}: cannot go on as another run: ${problems.join("; ")}. ${otherRun(found)}`);
};

/**
 * Compares what is asked for with the configuration in the checkpoint.
 *
 * Errors    UsageError naming every setting that a resumed run keeps, with both values; an epoch count below what is done.
 */
export function planResume(found: FoundRun, asked: Recipe): ResumePlan {
  const was = savedRecipe(found);
  const changes = settingChanges(was, asked);
  const problems = changes.filter(({ rule }) => rule === "fixed").map(refusalWords);
  const tooShort = lengthProblem(asked, found.progress);
  if (problems.length > 0 || tooShort) refuse(found, [...problems, ...(tooShort ? [tooShort] : [])]);
  return { ...found, was, recipe: asked, changes };
}

/** Whether a plan changes how long the run is. */
const changesLength = ({ changes }: ResumePlan) => changes.some(({ rule }) => rule === "planned");

const WHERE: Readonly<Record<PastDifference["what"], (recipe: Recipe) => string>> = {
  "learning rate": ({ lr }) => `lr.schedule ${lr.schedule}`,
  threshold: ({ prune }) => `prune.schedule ${prune.schedule}`,
  phase: ({ prune }) => `prune.method ${prune.method}`,
  pruning: ({ prune }) => `prune.method ${prune.method}`,
};

const short = (value: number | string) => (typeof value === "number" ? significant(value, 4) : value);

/**
 * Checks that the steps that are done were planned as a run of the new length would have planned them: then what comes next is
 * that run's next step.
 *
 * Errors    UsageError naming the setting, both values, and the first step that would have been another.
 */
export function checkPast(plan: ResumePlan, train: SessionData, stepsPerEpoch: number): void {
  if (!changesLength(plan)) return;
  const [was, now] = [plan.was, plan.recipe].map((recipe) => planRun(runConfig(recipe, train), stepsPerEpoch)) as [
    ReturnType<typeof planRun>,
    ReturnType<typeof planRun>,
  ];
  const { step } = plan.progress;
  const found = pastDifference(was, now, step);
  if (!found) return;
  const why =
    `the ${found.what} at step ${found.step} was ${short(found.was)} and would have been ${short(found.now)}` +
    ` (${WHERE[found.what](plan.was)} is planned over the whole length)`;
  const settings = plan.changes.filter(({ rule }) => rule === "planned").map(refusalWords);
  refuse(plan, [`${settings.join(", ")}: ${why}`]);
}

const seconds = z.number().min(0);

/** What the host keeps in a checkpoint. Everything may be missing, and what is none counts as missing: see readProgress. */
const hostSchema = z.object({
  /** Seconds that the run has taken. */
  elapsed: seconds.optional().catch(undefined),
  /** Whether the checkpoint came by the schedule, and not because a signal asked. */
  scheduled: z.boolean().optional().catch(undefined),
  data: dataFingerprintSchema.optional().catch(undefined),
  /** Damaged images that were passed over. */
  damaged: z.array(z.string()).optional().catch(undefined),
  /** Event files of TensorBoard. */
  board: boardStateSchema.optional().catch(undefined),
});
export type HostState = z.infer<typeof hostSchema>;

/** The host's part of a checkpoint. */
export const hostState = (host: unknown): HostState => hostSchema.catch({}).parse(host);

/**
 * Compares the data with those that the run was trained on. Returns a line to say, or null.
 *
 * Errors    UsageError with what is different.
 */
export function checkData(plan: ResumePlan, now: DataFingerprint): string | null {
  const { data } = hostState(plan.progress.host);
  if (!data) return `${plan.root}: ${plan.path} does not say what data it was trained on: they are not compared`;
  const difference = fingerprintDifference(data, now);
  if (difference) refuse(plan, [`other data: ${difference}`]);
  return null;
}

/** What a run that goes on has to be checked against, once its data are read and its session stands. */
export interface ResumeParts {
  readonly train: SessionData;
  readonly stepsPerEpoch: number;
  readonly data: DataFingerprint;
}

/** All checks that the data are needed for. Returns lines to say. */
export function checkResume(plan: ResumePlan, { train, stepsPerEpoch, data }: ResumeParts): string[] {
  const note = checkData(plan, data);
  checkPast(plan, train, stepsPerEpoch);
  const { step } = plan.progress;
  const changes = plan.changes.map(
    (change) =>
      `from step ${step} on: ${changeWords(change)}${change.rule === "told" ? "; the numbers are others from there on" : ""}`,
  );
  return [...(note ? [note] : []), ...changes];
}

/** Whether a run is at its end. */
export const isAtEnd = ({ progress, recipe }: ResumePlan): boolean =>
  progress.batch === 0 && progress.epoch === recipe.epochs + recipe.finetuneEpochs;
