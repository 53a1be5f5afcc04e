// `espalier train`: a recipe in, a directory of results out.
import {
  type AdapterReport,
  currentGpu,
  debugLevel,
  type EpochRecord,
  evaluationBatch,
  isStreamed,
  type MemoryPlan,
  planTraining,
  pruningReport,
  RandomState,
} from "../index.ts";
import { RunDirectory } from "../node/index.ts";
import { activityOf } from "./activity.ts";
import { renderActivityTable } from "./activity_table.ts";
import { type AdapterFlags, adapterName, openGpu } from "./adapter.ts";
import { loadSplits, type Splits } from "./datasets.ts";
import { dryRun } from "./dry_run.ts";
import { isEventData } from "./event_data.ts";
import { Interrupted, UsageError } from "./fail.ts";
import { type OnDamaged, withAdvice } from "./image_data.ts";
import { makeOutput, type Output } from "./json_log.ts";
import { mib } from "./memory_lines.ts";
import { plannedData } from "./planned_data.ts";
import { createProgress, type Progress, silent } from "./progress.ts";
import { loadRecipe, type Recipe, type RecipeFlags, recipeToYaml, resolveRecipe } from "./recipe.ts";
import { reportLines } from "./report_lines.ts";
import { RunFiles } from "./run_files.ts";
import { buildSession, modelFor, runConfig } from "./session.ts";
import { checkSpiking, isSpiking, timeStepsOf } from "./spiking.ts";
import { stopAtSignals } from "./stop_at_signals.ts";
import { renderLayerTable } from "./table.ts";
import { putWeights, readWeightsFile } from "./weights_in.ts";

export interface TrainFlags extends AdapterFlags {
  readonly recipe?: string;
  /** Settings that win over the recipe's. */
  readonly settings: RecipeFlags;
  readonly resume?: string;
  readonly overwrite?: boolean;
  /** Only say what the run would be. */
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly modelNames: readonly string[];
  /** Words of the command line, for the run's files to say how it was made. */
  readonly command: readonly string[];
}

/** A folder that is free: the wanted one, or the same with -2, -3, ... when nobody chose it. */
function freeFolder(wanted: string): string {
  if (new RunDirectory(wanted).isEmpty()) return wanted;
  for (let n = 2; ; n++) if (new RunDirectory(`${wanted}-${n}`).isEmpty()) return `${wanted}-${n}`;
}

function chooseFolder(recipe: Recipe, flags: TrainFlags): string {
  const chosen = flags.settings.out !== undefined || flags.recipe !== undefined;
  if (flags.overwrite) return recipe.out;
  if (!chosen) return freeFolder(recipe.out);
  if (!new RunDirectory(recipe.out).isEmpty()) {
    throw new UsageError(
      `${recipe.out}: holds files already. Use --resume ${recipe.out} to go on, or --overwrite to start anew`,
    );
  }
  return recipe.out;
}

function readRecipe(flags: TrainFlags): Recipe {
  const options = { flags: flags.settings, models: flags.modelNames };
  if (flags.resume)
    return loadRecipe(new RunDirectory(flags.resume).path("config.yaml"), {
      ...options,
      flags: { ...flags.settings, out: flags.resume },
    });
  return flags.recipe ? loadRecipe(flags.recipe, options) : resolveRecipe(options);
}

/** What a user would want to know before the run is over. */
function epochWarnings({ layers, softAccuracy }: EpochRecord): string[] {
  const empty = layers.filter((l) => l.zeros === l.weights).map((l) => `${l.name}: no weight is left; prune less`);
  const still = softAccuracy === undefined ? [] : layers.filter((l) => l.transition === 0);
  return [...empty, ...still.map((l) => `${l.name}: no gate is in transition, its threshold stands still`)];
}

const samplesOf = (recipe: Recipe) =>
  isEventData(recipe.data.name) ? `recordings of ${timeStepsOf(recipe.model, recipe.data.name)} frames` : "images";

/**
 * The samples of a recipe. Event files take a while: a bar shows how far they are. `warn` is told of each damaged image
 * that a run passes over.
 */
