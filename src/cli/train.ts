// `espalier train`: a recipe in, a directory of results out.
import { debugLevel, type Gpu, RandomState, type Session } from "../index.ts";
import { adapterName, openGpu } from "../node/adapter.ts";
import { RunDirectory } from "../node.ts";
import { checkBatches } from "../recipe/batch_check.ts";
import { fingerprintOf } from "../recipe/data_fingerprint.ts";
import type { Splits } from "../recipe/datasets.ts";
import { withAdvice } from "../recipe/image_data.ts";
import { plannedData } from "../recipe/planned_data.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { buildSession } from "../recipe/session.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { headOptions } from "../run/class_match.ts";
import { RunFiles } from "../run/files.ts";
import type { RunFolder } from "../run/folder.ts";
import { findRun, finishedLine } from "../run/found_run.ts";
import { checkResume, planResume, type ResumePlan } from "../run/resume.ts";
import { openWeightsFile, putWeights, takeFitting } from "../run/weights_in.ts";
import { makeOutput, type Output } from "../terminal/output.ts";
import { createProgress, silent } from "../terminal/progress.ts";
import { writeLine } from "../terminal/terminal.ts";
import { dryRun } from "./dry_run.ts";
import { DEFAULT_RESTARTS, noting, type Standing, withRestarts } from "./restarts.ts";
import { type Stopping, stopAtSignals } from "./stop_at_signals.ts";
import { loadData, samplesOf } from "./train_data.ts";
import { trainLoop } from "./train_loop.ts";
import { plannerOf, planWithin, withMemoryTable } from "./train_memory.ts";
import { openRun, settleAuto, type TrainFlags } from "./train_recipe.ts";
import { finishRun } from "./train_result.ts";

/** Runs a training. Returns the exit code; throws on failure, `Interrupted` after a signal. */
export async function runTrain(given: TrainFlags, out: Output = makeOutput(given.json ?? false)): Promise<number> {
  using stopping = stopAtSignals(out, "as soon as the run is saved");
  const flags = settleAuto(given);
  const opening = openRun(flags, (line) => {
    if (out.json) writeLine(process.stderr, line);
    else out.say(line);
  });
  // It may wait for a sign of life of another process.
  const { recipe, folder } = await stopping.orStop(opening, "stopped before anything was begun");
  using _claim = folder;
  // A dry run looks, without a claim to the folder.
  const directory = folder?.directory ?? (flags.resume === undefined ? null : new RunDirectory(flags.resume));
  const plan = flags.resume ? await planOfRun(recipe, directory, out) : null;
  if (plan && folder && plan.changes.length === 0 && (await saysFinished(plan, folder, out))) return 0;
  // Until a bar is drawn, lines are printed as they are.
  const standing: Standing = {
    progress: { ...silent, log: (line) => out.say(line) },
    step: 0,
    begun: plan !== null,
    signal: stopping.signal,
  };
  const planned = flags.dryRun ? plannedData(recipe.data) : null;
  const reading = planned ?? loadData(recipe, out, (line) => standing.progress.log(line));
  const data = await stopping.orStop(Promise.resolve(reading), beforeFirstStep(flags));
  try {
    if (!flags.dryRun) for (const line of data.summary ? summaryLines(data.summary) : []) out.say(line);
    checkBatches(recipe, data);
    const { restarts = DEFAULT_RESTARTS } = flags;
    return await withRestarts({ restarts, folder: recipe.out, standing, out }, async (beginning) => {
      const going = beginning === "checkpoint" ? await planOfRun(recipe, directory, out) : plan;
      return trainOn(recipe, data, { flags, folder, plan: going, out, standing, stopping });
    });
  } catch (error) {
    throw withAdvice(withMemoryTable(error, recipe, data), recipe.data);
  } finally {
    standing.progress.stop();
    await data.close();
  }
}

const beforeFirstStep = ({ resume }: TrainFlags): string =>
  resume === undefined
    ? "stopped before the first step; nothing was kept, and the same command starts again"
    : `stopped before the first step; go on with: espalier train --resume ${resume}`;

/** What a run goes on from, checked against what is asked for; null where it has no checkpoint yet. */
async function planOfRun(recipe: Recipe, directory: RunDirectory | null, out: Output): Promise<ResumePlan | null> {
  const note = (problem: string) => {
    out.say(problem);
    out.emit({ kind: "note", problem });
  };
  const found = directory && (await findRun(directory, note));
  return found && planResume(found, recipe);
}

