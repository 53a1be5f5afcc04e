// `espalier train --dry-run`: what a run will be, before it is begun. Nothing is written; a few steps are timed.

import {
  type AdapterReport,
  currentGpu,
  impliedLambda,
  type LayerSummary,
  MemoryError,
  type MemoryPlan,
  RandomState,
  type Session,
  summarize,
} from "../index.ts";
import { adapterName } from "../node/adapter.ts";
import type { Splits } from "../recipe/datasets.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { buildSession, modelFor } from "../recipe/session.ts";
import { isSpiking, timeStepsOf } from "../recipe/spiking.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { drawTable } from "../report/table.ts";
import type { Output } from "../terminal/output.ts";
import { terminalStyle } from "../terminal/terminal.ts";
import { count, duration, mib, percent, percentNumber, significant } from "../text/index.ts";
import { writeSheet } from "./inspect_sheet.ts";

/** Steps that are timed, after one that compiles the kernels; and how long that may take, in ms. */
const TIMED_STEPS = 5;
const PATIENCE_MS = 20_000;
/** Multiply-adds of a step that a software adapter is asked for: some seconds of it. */
const SOFTWARE_WORK = 1e10;
const SHARES = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1];

export interface Milestone {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  readonly lr: number;
  /** Null where the GPU finds it: learned, or steered to a share of zeros. */
  readonly threshold: number | null;
  /** λ of the step after it, with momentum taken into account; null where the threshold is no L1 penalty. */
  readonly lambda: number | null;
}

/** Learning rate, threshold and implied L1 coefficient along the run. */
export function milestonesOf(session: Session, recipe: Pick<Recipe, "momentum" | "lr" | "prune">): Milestone[] {
  const { totalSteps, stepsPerEpoch, method, lr } = session;
  const { startEpoch, freezeEpoch = 0 } = recipe.prune;
  const { warmupEpochs, milestones = [] } = recipe.lr;
  // Along the run, and where something begins, ends or drops.
  const epochs = [startEpoch, freezeEpoch, warmupEpochs, ...milestones].filter((epoch) => epoch > 0);
  const at = [...SHARES.map((share) => share * totalSteps), ...epochs.map((epoch) => epoch * stepsPerEpoch)];
  const steps = [...new Set(at.map((step) => Math.min(totalSteps - 1, Math.round(step))))].sort((a, b) => a - b);
  return steps.map((step) => {
    const threshold = method.thresholdAt(step);
    const rate = lr(step);
    const at = { step, epoch: step / stepsPerEpoch, lr: rate, threshold };
    if (threshold === null || !method.isL1) return { ...at, lambda: null };
    const momentum = method.l1Momentum ?? recipe.momentum;
    const { effective } = impliedLambda({ threshold, increment: method.increment(step), lr: rate, momentum });
    return { ...at, lambda: effective };
  });
}

/** Seconds of one training step: the mean of a few, after one that does not count. Moves the weights. */
export async function timeSteps(session: Session, budget = PATIENCE_MS): Promise<{ seconds: number; steps: number }> {
  let started = 0;
  let steps = 0;
  const begun = performance.now();
  const batches = session.batches(0, 0);
  for await (const batch of batches) {
    const inputs = { step: steps, lr: session.lr(steps), values: session.method.values(steps) };
    session.step.run(batch, inputs);
    await session.step.read(steps, steps + 1);
    batches.recycle(batch as never);
    if (steps === 0) started = performance.now();
    steps++;
    if (steps > TIMED_STEPS || (steps > 1 && performance.now() - begun > budget)) break;
  }
  if (steps > 1) return { seconds: (performance.now() - started) / 1000 / (steps - 1), steps: steps - 1 };
  return { seconds: (performance.now() - begun) / 1000, steps: 1 };
}

const MILESTONE_COLUMNS = ["step", "epoch", "learning rate", "threshold", "lambda"].map((head) => ({ head }));

function milestoneTable(milestones: readonly Milestone[]): string {
  const or = (value: number | null, otherwise: string) => (value === null ? otherwise : significant(value, 4));
  const rows = milestones.map(({ step, epoch, lr, threshold, lambda }) => [
    ...[count(step), epoch.toFixed(1), significant(lr, 4)],
    ...[or(threshold, "found on the way"), or(lambda, "-")],
  ]);
  return drawTable(MILESTONE_COLUMNS, rows, terminalStyle(process.stdout));
}

/** Images of a step that is timed: all of the recipe's, or fewer where a software adapter would take minutes. */
export function timedBatch(
  { batchSize, microBatch = batchSize }: Pick<Recipe, "batchSize" | "microBatch">,
  macs: number,
  software: boolean,
): number {
  const affordable = Math.floor(SOFTWARE_WORK / (3 * macs));
  if (!software || batchSize <= affordable) return batchSize;
  // Two at least: batch norm of one image is another network's.
  return Math.min(batchSize, Math.max(2, Math.min(microBatch, affordable)));
}

interface Timing {
  /** Of a whole step of the recipe. */
  readonly seconds: number;
  /** Steps that were timed, and their images. */
  readonly steps: number;
  readonly images: number;
}

/** The memory of a recipe on an adapter, or on a card of no particular make. Errors: MemoryError where it is too large. */
export type PlanFor = (recipe: Recipe, adapter?: AdapterReport) => MemoryPlan;