async function loadData(recipe: Recipe, out: Output, warn: (line: string) => void): Promise<Splits> {
  const steps = timeStepsOf(recipe.model, recipe.data.name);
  const progress = out.json || !isEventData(recipe.data.name) ? silent : createProgress({ label: "read" });
  const onDamaged: OnDamaged = ({ message, source, key, fault }, count) => {
    warn(`passed over ${message} (${count} so far)`);
    out.emit({ kind: "damaged", source, image: key, fault, count });
  };
  try {
    const data = await loadSplits({ ...recipe.data, augment: recipe.augment }, steps, {
      progress: (done, total) => progress.update(done, total),
      onDamaged,
    });
    for (const { name, saturated = 0 } of [data.train, data.test] as { name: string; saturated?: number }[]) {
      if (saturated > 0)
        progress.log(`${name}: ${saturated} pixels counted more than 255 events, and were cut to that`);
    }
    for (const note of data.notes) out.say(note);
    return data;
  } finally {
    progress.stop();
  }
}

/** The memory that a run will take. Ask before there is a session, which starts the sequence of random weights anew. */
const planOf = (recipe: Recipe, { train, test, stored }: Splits, adapter?: AdapterReport): MemoryPlan =>
  planTraining({
    build: () => {
      const parts = { model: recipe.model, data: recipe.data.name, random: new RandomState(recipe.seed) };
      return modelFor(parts, train.shape, train.classes.length);
    },
    sample: train.shape,
    classes: train.classes.length,
    config: runConfig(recipe, train),
    ...(stored ? { stored } : {}),
    trainImages: train.length,
    testImages: test.length,
    ...(adapter ? { adapter } : {}),
  });

/** Runs a training. Returns the exit code; throws on failure, `Interrupted` when the user stopped it. */
export async function runTrain(flags: TrainFlags, out: Output = makeOutput(flags.json ?? false)): Promise<number> {
  let recipe = readRecipe(flags);
  if (!flags.resume && !flags.dryRun) recipe = { ...recipe, out: chooseFolder(recipe, flags) };
  checkSpiking(recipe.model, recipe.data.name);
  // Until a bar is drawn, lines are printed as they are.
  const bar: Bar = { progress: { ...silent, log: (line) => out.say(line) } };
  const planned = flags.dryRun ? plannedData(recipe.data) : null;
  const data = planned ?? (await loadData(recipe, out, (line) => bar.progress.log(line)));
  try {
    return await trainOn(recipe, data, flags, out, bar);
  } catch (error) {
    throw withAdvice(error, recipe.data);
  } finally {
    bar.progress.stop();
    await data.close();
  }
}

/** The bar that shows how far a run is. */
interface Bar {
  progress: Progress;
}