/** Whether a run is over; says so. */
async function saysFinished(plan: ResumePlan, folder: RunFolder, out: Output): Promise<boolean> {
  const line = await finishedLine(folder.directory, plan);
  if (line === null) return false;
  out.say(line);
  out.emit({ kind: "finished", step: plan.progress.step, out: folder.root });
  return true;
}

interface Around {
  readonly flags: TrainFlags;
  readonly folder: RunFolder | null;
  /** What a run goes on from; null for one that begins. */
  readonly plan: ResumePlan | null;
  readonly out: Output;
  readonly standing: Standing;
  readonly stopping: Stopping;
}

async function trainOn(recipe: Recipe, data: Splits, around: Around): Promise<number> {
  const { flags, folder, plan, out, standing, stopping } = around;
  const opening = openGpu({ ...flags, requireGpu: flags.requireGpu ?? recipe.device.requireGpu });
  const gpu = await stopping.orStop(opening, beforeFirstStep(flags));
  if (folder === null) return dryRun(recipe, data, plannerOf(data), out);
  const fingerprint = await fingerprintOf(data);
  // Before anything is written: a run that is refused leaves nothing.
  const { peak: predictedPeakBytes } = planWithin(recipe, data, gpu.adapter);
  const random = new RandomState(recipe.seed);
  const session = buildSession(recipe, data, random);
  const files = new RunFiles(recipe, out, { data, fingerprint, folder, command: flags.command });
  // Everything is checked before anything is written.
  const { stepsPerEpoch } = session;
  const lines = plan ? checkResume(plan, { train: data.train, stepsPerEpoch, data: fingerprint }) : [];
  if (plan && (await saysFinished(plan, folder, out))) return 0;
  if (plan) {
    await files.reopen();
    await files.restore(session, plan, gpu.adapter);
  } else await files.create(gpu.adapter);
  standing.begun = true;
  if (recipe.weights && !plan) await beginWith(recipe.weights, recipe, session, data.train.classes, out);
  announce({ recipe, data, gpu, files, session, out }, { resumedFrom: plan?.path ?? null, predictedPeakBytes });
  for (const line of lines) out.say(line);
  if (flags.resume && !plan) out.say(`${recipe.out}: holds no checkpoint yet: begins at the first step`);

  const progress = noting(standing, out.json ? silent : createProgress({ label: "train" }));
  standing.progress = progress;
  const profile = debugLevel() >= 2 && gpu.device.features.has("timestamp-query") ? gpu.profile() : null;
  const before = files.secondsSoFar();
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  await stopping.orStop(session.prepare(), beforeFirstStep(flags));
  const trained = await trainLoop({ recipe, session, files, progress, seconds, stopping });
  progress.stop();
  const goOn = `go on with: espalier train --resume ${recipe.out}`;
  if (!trained.finished) {
    throw stopping.interrupted(`stopped at step ${trained.position.step} of ${session.totalSteps}; ${goOn}`);
  }
  const finishing = finishRun({ recipe, session, files, seconds, data, gpu, random, predictedPeakBytes, out }, trained);
  await stopping.orStop(finishing, `stopped after the last step, before the result was written; ${goOn}`);
  for (const row of (await profile?.stop()) ?? [])
    writeLine(
      process.stderr,
      `${row.ms.toFixed(1).padStart(10)} ms  ${String(row.calls).padStart(7)} x  ${row.kernel}`,
    );
  return 0;
}

/** Loads a saved model's weights into a session that has not begun. */
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

interface Opened {
  readonly recipe: Recipe;
  readonly data: Splits;
  readonly gpu: Gpu;
  readonly files: RunFiles;
  readonly session: Session;
  readonly out: Output;
}

/** Says what is about to run. */
function announce(
  { recipe, data, gpu, files, session, out }: Opened,
  begins: { readonly resumedFrom: string | null; readonly predictedPeakBytes: number },
): void {
  const { resumedFrom, predictedPeakBytes } = begins;
  const { length: train } = data.train;
  out.say(
    `${recipe.model.name} on ${recipe.data.name}: ${train} ${samplesOf(recipe)} to train, ${data.test.length} to test; ${adapterName(gpu.adapter)}`,
  );
  if (resumedFrom) out.say(`resuming from ${resumedFrom}, step ${session.position.step} of ${session.totalSteps}`);
  const { totalSteps } = session;
  const found = data.summary ? { data: summaryRecord(data.summary) } : {};
  const changes = files.changes();
  const more = { resumedFrom, totalSteps, predictedPeakBytes, ...(changes.length > 0 ? { changes } : {}) };
  out.emit({ kind: "start", ...files.runInfo(gpu.adapter), ...found, ...more });
}
