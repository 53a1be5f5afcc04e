// `espalier train`: a recipe in, a directory of results out.
import { debugLevel, type Gpu, RandomState, type Session } from "../index.ts";
import { adapterName, openGpu } from "./adapter.ts";
import type { Splits } from "./datasets.ts";
import { dryRun } from "./dry_run.ts";
import { withAdvice } from "./image_data.ts";
import { makeOutput, type Output } from "./json_log.ts";
import { plannedData } from "./planned_data.ts";
import { createProgress, silent } from "./progress.ts";
import { type Recipe, recipeToYaml } from "./recipe.ts";
import { DEFAULT_RESTARTS, noting, type Standing, withRestarts } from "./restarts.ts";
import { RunFiles } from "./run_files.ts";
import { buildSession } from "./session.ts";
import { checkSpiking } from "./spiking.ts";
import { stopAtSignals } from "./stop_at_signals.ts";
import { loadData, planOf, samplesOf } from "./train_data.ts";
import { trainLoop } from "./train_loop.ts";
import { chooseFolder, readRecipe, type TrainFlags } from "./train_recipe.ts";
import { finishRun } from "./train_result.ts";
import { putWeights, readWeightsFile } from "./weights_in.ts";

/** Runs a training. Returns the exit code; throws on failure, `Interrupted` when the user stopped it. */
export async function runTrain(flags: TrainFlags, out: Output = makeOutput(flags.json ?? false)): Promise<number> {
  let recipe = readRecipe(flags);
  if (!flags.resume && !flags.dryRun) recipe = { ...recipe, out: chooseFolder(recipe, flags) };
  checkSpiking(recipe.model, recipe.data.name);
  // Until a bar is drawn, lines are printed as they are.
  const standing: Standing = {
    progress: { ...silent, log: (line) => out.say(line) },
    step: 0,
    begun: false,
    signal: null,
  };
  const planned = flags.dryRun ? plannedData(recipe.data) : null;
  const data = planned ?? (await loadData(recipe, out, (line) => standing.progress.log(line)));
  try {
    const { restarts = DEFAULT_RESTARTS } = flags;
    return await withRestarts({ restarts, folder: recipe.out, standing, out }, (beginning) => {
      const { resume: _, ...begun } = flags;
      const again = beginning === "again" ? { ...begun, overwrite: true } : { ...begun, resume: recipe.out };
      return trainOn(recipe, data, beginning === "asked" ? flags : again, out, standing);
    });
  } catch (error) {
    throw withAdvice(error, recipe.data);
  } finally {
    standing.progress.stop();
    await data.close();
  }
}

async function trainOn(
  recipe: Recipe,
  data: Splits,
  flags: TrainFlags,
  out: Output,
  standing: Standing,
): Promise<number> {
  const gpu = await openGpu({ ...flags, requireGpu: flags.requireGpu ?? recipe.device.requireGpu });
  if (flags.dryRun) return dryRun(recipe, data, (adapter) => planOf(recipe, data, adapter), out);
  const files = new RunFiles(recipe, out, { data, command: flags.command });
  if (flags.resume) await files.reopen();
  else await files.create(recipeToYaml(recipe), gpu.adapter, flags.overwrite ?? false);
  standing.begun = true;

  using stopping = stopAtSignals(out, "after this step");
  standing.signal = stopping.signal;
  const { peak: predictedPeakBytes } = planOf(recipe, data, gpu.adapter);
  const random = new RandomState(recipe.seed);
  const session = buildSession(recipe, data, random);
  if (recipe.weights && !flags.resume) await beginWith(recipe.weights, recipe, session, out);
  const resumedFrom = flags.resume ? await files.restore(session) : null;
  announce({ recipe, data, gpu, files, session, out }, { resumedFrom, predictedPeakBytes });

  const progress = noting(standing, out.json ? silent : createProgress({ label: "train" }));
  standing.progress = progress;
  const profile = debugLevel() >= 2 && gpu.device.features.has("timestamp-query") ? gpu.profile() : null;
  const before = files.secondsSoFar();
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  const trained = await trainLoop({ recipe, session, files, progress, seconds, signal: stopping.signal });
  progress.stop();
  if (!trained.finished) {
    throw stopping.interrupted(
      `stopped at step ${trained.position.step} of ${session.totalSteps}; go on with: espalier train --resume ${recipe.out}`,
    );
  }
  await finishRun({ recipe, session, files, seconds, data, gpu, random, predictedPeakBytes, out }, trained);
  for (const row of (await profile?.stop()) ?? [])
    process.stderr.write(`${row.ms.toFixed(1).padStart(10)} ms  ${String(row.calls).padStart(7)} x  ${row.kernel}\n`);
  return 0;
}

/** Loads a saved model's weights into a session that has not begun. */
async function beginWith(file: string, recipe: Recipe, session: Session, out: Output): Promise<void> {
  const weights = await readWeightsFile(file);
  const { lines } = putWeights(session.model, weights, file, recipe.newHead ? { head: "new" } : {});
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
  more: { readonly resumedFrom: string | null; readonly predictedPeakBytes: number },
): void {
  const { resumedFrom, predictedPeakBytes } = more;
  const { length: train } = data.train;
  out.say(
    `${recipe.model.name} on ${recipe.data.name}: ${train} ${samplesOf(recipe)} to train, ${data.test.length} to test; ${adapterName(gpu.adapter)}`,
  );
  if (resumedFrom) out.say(`resuming from ${resumedFrom}, step ${session.position.step} of ${session.totalSteps}`);
  const { totalSteps } = session;
  out.emit({ kind: "start", ...files.runInfo(gpu.adapter), resumedFrom, totalSteps, predictedPeakBytes });
}
