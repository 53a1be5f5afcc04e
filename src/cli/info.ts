// `espalier info`: the adapter and its limits, the layers of a model, and the GPU memory that training it takes.
import type { Command } from "commander";
import {
  type AdapterReport,
  type BuildOptions,
  buildModel,
  evaluationBatch,
  type ModelInput,
  modelRegistry,
  type OptimizerName,
  type Precision,
  planTraining,
  type ShortcutKind,
  summarize,
} from "../internal.ts";
import { type AdapterFlags, adapterLines, openGpu } from "../node/adapter.ts";
import { addSettings } from "../recipe/flags.ts";
import { DEFAULT_RECIPE } from "../recipe/schema.ts";
import { runConfig } from "../recipe/session.ts";
import { isSpiking } from "../recipe/spiking.ts";
import { renderSummary } from "../report/layer_table.ts";
import { memoryLines } from "../report/memory_lines.ts";
import { whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { optionText } from "../terminal/option_text.ts";
import type { Output } from "../terminal/output.ts";
import { defined } from "../text/index.ts";
import { type Done, finish, gpuOptions } from "./options.ts";

interface InfoFlags extends AdapterFlags {
  readonly model?: string;
  /** Shape of the images, by default one channel of 28 x 28 pixels, and ten classes. */
  readonly channels?: number;
  readonly size?: number;
  readonly classes?: number;
  readonly gpu: boolean;
  /** Images per training step; predicts the memory of training. */
  readonly batch?: number;
  /** Images on the GPU at once; divides batch. */
  readonly microBatch?: number;
  /** Optimiser of training. */
  readonly optimizer?: OptimizerName;
  /** Precision of training. */
  readonly precision?: Precision;
  /** Steps of a spiking model. */
  readonly timeSteps?: number;
  /** Shortcuts of a ResNet for small images. */
  readonly shortcut?: ShortcutKind;
  /** Train densely, without latent weights. */
  readonly dense?: boolean;
  /** Train with activation checkpointing. */
  readonly checkpointBlocks?: boolean;
}

/** Return the options of a network. A spiking one takes event frames as channels: --channels is polarities times steps. */
function optionsOf({ timeSteps, shortcut }: InfoFlags, model: string): BuildOptions {
  if (timeSteps !== undefined && !isSpiking(model))
    throw new UsageError(`--time-steps: ${model} has no spiking neurons`);
  return { ...defined({ shortcut }), ...(timeSteps === undefined ? {} : { spiking: { timeSteps } }) };
}

/** Predict peak memory with the code of a run; allocates nothing and runs no kernel. */
function predict(
  flags: InfoFlags & ModelInput & { model: string; batch: number },
  adapter: AdapterReport | null,
  out: Output,
): void {
  const { channels, size, classes, model, batch, microBatch, optimizer, precision, checkpointBlocks = false } = flags;
  const { prune } = DEFAULT_RECIPE;
  const dense = flags.dense ?? false;
  const schedule = dense ? ("none" as const) : prune.schedule;
  const settings = { batchSize: batch, microBatch, optimizer, precision, prune: { ...prune, schedule } };
  const momentum = optimizer === "rmsprop" ? 0 : DEFAULT_RECIPE.momentum;
  const config = runConfig({ ...DEFAULT_RECIPE, ...settings, momentum }, null);
  const plan = (testImages: number) =>
    planTraining({
      build: () =>
        buildModel(
          model,
          { channels, size, classes },
          { activationCheckpoint: checkpointBlocks, ...optionsOf(flags, model) },
        ),
      sample: [channels, size, size],
      classes,
      config,
      testImages,
      ...(adapter ? { adapter } : {}),
    });
  const images = evaluationBatch(config);
  const training = plan(0);
  const evaluated = plan(images);
  const named = optimizer === undefined || optimizer === "sgd" ? "SGD with momentum" : optimizer;
  const described = `${named}, ${dense ? "dense" : "soft-threshold pruning"}${checkpointBlocks ? ", blocks checkpointed" : ""}${precision === "f16" ? ", precision f16" : ""}${microBatch === undefined ? "" : `, in micro-batches of ${microBatch}`}`;
  out.say("");
  for (const line of memoryLines({ batch, optimizer: described, images }, training, evaluated)) out.say(line);
  if (!adapter) out.say("  kernels as for a generic card: omit --no-gpu to plan for this adapter");
  out.emit({ kind: "memory", model, batch, ...training, peakWithEvaluation: evaluated.peak });
}

/** Refuse flags about a model or its training if neither is shown. Errors: UsageError. */
function checkFlags(flags: InfoFlags): void {
  const {
    model,
    batch,
    gpu,
    adapter,
    requireGpu,
    channels,
    size,
    classes,
    timeSteps,
    shortcut,
    dense,
    checkpointBlocks,
    optimizer,
    precision,
  } = flags;
  refuseIdle([
    ...idleUnless(model !== undefined, "is for a network; give --model", {
      "--channels": channels,
      "--size": size,
      "--classes": classes,
      "--time-steps": timeSteps,
      "--shortcut": shortcut,
    }),
    ...idleUnless(batch !== undefined, "is for the memory of training; give --batch", {
      "--dense": dense,
      "--checkpoint-blocks": checkpointBlocks,
      "--optimizer": optimizer,
      "--precision": precision,
    }),
    ...idleUnless(gpu, "no adapter is opened with --no-gpu", {
      "--adapter": adapter,
      "--require-gpu": requireGpu,
      "--watchdog": flags.watchdog,
    }),
  ]);
}

async function runInfo(flags: InfoFlags, out: Output): Promise<number> {
  const { model, batch, microBatch, channels = 1, size = 28, classes = 10 } = flags;
  checkFlags(flags);
  if (batch !== undefined && !model)
    throw new UsageError("--batch: expected --model, the network to predict the memory of");
  if (microBatch !== undefined && (batch === undefined || batch % microBatch !== 0))
    throw new UsageError(`--micro-batch: expected a divisor of --batch, got ${microBatch}`);
  let adapter: AdapterReport | null = null;
  if (flags.gpu) {
    const gpu = await openGpu(flags);
    for (const line of adapterLines(gpu.adapter)) out.say(line);
    out.emit({ kind: "adapter", ...gpu.adapter });
    adapter = gpu.adapter;
    gpu.destroy();
  }
  if (model) {
    const input = { channels, size, classes };
    const summary = summarize(buildModel(model, input, optionsOf(flags, model)), [
      input.channels,
      input.size,
      input.size,
    ]);
    out.say("");
    out.say(renderSummary(model, summary), "rendered");
    out.emit({ kind: "model", name: model, ...summary });
    if (batch !== undefined) predict({ ...flags, ...input, model, batch }, adapter, out);
  } else {
    out.say("");
    out.say("models (espalier info --model NAME shows one):");
    const width = Math.max(...Object.keys(modelRegistry).map((name) => name.length));
    for (const [name, { doc }] of Object.entries(modelRegistry)) out.say(`  ${name.padEnd(width)}  ${doc}`);
  }
  return 0;
}

/** Add the options and the action of `info`. */
export function addInfoCommand(command: Command, done: Done): void {
  command.description(
    "Shows the GPU adapter and its limits, with --model the layers of a network, and with --batch a prediction of the GPU memory that its training takes. Without --model, lists the networks.",
  );
  addSettings(command, { "model.name": { help: "network to summarise" } }, "Options");
  command
    .option("--channels <n>", optionText("channels of the images", undefined, 1), whole(1))
    .option("--size <n>", optionText("height and width of the images", undefined, 28), whole(1))
    .option("--classes <n>", optionText("number of classes", undefined, 10), whole(1))
    .option("--batch <n>", "predict the GPU memory of training with this batch size", whole(1))
    .option("--dense", "predict for training without pruning")
    .option("--no-gpu", "do not open the adapter");
  addSettings(
    command,
    {
      "model.timeSteps": { otherwise: 4 },
      "model.shortcut": {},
      microBatch: {},
      optimizer: {},
      precision: {},
      "model.checkpointBlocks": {},
    },
    "Options",
  );
  gpuOptions(command)
    .addHelpText("after", "\nExample\n  $ espalier info --model resnet-20 --channels 3 --size 32 --batch 128")
    .action((flags: InfoFlags) => finish(done, runInfo, flags));
}
