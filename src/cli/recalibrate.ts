// `espalier recalibrate`: re-estimates the running statistics of batch norm, of a finished run or of a file of weights.
import { existsSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { expectFinite, type Module, modelRegistry, safetensorsParts, writeSparseModel } from "../internal.ts";
import { spelling } from "../recipe/flags.ts";
import { SETTINGS } from "../recipe/settings.ts";
import { holdsRun } from "../run/folder.ts";
import { expectNoInput, writeOutput } from "../run/output_file.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import { whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { optionText } from "../terminal/option_text.ts";
import type { Output } from "../terminal/output.ts";
import { addTestSettings, type EvalFlags, runEval } from "./eval.ts";
import { type Done, finish, gpuOptions } from "./options.ts";
import type { Retest } from "./retest.ts";
import { runTrain } from "./train.ts";

const DEFAULT_BATCHES = SETTINGS.recalibrate.default;

interface RecalibrateFlags extends Omit<EvalFlags, "path" | "weights" | "recalibrate" | "activity"> {
  /** A run's folder, or a file of weights. */
  readonly path: string;
  /** Training batches. */
  readonly batches?: number;
  /** File that receives the weights. */
  readonly output?: string;
  readonly json?: boolean;
}

/** Return the default output, beside the file. */
function outputFor(file: string): string {
  const ending = /(\.sparse)?\.(safetensors|pth?|th|bin|ckpt)$/i.exec(file);
  const base = ending ? file.slice(0, ending.index) : file;
  return `${base}.recalibrated${ending?.[1] ?? ""}.safetensors`;
}

/** Measure a finished run again, with re-estimated statistics, and write its results, models and trail. */
function recalibrateRun(flags: RecalibrateFlags, command: readonly string[], out: Output): Promise<number> {
  const { path, batches, dataDir, adapter, requireGpu, watchdog, json, ...rest } = flags;
  const idle = Object.entries(rest).map(([flag, value]) => [spelling(flag), value]);
  refuseIdle(
    idleUnless(false, `is for a file of weights; the run ${path} has its own settings`, Object.fromEntries(idle)),
  );
  return runTrain(
    {
      ...{ adapter, requireGpu, watchdog, json, command, resume: path, again: true, tune: "off" },
      settings: {
        recalibrate: batches ?? DEFAULT_BATCHES,
        ...(dataDir === undefined ? {} : { data: { dir: dataDir } }),
      },
      modelNames: Object.keys(modelRegistry),
    },
    out,
  );
}

/** Return the metadata of a test: its measurements by their names; accuracy only of class numbers. */
function scoresOf({ result, raw }: Required<Retest>): Record<string, string> {
  const named = { accuracy: result.accuracy, rawAccuracy: raw.accuracy, ...result.metrics };
  const known = Object.entries(named).filter(([, value]) => !Number.isNaN(value));
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

/** Test a file of weights before and after, and write the weights with their new statistics. */
async function recalibrateFile(flags: RecalibrateFlags, out: Output): Promise<number> {
  const { path, batches = DEFAULT_BATCHES, output = outputFor(path), ...others } = flags;
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  if (statSync(path).isDirectory())
    throw new UsageError(`${path}: expected a run or a file of weights, got another folder`);
  if (!output.endsWith(".safetensors")) throw new UsageError(`--output: expected a .safetensors file, got ${output}`);
  expectNoInput("--output", output, [path]);
  const { metadata } = await openWeightsFile(path);
  const save = async (model: Module, { result, raw }: Retest, facts: Readonly<Record<string, string>>) => {
    if (!raw) return `${path}: has no batch norm: nothing to re-estimate, no file written`;
    const state = await model.stateDict();
    expectFinite(path, state);
    const { format: _, shapes: __, ...about } = Object.fromEntries(metadata);
    const all = { ...facts, ...about, recalibrated: String(batches), ...scoresOf({ result, raw }) };
    const sparse = output.endsWith(".sparse.safetensors");
    await writeOutput(
      output,
      sparse ? writeSparseModel(state, all) : safetensorsParts(state, all),
      "espalier recalibrate",
    );
    return `written        ${output}`;
  };
  return runEval({ ...others, path, recalibrate: batches }, out, save);
}

/** Add the options and the action of `recalibrate`. */
export function addRecalibrateCommand(command: Command, done: Done, argv: readonly string[]): void {
  command
    .description(
      "Re-estimates the running statistics of batch norm from training batches, and tests before and after. No weight changes. Of a finished run it writes the models, the trail, the card and the result again; of a file of weights, a new file.",
    )
    .argument("<path>", "a run's folder, or a file of weights");
  addTestSettings(command);
  command
    .addOption(
      new Option("--batches <n>", optionText("training batches", undefined, String(DEFAULT_BATCHES)))
        .argParser(whole(1))
        .helpGroup("Statistics:"),
    )
    .addOption(
      new Option("--output <file>", "file of weights to write (default beside the file)").helpGroup("Statistics:"),
    );
  gpuOptions(command)
    .addHelpText(
      "after",
      "\nExamples\n  $ espalier recalibrate runs/mnist_lenet --batches 50\n  $ espalier recalibrate resnet20.pth --model resnet-20 --data cifar10 --data-dir cifar-10-batches-bin",
    )
    .action((path: string, flags: Omit<RecalibrateFlags, "path">) =>
      finish(
        done,
        (given: RecalibrateFlags, out) =>
          holdsRun(path) ? recalibrateRun(given, ["espalier", ...argv], out) : recalibrateFile(given, out),
        { ...flags, path },
      ),
    );
}
