// `espalier train --dry-run`: what a run will be, before it is begun. Nothing is written; a few steps are timed.
import Table from "cli-table3";
import {
  currentGpu,
  impliedLambda,
  type LayerSummary,
  type MemoryPlan,
  RandomState,
  type Session,
  summarize,
} from "../index.ts";
import { adapterName } from "./adapter.ts";
import type { Splits } from "./datasets.ts";
import type { Output } from "./json_log.ts";
import { mib } from "./memory_lines.ts";
import type { Recipe } from "./recipe.ts";
import { buildSession, modelFor } from "./session.ts";
import { ASCII_BOX } from "./table.ts";
import { terminalStyle } from "./terminal.ts";

/** Steps that are timed, after one that compiles the kernels; and how long that may take, in ms. */
const TIMED_STEPS = 5;
const PATIENCE_MS = 60_000;
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
export function milestonesOf(session: Session, recipe: Pick<Recipe, "momentum">): Milestone[] {
  const { totalSteps, stepsPerEpoch, method, lr } = session;
  const steps = [...new Set(SHARES.map((share) => Math.min(totalSteps - 1, Math.round(share * totalSteps))))];
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

const number = (value: number, digits = 4): string =>
  value === 0 ? "0" : Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(digits)));
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${number(seconds / 3600, 3)} h`;
}

function milestoneTable(milestones: readonly Milestone[]): string {
  const style = terminalStyle(process.stdout);
  const table = new Table({
    head: ["step", "epoch", "learning rate", "threshold", "lambda"],
    colAligns: ["right", "right", "right", "right", "right"],
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  for (const { step, epoch, lr, threshold, lambda } of milestones) {
    const or = (value: number | null, otherwise: string) => (value === null ? otherwise : number(value));
    table.push([whole(step), epoch.toFixed(1), number(lr), or(threshold, "found on the way"), or(lambda, "-")]);
  }
  return table.toString();
}

/** Prints the plan of a run and times a few of its steps. Returns the exit code. */
export async function dryRun(recipe: Recipe, data: Splits, plan: MemoryPlan, out: Output): Promise<number> {
  const { train, test } = data;
  const random = new RandomState(recipe.seed);
  const parts = { model: recipe.model, data: recipe.data.name, random };
  const summary = summarize(modelFor(parts, train.shape, train.classes.length), train.shape);
  const session = buildSession(recipe, data, random);
  try {
    const milestones = milestonesOf(session, recipe);
    const prunable = session.optimizer.groups
      .filter((group) => group.options.mode !== "none")
      .flatMap(({ chunks }) => chunks.flatMap(({ params }) => params))
      .reduce((n, p) => n + p.numel, 0);
    const { seconds, steps } = await timeSteps(session);
    const perStep = recipe.batchSize;
    // Forward is about a third of forward, both gradients and the update.
    const testing = (session.epochs * (test.length / perStep) * seconds) / 3;
    const total = session.totalSteps * seconds + testing;
    const facts: [string, string][] = [
      [
        "model",
        `${recipe.model.name}, ${whole(summary.parameters)} parameters, ${whole(summary.macs)} multiply-adds a sample`,
      ],
      ["prunable", `${whole(prunable)} weights, ${number((100 * prunable) / summary.parameters, 4)} % of all`],
      [
        "data",
        `${train.name}: ${whole(train.length)} to train, ${whole(test.length)} to test, [${train.shape.join(", ")}]`,
      ],
      [
        "steps",
        `${whole(session.totalSteps)} of ${perStep} images: ${session.epochs} epochs of ${whole(session.stepsPerEpoch)}`,
      ],
      [
        "method",
        `${session.method.name}${recipe.prune.sparsity === undefined ? "" : `, steered to ${100 * recipe.prune.sparsity} % zeros`}`,
      ],
      ["memory", `${mib(plan.peak)} at its peak, predicted`],
      [
        "step",
        `${number(1000 * seconds, 3)} ms, mean of ${steps} on ${adapterName(currentGpu().adapter)}: ${number(perStep / seconds, 3)} images/s`,
      ],
      ["time", `about ${duration(total)}, testing after each epoch included`],
    ];
    for (const [name, text] of facts) out.say(`${name.padEnd(9)} ${text}`);
    out.say(milestoneTable(milestones));
    out.emit({
      kind: "plan",
      model: recipe.model.name,
      parameters: summary.parameters,
      prunable,
      macs: summary.macs,
      layers: summary.layers.map(({ name, parameters, macs, prunable: weights }: LayerSummary) => {
        return { name, parameters, macs, prunable: weights };
      }),
      trainImages: train.length,
      testImages: test.length,
      steps: session.totalSteps,
      stepsPerEpoch: session.stepsPerEpoch,
      epochs: session.epochs,
      method: session.method.name,
      predictedPeakBytes: plan.peak,
      secondsPerStep: seconds,
      estimatedSeconds: total,
      milestones,
    });
  } finally {
    session.dispose();
  }
  return 0;
}