/** Times steps of the recipe, or of a smaller batch, whose time is then scaled up. Errors: MemoryError, before any step. */
async function timing(recipe: Recipe, data: Splits, macs: number, planFor: PlanFor): Promise<Timing> {
  const { adapter } = currentGpu();
  const images = timedBatch(recipe, macs, adapter.software);
  const { microBatch: _, ...whole } = recipe;
  const timed = images === recipe.batchSize ? recipe : { ...whole, batchSize: images };
  planFor(timed, adapter);
  const session = buildSession(timed, data, new RandomState(recipe.seed));
  try {
    const { seconds, steps } = await timeSteps(session);
    return { seconds: (seconds * recipe.batchSize) / images, steps, images };
  } finally {
    session.dispose();
  }
}

/** What the plan says without a step being run. */
function planned(recipe: Recipe, { train }: Splits) {
  const random = new RandomState(recipe.seed);
  const parts = { model: recipe.model, data: recipe.data.name, random };
  return summarize(modelFor(parts, train.shape, train.classes.length), train.shape);
}

/** The value, or the error that says that something is more than the adapter holds. */
async function orTooLarge<T>(make: () => T | Promise<T>): Promise<T | MemoryError> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof MemoryError) return error;
    throw error;
  }
}

/**
 * Prints the plan of a run and times a few of its steps. A run that this adapter cannot hold is planned for a card of no
 * particular make, and that is said. Returns the exit code.
 */
export async function dryRun(recipe: Recipe, data: Splits, planFor: PlanFor, out: Output): Promise<number> {
  const { adapter } = currentGpu();
  const fitting = await orTooLarge(() => planFor(recipe, adapter));
  const plan = fitting instanceof MemoryError ? planFor(recipe) : fitting;
  const { train, test, imagined = false } = data;
  const say = (name: string, text: string) => out.say(`${name.padEnd(9)} ${text}`);
  const summary = planned(recipe, data);
  const { parameters, macs } = summary;
  const session = buildSession(recipe, data, new RandomState(recipe.seed));
  const { totalSteps, stepsPerEpoch, epochs } = session;
  const method = session.method.name;
  const milestones = milestonesOf(session, recipe);
  const prunable = session.optimizer.groups
    .filter((group) => group.options.mode !== "none")
    .flatMap(({ chunks }) => chunks.flatMap(({ params }) => params))
    .reduce((n, p) => n + p.numel, 0);
  session.dispose();

  // A network's multiply-adds are those of one time step.
  const time = isSpiking(recipe.model.name) ? timeStepsOf(recipe.model, recipe.data.name) : 1;
  if (imagined) for (const note of data.notes) out.say(note);
  say(
    "model",
    `${recipe.model.name}, ${count(parameters)} parameters, ${count(macs)} multiply-adds a sample${time > 1 ? `, in each of ${time} time steps` : ""}`,
  );
  say("prunable", `${count(prunable)} weights, ${percent(prunable / parameters)} of all`);
  say(
    "data",
    `${train.name}: ${count(train.length)} to train, ${count(test.length)} to test, ${count(train.classes.length)} classes, [${train.shape.join(", ")}]${imagined ? "; not read" : ""}`,
  );
  for (const line of data.summary ? summaryLines(data.summary) : []) out.say(line);
  const found = data.summary ? { data: summaryRecord(data.summary), sheet: await writeSheet(data, out) } : {};
  const { batchSize, microBatch = batchSize, prune } = recipe;
  const parts = microBatch < batchSize ? ` in ${batchSize / microBatch} parts of ${microBatch}` : "";
  say("steps", `${count(totalSteps)} of ${batchSize} images${parts}: ${epochs} epochs of ${count(stepsPerEpoch)}`);
  say("method", `${method}${prune.sparsity === undefined ? "" : `, to ${percentNumber(prune.sparsity)} % zeros`}`);
  say("memory", `${mib(plan.peak)} at its peak, predicted`);
  if (fitting instanceof MemoryError) say("", `too large for this adapter: ${fitting.message}`);
  out.say(milestoneTable(milestones), "rendered");
  const about = {
    kind: "plan",
    model: recipe.model.name,
    parameters,
    prunable,
    macs,
    timeSteps: time,
    layers: summary.layers.map(({ name, parameters, macs, prunable: weights }: LayerSummary) => {
      return { name, parameters, macs, prunable: weights };
    }),
    dataRead: !imagined,
    ...found,
    trainImages: train.length,
    testImages: test.length,
    classes: train.classes.length,
    steps: totalSteps,
    stepsPerEpoch,
    epochs,
    batchSize,
    microBatch,
    method,
    predictedPeakBytes: plan.peak,
    fits: plan === fitting,
    milestones,
  };

  const timed = await orTooLarge(() => timing(recipe, data, macs * time, planFor));
  if (timed instanceof MemoryError) {
    say("step", "not timed: it is too large for this adapter");
    out.emit(about);
    return 0;
  }
  const { seconds, steps, images } = timed;
  // Forward is about a third of forward, both gradients and the update.
  const testing = (epochs * (test.length / batchSize) * seconds) / 3;
  const total = totalSteps * seconds + testing;
  const scaled =
    images < batchSize ? ` (measured with ${images} images, times ${significant(batchSize / images)})` : "";
  say(
    "step",
    `${seconds < 1 ? `${significant(1000 * seconds)} ms` : duration(seconds)}${scaled}, ${steps === 1 ? "one step" : `mean of ${steps}`} on ${adapterName(adapter)}: ${significant(batchSize / seconds)} images/s`,
  );
  say(
    "time",
    `about ${duration(total, 0)}, testing after each epoch included${imagined ? ", reading images not" : ""}`,
  );
  out.emit({
    ...about,
    secondsPerStep: seconds,
    timedSteps: steps,
    timedBatchSize: images,
    estimatedSeconds: total,
  });
  return 0;
}
