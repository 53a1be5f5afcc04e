// `espalier train`: trains a recipe into a folder of results.
import { type Command, Option } from "commander";
import { modelRegistry } from "../internal.ts";
import { espalierCommand } from "../node/command_name.ts";
import { RunDirectory } from "../node_internal.ts";
import { checkBatches } from "../recipe/batch_check.ts";
import { addAllSettings, flagNames, type SettingFlags, settingsFrom } from "../recipe/flags.ts";
import { withAdvice } from "../recipe/image_data.ts";
import { plannedData } from "../recipe/planned_data.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { summaryLines } from "../report/data_summary.ts";
import { findRun } from "../run/found_run.ts";
import { isAtEnd, planResume, type ResumePlan } from "../run/resume.ts";
import { whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { makeOutput, type Output } from "../terminal/output.ts";
import { silent } from "../terminal/progress.ts";
import { writeLine } from "../terminal/terminal.ts";
import { choiceOption, type Done, gpuOptions } from "./options.ts";
import { DEFAULT_RESTARTS, type Standing, withRestarts } from "./restarts.ts";
import { stopAtSignals } from "./stop_at_signals.ts";
import { loadData } from "./train_data.ts";
import { withMemoryTable } from "./train_memory.ts";
import { openRun, settleAuto, type TrainFlags } from "./train_recipe.ts";
import { beforeFirstStep, saysFinished, trainOn } from "./train_run.ts";

/** Run a training. Returns the exit code; throws on failure, `Interrupted` after a signal. */
export async function runTrain(given: TrainFlags, out: Output = makeOutput(given.json ?? false)): Promise<number> {
  using stopping = stopAtSignals(out, "as soon as the run is saved");
  const flags = settleAuto(given);
  const opening = openRun(flags, (line) => {
    if (out.json) writeLine(process.stderr, line);
    else out.say(line);
  });
  // May wait for the lock of another process.
  const { recipe, folder } = await stopping.orStop(opening, "stopped before the start");
  using _claim = folder;
  // A dry run reads the folder without a lock.
  const directory = folder?.directory ?? (flags.resume === undefined ? null : new RunDirectory(flags.resume));
  const plan = flags.resume ? await planOfRun(recipe, directory, out) : null;
  if (flags.again && !(plan && isAtEnd(plan)))
    throw new UsageError(
      `${flags.resume}: expected a finished run; continue it with ${espalierCommand()} train --resume ${flags.resume}`,
    );
  if (plan && folder && plan.changes.length === 0 && !flags.again && (await saysFinished(plan, folder, out))) return 0;
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

/** Return the checkpoint to resume from, checked against the recipe; null if there is none yet. */
async function planOfRun(recipe: Recipe, directory: RunDirectory | null, out: Output): Promise<ResumePlan | null> {
  const note = (problem: string) => {
    out.say(problem);
    out.emit({ kind: "note", problem });
  };
  const found = directory && (await findRun(directory, note));
  return found && planResume(found, recipe);
}

const RUN = "Run:";

/** Options of the command itself; all others are settings of the recipe. */
function runOptions(command: Command): Command {
  return command
    .addOption(new Option("--overwrite", "overwrite an existing run folder").helpGroup(RUN))
    .addOption(
      new Option("--resume <folder>", "resume a run; auto: the run in --out or the recipe's folder, if any").helpGroup(
        RUN,
      ),
    )
    .addOption(
      new Option("--restarts <n>", `resumes in a row after a lost GPU (default ${DEFAULT_RESTARTS})`)
        .argParser(whole(0))
        .helpGroup(RUN),
    )
    .addOption(new Option("--dry-run", "print the plan of the run and time a few steps; write no run").helpGroup(RUN))
    .addOption(
      choiceOption("--tune <mode>", "try kernel variants first", ["off", "auto", "on"], "auto").helpGroup(RUN),
    );
}

/** Values of the command's own flags, beside those of settings. */
type OwnFlags = Omit<Partial<TrainFlags>, "recipe" | "settings" | "flagOf">;

/** Add the options and the action of `train`. `argv`: the command line, for the run's files. */
export function addTrainCommand(command: Command, done: Done, argv: readonly string[]): void {
  command
    .description(
      "Trains a network and prunes it. Settings come from the defaults (here those of MNIST), then from a recipe (a YAML file, or a name that `espalier recipes` lists), then from flags. Writes metrics, checkpoints, models and plots into a folder.",
    )
    .argument("[recipe]");
  gpuOptions(runOptions(addAllSettings(command)))
    .addHelpText(
      "after",
      `
Examples
  $ espalier train                                  LeNet-BN on MNIST, 3 epochs, about 93 % zeros
  $ espalier train --method gmp --sparsity 0.9      magnitude pruning; --method dense: no pruning
  $ espalier train --sparsity 0.95 --trail          95 % zeros, and a sparse model of each epoch
  $ espalier train mnist_ltp                        a recipe by name; espalier recipes lists all
  $ espalier train mine.yaml --epochs 5             a recipe from a file; flags override it
  $ espalier train --resume runs/mnist_lenet        after Ctrl-C or a crash`,
    )
    .action(async (recipe: string | undefined, flags: SettingFlags & OwnFlags) => {
      const { adapter, requireGpu, tune, watchdog, restarts, resume, overwrite, dryRun, json } = flags;
      const own = { adapter, requireGpu, tune, watchdog, restarts, resume, overwrite, dryRun, json };
      const settings = {
        settings: settingsFrom(flags),
        flagOf: flagNames(flags),
        modelNames: Object.keys(modelRegistry),
      };
      done(await runTrain({ ...own, ...settings, recipe, command: ["espalier", ...argv] }));
    });
}