async function trainOn(recipe: Recipe, data: Splits, flags: TrainFlags, out: Output, bar: Bar): Promise<number> {
  const gpu = await openGpu({ ...flags, requireGpu: flags.requireGpu ?? recipe.device.requireGpu });
  if (flags.dryRun) return dryRun(recipe, data, (adapter) => planOf(recipe, data, adapter), out);
  const files = new RunFiles(recipe, out, { data, command: flags.command });
  if (flags.resume) await files.reopen();
  else await files.create(recipeToYaml(recipe), gpu.adapter, flags.overwrite ?? false);

  using stopping = stopAtSignals(out, "after this step");
  const { peak: predictedPeakBytes } = planOf(recipe, data, gpu.adapter);
  const random = new RandomState(recipe.seed);
  const session = buildSession(recipe, data, random);
  if (recipe.weights && !flags.resume) {
    const weights = await readWeightsFile(recipe.weights);
    const { lines } = putWeights(session.model, weights, recipe.weights, recipe.newHead ? { head: "new" } : {});
    for (const line of [...weights.notes, ...lines]) out.say(line);
  }
  const resumed = flags.resume ? await files.restore(session) : null;
  out.say(
    `${recipe.model.name} on ${recipe.data.name}: ${data.train.length} ${samplesOf(recipe)} to train, ${data.test.length} to test; ${adapterName(gpu.adapter)}`,
  );
  if (resumed) out.say(`resuming from ${resumed}, step ${session.position.step} of ${session.totalSteps}`);
  out.emit({
    kind: "start",
    ...files.runInfo(gpu.adapter),
    resumedFrom: resumed,
    totalSteps: session.totalSteps,
    predictedPeakBytes,
  });

  const progress: Progress = out.json ? silent : createProgress({ label: "train" });
  bar.progress = progress;
  const profile = debugLevel() >= 2 && gpu.device.features.has("timestamp-query") ? gpu.profile() : null;
  const before = files.secondsSoFar();
  const started = performance.now();
  const seconds = () => before + (performance.now() - started) / 1000;
  let payload: Record<string, string> = {};
  const warned = new Set<string>();
  let beforeFinetune: { accuracy: number; sparsity: number } | undefined;
  try {
    const { every, per } = recipe.checkpoint;
    const result = await session.fit({
      signal: stopping.signal,
      checkpointEvery: per === "step" ? every : 0,
      onStep: ({ step }) => progress.update(step, session.totalSteps, payload),
      onRecord: async (record) => {
        files.record(record);
        if (record.kind === "epoch") await files.epochEnded(session, record);
        if (record.kind === "step") {
          payload = { loss: record.loss.toFixed(3), sparsity: `${(100 * record.sparsity).toFixed(1)} %` };
          return;
        }
        for (const warning of epochWarnings(record)) {
          if (!warned.has(warning)) progress.log(warning);
          warned.add(warning);
        }
        session.bestAccuracy = Math.max(session.bestAccuracy, record.testAccuracy);
        if (recipe.finetuneEpochs > 0 && record.epoch === recipe.epochs) {
          beforeFinetune = { accuracy: record.testAccuracy, sparsity: record.sparsity };
        }
        const percent = (x: number) => `${(100 * x).toFixed(2)} %`;
        progress.log(
          `epoch ${record.epoch}/${session.epochs}  loss ${record.loss.toFixed(4)}  test accuracy ${percent(record.testAccuracy)}` +
            `  sparsity ${percent(record.sparsity)}  threshold ${record.threshold.toPrecision(3)}  ${record.seconds.toFixed(1)} s`,
        );
      },
      onCheckpoint: async (position, reason) => {
        const due =
          reason !== "epoch" ||
          position.epoch === session.epochs ||
          (per === "epoch" && every > 0 && position.epoch % every === 0);
        if (due) await files.checkpoint(session, position, seconds());
      },
    });
    progress.stop();
    if (!result.finished) {
      throw new Interrupted(
        `stopped at step ${result.position.step} of ${session.totalSteps}; go on with: espalier train --resume ${recipe.out}`,
      );
    }
    const layers = await session.layers();
    const evaluation = await session.evaluate();
    // Before the activity is measured, which takes memory of its own.
    const peakBytes = currentGpu().memory().peak;
    const activity = isSpiking(recipe.model.name)
      ? await activityOf(session.model, data.test, recipe, random, evaluationBatch(recipe))
      : null;
    const report = pruningReport(session.model, data.train.shape, layers);
    const final = {
      kind: "result",
      method: session.method.name,
      accuracy: evaluation.accuracy,
      sparsity: layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0),
      loss: evaluation.loss,
      trainLoss: result.loss,
      seconds: seconds(),
      steps: result.position.step,
      parameters: session.model.parameters().reduce((n, p) => n + p.numel, 0),
      adapter: adapterName(gpu.adapter),
      software: gpu.adapter.software,
      peakBytes,
      predictedPeakBytes,
      seed: recipe.seed,
      out: recipe.out,
      threshold:
        session.method.thresholdAt(session.totalSteps) ?? (await session.method.readThreshold?.(session.totalSteps)),
      layers,
      report,
      ...(beforeFinetune ? { beforeFinetune } : {}),
      ...(activity ? { activity: activity.report } : {}),
      ...(isStreamed(data.train) ? { damagedImages: data.damaged } : {}),
    };
    await files.finish(session, final, activity?.figure ?? null);
    out.say("");
    out.say(renderLayerTable(layers));
    for (const line of reportLines(report)) out.say(line);
    if (beforeFinetune) {
      out.say(
        `before fine-tuning: test accuracy ${(100 * beforeFinetune.accuracy).toFixed(2)} %, sparsity ${(100 * beforeFinetune.sparsity).toFixed(2)} %`,
      );
    }
    if (activity) {
      out.say("");
      out.say(renderActivityTable(activity.report));
      out.say("");
    }
    out.say(
      `test accuracy ${(100 * final.accuracy).toFixed(2)} %, sparsity ${(100 * final.sparsity).toFixed(2)} %, loss ${final.loss.toFixed(4)}; ${final.seconds.toFixed(1)} s, ${final.steps} steps, peak GPU memory ${mib(final.peakBytes)} (predicted ${mib(predictedPeakBytes)})`,
    );
    if (profile)
      for (const row of await profile.stop())
        process.stderr.write(
          `${row.ms.toFixed(1).padStart(10)} ms  ${String(row.calls).padStart(7)} x  ${row.kernel}\n`,
        );
    for (const line of files.resultLines()) out.say(line);
    out.emit(final);
    return 0;
  } finally {
    progress.stop();
  }
}
