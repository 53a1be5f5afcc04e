// One attempt of `${espalierCommand()} train`: opens the GPU, builds or restores the session, trains to the end or a signal.

import { debugLevel, RandomState, type Session } from "../internal.ts";
import { adapterName, openGpu } from "../node/adapter.ts";
import { espalierCommand } from "../node/command_name.ts";
import { fingerprintOf } from "../recipe/data_fingerprint.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { buildSession } from "../recipe/session.ts";
import type { Splits } from "../recipe/splits.ts";
import { summaryRecord } from "../report/data_summary.ts";
import { headOptions } from "../run/class_match.ts";
import { RunFiles } from "../run/files.ts";
import type { RunFolder } from "../run/folder.ts";
import { finishedLine } from "../run/found_run.ts";
import { checkResume, type ResumePlan } from "../run/resume.ts";
import { openWeightsFile, putWeights, takeFitting } from "../run/weights_in.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress, silent } from "../terminal/progress.ts";
import { writeLine } from "../terminal/terminal.ts";
import { deadNetwork } from "./dead_network.ts";
import { dryRun } from "./dry_run.ts";
import { noting, type Standing } from "./restarts.ts";
import { retestTrail } from "./retest_trail.ts";
import type { Stopping } from "./stop_at_signals.ts";
import { samplesOf } from "./train_data.ts";
import { trainLoop } from "./train_loop.ts";
import { plannerOf, planWithin } from "./train_memory.ts";
import type { TrainFlags } from "./train_recipe.ts";
import { type EndParts, finishRun } from "./train_result.ts";

interface Attempt {
  readonly flags: TrainFlags;
  /** The run's folder; null for a dry run. */
  readonly folder: RunFolder | null;
  /** The checkpoint to resume from; null for a new run. */
  readonly plan: ResumePlan | null;
  readonly out: Output;
  readonly standing: Standing;
  readonly stopping: Stopping;
}

type Opened = Omit<EndParts, "seconds">;

export const beforeFirstStep = ({ resume }: TrainFlags): string =>
  resume === undefined
    ? "stopped before the first step; nothing was written, and the same command starts again"
    : `stopped before the first step; resume with: ${espalierCommand()} train --resume ${resume}`;

/** Return true for a run that is over, and say so. */
export async function saysFinished(plan: ResumePlan, folder: RunFolder, out: Output): Promise<boolean> {
  const line = await finishedLine(folder.directory, plan);
  if (line === null) return false;
  out.say(line);
  out.emit({ kind: "finished", step: plan.progress.step, out: folder.root });
  return true;
}

/** Train a recipe. Returns the exit code; throws `Interrupted` after a signal. */
export async function trainOn(recipe: Recipe, data: Splits, attempt: Attempt): Promise<number> {
  const { flags, folder, out, stopping } = attempt;
  const opening = openGpu({ ...flags, requireGpu: flags.requireGpu ?? recipe.device.requireGpu });
  const gpu = await stopping.orStop(opening, beforeFirstStep(flags));
  if (folder === null) return dryRun(recipe, data, plannerOf(data), out);
  const opened = await openSession({ recipe, data, gpu }, folder, attempt);
  if (opened !== null) await trainToEnd(opened, attempt);
  return 0;
}

