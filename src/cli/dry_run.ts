// `espalier train --dry-run`: prints the plan of a run and times a few steps. Writes no run.

import {
  type AdapterReport,
  currentGpu,
  impliedLambda,
  isArrays,
  type LayerSummary,
  MemoryError,
  type MemoryPlan,
  RandomState,
  type Session,
  summarize,
} from "../internal.ts";
import { adapterName } from "../node/adapter.ts";
import { lossOf, outputsOf } from "../recipe/objective.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { buildSession, modelFor } from "../recipe/session.ts";
import { isSpiking, timeStepsOf } from "../recipe/spiking.ts";
import type { Splits } from "../recipe/splits.ts";
import { summaryLines, summaryRecord } from "../report/data_summary.ts";
import { drawTable } from "../report/table.ts";
import type { Output } from "../terminal/output.ts";
import { terminalStyle } from "../terminal/terminal.ts";
import { count, duration, mib, percent, percentNumber, plural, significant } from "../text/index.ts";
import { sheetOf } from "./inspect_sheet.ts";

/** Steps to time, after one that compiles the kernels, and the time limit in ms. */
const TIMED_STEPS = 5;
const PATIENCE_MS = 20_000;
/** Multiply-adds of a timed step on a software adapter: a few seconds. */
const SOFTWARE_WORK = 1e10;
const SHARES = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1];

interface Milestone {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  readonly lr: number;
  /** Null if the GPU finds it: learned, or steered to a share of zeros. */
  readonly threshold: number | null;
  /** λ of the next step, with momentum; null if the threshold is no L1 penalty. */
  readonly lambda: number | null;
}

/** Compute learning rate, threshold and implied L1 coefficient along the run. */
function milestonesOf(session: Session, recipe: Pick<Recipe, "lr" | "prune">): Milestone[] {
  const { totalSteps, stepsPerEpoch, method, lr } = session;
  const { startEpoch, freezeEpoch = 0 } = recipe.prune;
  const { warmupEpochs, milestones = [] } = recipe.lr;
  // Fixed shares of the run, and the epochs at which something begins, ends or drops.
  const epochs = [startEpoch, freezeEpoch, warmupEpochs, ...milestones].filter((epoch) => epoch > 0);
  const at = [...SHARES.map((share) => share * totalSteps), ...epochs.map((epoch) => epoch * stepsPerEpoch)];
  const steps = [...new Set(at.map((step) => Math.min(totalSteps - 1, Math.round(step))))].sort((a, b) => a - b);
  return steps.map((step) => {
    const threshold = method.thresholdAt(step);
    const rate = lr(step);
    const at = { step, epoch: step / stepsPerEpoch, lr: rate, threshold };
    if (threshold === null || !method.isL1) return { ...at, lambda: null };
    const momentum = method.l1Momentum ?? session.optimizer.groups[0]!.options.momentum;
    const { effective } = impliedLambda({ threshold, increment: method.increment(step), lr: rate, momentum });
    return { ...at, lambda: effective };
  });
}

/** Measure the seconds of a training step: the mean of a few, after a first one. Changes the weights. */
async function timeSteps(session: Session, budget = PATIENCE_MS): Promise<{ seconds: number; steps: number }> {
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
    ...[or(threshold, "found in training"), or(lambda, "-")],
  ]);
  return drawTable(MILESTONE_COLUMNS, rows, terminalStyle(process.stdout));
}

/** Return the batch size of a timed step: the recipe's, or fewer images if a software adapter would take minutes. */
export function timedBatch(
  { batchSize, microBatch = batchSize }: Pick<Recipe, "batchSize" | "microBatch">,
  macs: number,
  software: boolean,
): number {
  const affordable = Math.floor(SOFTWARE_WORK / (3 * macs));
  if (!software || batchSize <= affordable) return batchSize;
  // At least two: batch norm cannot train on one image.
  return Math.min(batchSize, Math.max(2, Math.min(microBatch, affordable)));
}

