// Checks `${espalierCommand()} train --resume`: the requested settings and data must be those of the stopped run. All checks come before
// the first write to the folder.

import { z } from "zod";
import {
  type CheckpointProgress,
  type PastDifference,
  pastDifference,
  planRun,
  type SessionSamples,
} from "../internal.ts";
import { espalierCommand } from "../node/command_name.ts";
import { type DataFingerprint, dataFingerprintSchema, fingerprintDifference } from "../recipe/data_fingerprint.ts";
import { type Recipe, resolveRecipe } from "../recipe/recipe.ts";
import { runConfig } from "../recipe/session.ts";
import { UsageError } from "../terminal/fail.ts";
import { isRecord, significant } from "../text/index.ts";
import { boardStateSchema } from "./board_files.ts";
import { changeWords, lengthProblem, refusalWords, type SettingChange, settingChanges } from "./resume_rules.ts";

/** The checkpoint that a run resumes from. */
export interface FoundRun {
  /** The run's folder. */
  readonly root: string;
  /** Path of the checkpoint in it. */
  readonly path: string;
  readonly progress: CheckpointProgress & { readonly host?: unknown };
  /** True if the folder has its weights as a model. */
  readonly hasModel: boolean;
}

export interface ResumePlan extends FoundRun {
  /** Configuration of the run so far. */
  readonly was: Recipe;
  /** Configuration from here on. */
  readonly recipe: Recipe;
  /** Settings that change here. */
  readonly changes: readonly SettingChange[];
}

/** Read the recipe inside a checkpoint. Settings that are newer than the checkpoint get their defaults. */
function savedRecipe({ root, path, progress }: FoundRun): Recipe {
  const { config } = progress;
  if (!isRecord(config))
    throw new UsageError(`${root}: ${path}: expected the checkpoint of a run, got one without a configuration`);
  try {
    return resolveRecipe({ text: JSON.stringify(config), file: path, written: true, note: () => {} });
  } catch {
    // From another version: compare it unchanged.
    return config as unknown as Recipe;
  }
}

/** Say how to start a new run instead. */
function otherRun({ root, hasModel }: FoundRun): string {
  const config = `${espalierCommand()} train ${root}/config.yaml`;
  return hasModel
    ? `For a new run from its weights, pass the other settings to: ${config} --weights ${root}/model.safetensors --out FOLDER`
    : `For a new run, pass the other settings to: ${config} --out FOLDER`;
}

const refuse = (found: FoundRun, problems: readonly string[]): never => {
  throw new UsageError(`${found.root}: cannot resume with other settings: ${problems.join("; ")}. ${otherRun(found)}`);
};

/**
 * Compare the requested settings with the configuration in the checkpoint.
 *
 * Errors    UsageError naming every fixed setting that differs, with both values, or an epoch count that is too small.
 */
export function planResume(found: FoundRun, asked: Recipe): ResumePlan {
  const was = savedRecipe(found);
  const changes = settingChanges(was, asked);
  const problems = changes.filter(({ rule }) => rule === "fixed").map(refusalWords);
  const tooShort = lengthProblem(asked, found.progress);
  if (problems.length > 0 || tooShort) refuse(found, [...problems, ...(tooShort ? [tooShort] : [])]);
  return { ...found, was, recipe: asked, changes };
}

/** Tell if a plan changes the length of the run. */
const changesLength = ({ changes }: ResumePlan) => changes.some(({ rule }) => rule === "planned");

const WHERE: Readonly<Record<PastDifference["what"], (recipe: Recipe) => string>> = {
  "learning rate": ({ lr }) => `lr.schedule ${lr.schedule}`,
  threshold: ({ prune }) => `prune.schedule ${prune.schedule}`,
  phase: ({ prune }) => `prune.method ${prune.method}`,
  pruning: ({ prune }) => `prune.method ${prune.method}`,
};

const short = (value: number | string) => (typeof value === "number" ? significant(value, 4) : value);

/**
 * Check that a run of the new length would have done the same steps so far.
 *
 * Errors    UsageError naming the setting, both values, and the first step that differs.
 */
export function checkPast(plan: ResumePlan, train: SessionSamples, stepsPerEpoch: number): void {
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
    ` (${WHERE[found.what](plan.was)} depends on the length of the run)`;
  const settings = plan.changes.filter(({ rule }) => rule === "planned").map(refusalWords);
  refuse(plan, [`${settings.join(", ")}: ${why}`]);
}

const seconds = z.number().min(0);

/** The host's part of a checkpoint. All fields may be missing, and invalid ones count as missing: see readProgress. */
const hostSchema = z.object({
  /** Seconds of the run so far. */
  elapsed: seconds.optional().catch(undefined),
  /** True if the checkpoint is from the schedule, not from a signal. */
  scheduled: z.boolean().optional().catch(undefined),
  data: dataFingerprintSchema.optional().catch(undefined),
  /** Corrupt images that were skipped. */
  damaged: z.array(z.string()).optional().catch(undefined),
  /** Event files of TensorBoard. */
  board: boardStateSchema.optional().catch(undefined),
});
type HostState = z.infer<typeof hostSchema>;

/** Read the host's part of a checkpoint. */
export const hostState = (host: unknown): HostState => hostSchema.catch({}).parse(host);

/**
 * Compare the data with those that the run was trained on. Returns a line to print, or null.
 *
 * Errors    UsageError with the first difference.
 */
export function checkData(plan: ResumePlan, now: DataFingerprint): string | null {
  const { data } = hostState(plan.progress.host);
  if (!data) return `${plan.root}: ${plan.path} has no fingerprint of its data: the data are not compared`;
  const difference = fingerprintDifference(data, now);
  if (difference) refuse(plan, [`other data: ${difference}`]);
  return null;
}

/** The parts that a resumed run is checked against, after its data are read and its session is built. */
interface ResumeParts {
  readonly train: SessionSamples;
  readonly stepsPerEpoch: number;
  readonly data: DataFingerprint;
}

/** Run the checks that need the data. Returns lines to print. */
export function checkResume(plan: ResumePlan, { train, stepsPerEpoch, data }: ResumeParts): string[] {
  const note = checkData(plan, data);
  checkPast(plan, train, stepsPerEpoch);
  const { step } = plan.progress;
  const changes = plan.changes.map(
    (change) =>
      `from step ${step} on: ${changeWords(change)}${change.rule === "noted" ? "; later numbers differ from those of the old setting" : ""}`,
  );
  return [...(note ? [note] : []), ...changes];
}

/** Tell if a run is at its end. */
export const isAtEnd = ({ progress, recipe }: ResumePlan): boolean =>
  progress.batch === 0 && progress.epoch === recipe.epochs + recipe.finetuneEpochs;