/** Build the session and claim its files; null if the run is finished already. Checks everything before it writes. */
async function openSession(
  { recipe, data, gpu }: Pick<Opened, "recipe" | "data" | "gpu">,
  folder: RunFolder,
  { flags, plan, out, standing }: Attempt,
): Promise<Opened | null> {
  const fingerprint = await fingerprintOf(data);
  // Before there is a session, whose random weights the plan would otherwise shift.
  const { peak: predictedPeakBytes } = planWithin(recipe, data, gpu.adapter);
  const random = new RandomState(recipe.seed);
  const session = buildSession(recipe, data, random);
  const files = new RunFiles(recipe, out, { data, fingerprint, folder, command: flags.command });
  const { stepsPerEpoch } = session;
  const lines = plan ? checkResume(plan, { train: data.train, stepsPerEpoch, data: fingerprint }) : [];
  if (plan && !flags.again && (await saysFinished(plan, folder, out))) return null;
  if (flags.again && !session.recalibrates) {
    out.say(`${folder.root}: ${recipe.model.name} has no batch norm: nothing to re-estimate, its files are unchanged`);
    return null;
  }
  if (plan) {
    await files.reopen();
    await files.restore(session, plan, gpu.adapter);
  } else await files.create(gpu.adapter);
  standing.begun = true;
  if (recipe.weights && !plan) await beginWith(recipe.weights, recipe, session, data.train.classes, out);
  const opened = { recipe, data, gpu, files, session, random, predictedPeakBytes, out };
  announce(opened, plan?.path ?? null);
  for (const line of lines) out.say(line);
  if (flags.resume && !plan) out.say(`${recipe.out}: holds no checkpoint yet: starts at the first step`);
  return opened;
}

async function trainToEnd(opened: Opened, { flags, folder, out, standing, stopping }: Attempt): Promise<void> {
  const { recipe, gpu, files, session } = opened;
  const progress = noting(standing, out.json ? silent : createProgress({ label: "train" }));
  standing.progress = progress;
  const profile = debugLevel() >= 2 && gpu.device.features.has("timestamp-query") ? await gpu.profile() : null;
  const before = files.secondsSoFar();
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  await stopping.orStop(session.prepare(), beforeFirstStep(flags));
  const trained = await trainLoop({ recipe, session, files, progress, seconds, stopping });
  progress.stop();
  const goOn = `resume with: ${espalierCommand()} train --resume ${recipe.out}`;
  const dead = trained.reason === "dead" ? deadNetwork(opened, trained) : null;
  if (dead && !trained.finished) throw dead;
  if (!trained.finished)
    throw stopping.interrupted(`stopped at step ${trained.position.step} of ${session.totalSteps}; ${goOn}`);
  const finishing = finishRun({ ...opened, seconds }, trained);
  await stopping.orStop(finishing, `stopped after the last step, before the result was written; ${goOn}`);
  if (flags.again && folder) await stopping.orStop(retestTrail({ ...opened, seconds }, folder.directory), goOn);
  for (const { ms, calls, kernel } of (await profile?.stop()) ?? []) {
    writeLine(process.stderr, `${ms.toFixed(1).padStart(10)} ms  ${String(calls).padStart(7)} x  ${kernel}`);
  }
  // In the last epoch: the run is finished, with all results.
  if (dead) writeLine(process.stderr, `espalier: warning: ${dead.message}`);
}

/** Load the weights of a saved model into a new session. */
async function beginWith(
  file: string,
  recipe: Recipe,
  session: Session,
  classes: readonly string[],
  out: Output,
): Promise<void> {
  const { allowMissing, allowUnexpected, weightsKey: key } = recipe;
  const flags = { key, allowMissing, allowUnexpected };
  const opened = await openWeightsFile(file);
  const head = headOptions(session.model, opened.metadata, { file, classes, newHead: recipe.newHead ?? false });
  const weights = takeFitting(opened, flags, () => session.model, head);
  const { lines } = putWeights(session.model, weights, file, flags, head);
  for (const line of [...weights.notes, ...lines]) out.say(line);
}

/** Print what is about to run. */
function announce({ recipe, data, gpu, files, session, predictedPeakBytes, out }: Opened, resumedFrom: string | null) {
  const { length: train } = data.train;
  const { totalSteps } = session;
  out.say(
    `${recipe.model.name} on ${recipe.data.name}: ${train} ${samplesOf(recipe)} to train, ${data.test.length} to test; ${adapterName(gpu.adapter)}`,
  );
  if (resumedFrom) out.say(`resuming from ${resumedFrom}, step ${session.position.step} of ${totalSteps}`);
  const found = data.summary && { data: summaryRecord(data.summary) };
  const changes = files.changes();
  const more = { resumedFrom, totalSteps, predictedPeakBytes, ...(changes.length > 0 && { changes }) };
  out.emit({ kind: "start", ...files.runInfo(gpu.adapter), ...found, ...more });
}