interface Timing {
  /** Time of a whole step of the recipe. */
  readonly seconds: number;
  /** Timed steps, and their batch size. */
  readonly steps: number;
  readonly images: number;
}

/** Predicts the memory of a recipe on an adapter, or on a generic card. Errors: MemoryError if it is too large. */
type PlanFor = (recipe: Recipe, adapter?: AdapterReport) => MemoryPlan;

/** Time steps of the recipe, or of a smaller batch and scale the time up. Errors: MemoryError, before any step. */
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

/** The plan of a run, found without running a step. */
interface Plan {
  readonly recipe: Recipe;
  readonly data: Splits;
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  readonly prunable: number;
  /** Multiply-adds of a sample in one time step. */
  readonly macs: number;
  readonly timeSteps: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  readonly method: string;
  readonly milestones: readonly Milestone[];
  readonly peak: number;
  /** Set if the run is too large for this adapter. The memory is then that of a generic card. */
  readonly tooLarge: MemoryError | null;
}

/** Return the value, or the error of something too large for the adapter. */
async function orTooLarge<T>(make: () => T | Promise<T>): Promise<T | MemoryError> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof MemoryError) return error;
    throw error;
  }
}

async function planOf(recipe: Recipe, data: Splits, planFor: PlanFor): Promise<Plan> {
  const fitting = await orTooLarge(() => planFor(recipe, currentGpu().adapter));
  const tooLarge = fitting instanceof MemoryError ? fitting : null;
  const { peak } = fitting instanceof MemoryError ? planFor(recipe) : fitting;
  const { train } = data;
  const parts = { model: recipe.model, data: recipe.data.name, random: new RandomState(recipe.seed) };
  const { layers, parameters, macs } = summarize(modelFor(parts, train.shape, outputsOf(train)), train.shape);
  const session = buildSession(recipe, data, new RandomState(recipe.seed));
  const { totalSteps: steps, stepsPerEpoch, epochs } = session;
  const prunable = session.optimizer.groups
    .filter((group) => group.options.mode !== "none")
    .flatMap(({ chunks }) => chunks.flatMap(({ params }) => params))
    .reduce((n, p) => n + p.numel, 0);
  const milestones = milestonesOf(session, recipe);
  const method = session.method.name;
  session.dispose();
  const timeSteps = isSpiking(recipe.model.name) ? timeStepsOf(recipe.model, recipe.data.name) : 1;
  return {
    ...{
      recipe,
      data,
      layers,
      parameters,
      prunable,
      macs,
      timeSteps,
      steps,
      stepsPerEpoch,
      epochs,
      method,
      milestones,
    },
    ...{ peak, tooLarge },
  };
}

const sayPart = (out: Output, name: string, text: string) => out.say(`${name.padEnd(9)} ${text}`);

const targetWords = (train: Splits["train"]): string =>
  train.classes.length > 0
    ? `${count(train.classes.length)} classes`
    : `targets of ${plural(outputsOf(train), "number")}`;

/** Print the plan. Returns what the data are, for the record. */
async function sayPlan(plan: Plan, out: Output): Promise<object> {
  const { recipe, data, parameters, prunable, macs, timeSteps, steps, stepsPerEpoch, epochs, method } = plan;
  const { train, test, imagined = false, summary } = data;
  const say = (name: string, text: string) => sayPart(out, name, text);
  if (imagined) for (const note of data.notes) out.say(note);
  const each = timeSteps > 1 ? `, in each of ${timeSteps} time steps` : "";
  say("model", `${recipe.model.name}, ${count(parameters)} parameters, ${count(macs)} multiply-adds a sample${each}`);
  say("prunable", `${count(prunable)} weights, ${percent(prunable / parameters)} of all`);
  const shape = `[${train.shape.join(", ")}]${imagined ? "; not read" : ""}`;
  say(
    "data",
    `${train.name}: ${count(train.length)} to train, ${count(test.length)} to test, ${targetWords(train)}, ${shape}`,
  );
  for (const line of summary ? summaryLines(summary) : []) out.say(line);
  const found = summary ? { data: summaryRecord(summary), ...(await sheetOf(data, out)) } : {};
  const { batchSize, microBatch = batchSize, prune } = recipe;
  const parts = microBatch < batchSize ? ` in ${batchSize / microBatch} parts of ${microBatch}` : "";
  say(
    "steps",
    `${count(steps)} of ${batchSize} ${isArrays(train) ? "samples" : "images"}${parts}: ${plural(epochs, "epoch")} of ${count(stepsPerEpoch)}`,
  );
  const aim = prune.sparsity ?? prune.groupSparsity;
  const what = prune.sparsity === undefined ? "zero groups" : "zeros";
  say("method", `${method}${aim === undefined ? "" : `, to ${percentNumber(aim)} % ${what}`}`);
  if (isArrays(train) || recipe.loss !== undefined) say("loss", lossOf(recipe, train));
  say("memory", `${mib(plan.peak)} peak, predicted`);
  if (plan.tooLarge) say("", `too large for this adapter: ${plan.tooLarge.message}`);
  out.say(milestoneTable(plan.milestones), "rendered");
  return found;
}

function planRecord({ recipe, data, layers, steps, peak, tooLarge, ...plan }: Plan, found: object) {
  const { model, batchSize, microBatch = batchSize } = recipe;
  const { parameters, prunable, macs, timeSteps, stepsPerEpoch, epochs, method, milestones } = plan;
  return {
    ...{ kind: "plan", model: model.name, parameters, prunable, macs, timeSteps },
    layers: layers.map(({ name, parameters, macs, prunable: weights }) => ({
      name,
      parameters,
      macs,
      prunable: weights,
    })),
    dataRead: !data.imagined,
    ...found,
    trainImages: data.train.length,
    testImages: data.test.length,
    classes: data.train.classes.length,
    ...{ steps, stepsPerEpoch, epochs, batchSize, microBatch, method },
    ...{ predictedPeakBytes: peak, fits: tooLarge === null, milestones },
  };
}

/** Print the times of a step and of the run. Returns the seconds of the run. */
function sayTimes(
  { recipe, data, steps: total, epochs }: Plan,
  { seconds, steps, images }: Timing,
  out: Output,
): number {
  const { batchSize } = recipe;
  // Forward is about a third of forward, both gradients and the update.
  const testing = (epochs * (data.test.length / batchSize) * seconds) / 3;
  const all = total * seconds + testing;
  const scaled =
    images < batchSize ? ` (measured with ${images} images, times ${significant(batchSize / images)})` : "";
  const step = seconds < 1 ? `${significant(1000 * seconds)} ms` : duration(seconds);
  const mean = steps === 1 ? "one step" : `mean of ${steps}`;
  const speed = `${significant(batchSize / seconds)} ${isArrays(data.train) ? "samples" : "images"}/s`;
  sayPart(out, "step", `${step}${scaled}, ${mean} on ${adapterName(currentGpu().adapter)}: ${speed}`);
  const without = data.imagined ? ", reading images not" : "";
  sayPart(out, "time", `about ${duration(all, 0)}, testing after each epoch included${without}`);
  return all;
}

/**
 * Print the plan of a run and time a few of its steps. A run that is too large for this adapter is planned for a generic
 * card. Returns the exit code.
 */
export async function dryRun(recipe: Recipe, data: Splits, planFor: PlanFor, out: Output): Promise<number> {
  const plan = await planOf(recipe, data, planFor);
  const record = planRecord(plan, await sayPlan(plan, out));
  const timed = await orTooLarge(() => timing(recipe, data, plan.macs * plan.timeSteps, planFor));
  if (timed instanceof MemoryError) {
    sayPart(out, "step", "not timed: too large for this adapter");
    out.emit(record);
    return 0;
  }
  const estimatedSeconds = sayTimes(plan, timed, out);
  const { seconds: secondsPerStep, steps: timedSteps, images: timedBatchSize } = timed;
  out.emit({ ...record, secondsPerStep, timedSteps, timedBatchSize, estimatedSeconds });
  return 0;
}
