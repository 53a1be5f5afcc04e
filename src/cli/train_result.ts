// The end of a run of `espalier train`: measures, writes and prints its result.

import {
  currentGpu,
  type Evaluation,
  evaluationBatch,
  type FitResult,
  type Gpu,
  groupSparsityOf,
  isArrays,
  isStreamed,
  type PruningReport,
  pruningReport,
  type RandomState,
  valueOfScore,
} from "../internal.ts";
import { adapterName } from "../node/adapter.ts";
import { isSpiking } from "../recipe/spiking.ts";
import type { Splits } from "../recipe/splits.ts";
import { renderActivityTable } from "../report/activity_table.ts";
import { renderLayerTable } from "../report/layer_table.ts";
import type { RunResult } from "../run/card.ts";
import type { Output } from "../terminal/output.ts";
import { compact, defined, duration, metricText, mib, percent, plural, times } from "../text/index.ts";
import { type ActivityReport, activityOf } from "./activity.ts";
import { rawLine } from "./retest.ts";
import type { LoopParts } from "./train_loop.ts";

export interface EndParts extends Pick<LoopParts, "recipe" | "session" | "files" | "seconds"> {
  readonly data: Splits;
  readonly gpu: Gpu;
  readonly random: RandomState;
  readonly predictedPeakBytes: number;
  readonly out: Output;
}

/** Measure a finished run, write its files and print its result. */
export async function finishRun(parts: EndParts, trained: FitResult): Promise<void> {
  const { session, files, out } = parts;
  const raw = session.recalibrates ? await session.evaluate() : null;
  await session.recalibrated(async () => {
    const { final, activity } = await measure(parts, trained, raw);
    const lines = await files.finish(session, final, activity?.figure ?? null);
    say(out, final, activity);
    if (raw) out.say(rawLine(raw, parts.recipe.recalibrate));
    for (const line of lines) out.say(line);
    out.emit(final);
  });
}

type Final = Awaited<ReturnType<typeof measure>>["final"];

/** Measure with the statistics of batch norm as they are; `raw`: the test with those of training, if they were re-estimated. */
async function measure(parts: EndParts, { loss, position }: FitResult, raw: Evaluation | null) {
  const { session, data, recipe, gpu, random, seconds, predictedPeakBytes } = parts;
  const layers = await session.layers();
  const evaluation = await session.evaluate();
  // Before the measurement of activity, which takes memory too.
  const peakBytes = currentGpu().memory().peak;
  const activity =
    isSpiking(recipe.model.name) && !isArrays(data.test)
      ? await activityOf(session.model, data.test, recipe, random, evaluationBatch(recipe))
      : null;
  const beforeFinetune = parts.files.beforeFinetune(session.score);
  const changes = parts.files.changes();
  const report = pruningReport(session.model, data.train.shape, layers);
  const end = session.totalSteps;
  const final = {
    kind: "result",
    method: session.method.name,
    accuracy: evaluation.accuracy,
    metric: session.score.metric,
    score: valueOfScore(session.score, evaluation),
    ...(evaluation.metrics ? { metrics: evaluation.metrics } : {}),
    sparsity: layers.reduce((n, l) => n + l.zeros, 0) / layers.reduce((n, l) => n + l.weights, 0),
    ...defined({ groupSparsity: groupSparsityOf(layers) }),
    loss: evaluation.loss,
    ...(raw ? { rawAccuracy: raw.accuracy, rawLoss: raw.loss, recalibrated: recipe.recalibrate } : {}),
    ...(raw?.metrics ? { rawMetrics: raw.metrics } : {}),
    trainLoss: loss,
    seconds: seconds(),
    steps: position.step,
    parameters: session.model.parameters().reduce((n, p) => n + p.numel, 0),
    adapter: adapterName(gpu.adapter),
    software: gpu.adapter.software,
    peakBytes,
    predictedPeakBytes,
    seed: recipe.seed,
    out: recipe.out,
    threshold: session.method.thresholdAt(end) ?? (await session.method.readThreshold?.(end)),
    layers,
    report,
    ...(beforeFinetune ? { beforeFinetune } : {}),
    ...(activity ? { activity: activity.report } : {}),
    ...(changes.length > 0 ? { changes } : {}),
    ...(!isArrays(data.train) && isStreamed(data.train) ? { damagedImages: parts.files.damagedImages() } : {}),
  } satisfies RunResult & Record<string, unknown>;
  return { final, activity };
}

const scoreWords = (metric: string, value: number): string => `${metric} ${metricText(metric, value)}`;

function say(out: Output, final: Final, activity: ActivityReport | null): void {
  out.say("");
  out.say(renderLayerTable(final.layers), "rendered");
  for (const line of reportLines(final.report)) out.say(line);
  const { beforeFinetune: before } = final;
  if (before) {
    out.say(`before fine-tuning: test ${scoreWords(final.metric, before.score)}, sparsity ${percent(before.sparsity)}`);
  }
  if (activity) {
    out.say("");
    out.say(renderActivityTable(activity.report), "rendered");
    out.say("");
  }
  const others = Object.entries(final.metrics ?? {}).filter(([name]) => name !== final.metric);
  const measured = [[final.metric, final.score] as const, ...others].map(([name, v]) => scoreWords(name, v)).join(", ");
  out.say(
    `test ${measured}, sparsity ${percent(final.sparsity)}${final.groupSparsity === undefined ? "" : `, zero groups ${percent(final.groupSparsity)}`}, loss ${final.loss.toFixed(4)}; ` +
      `${duration(final.seconds)}, ${plural(final.steps, "step")}, peak GPU memory ${mib(final.peakBytes)} (predicted ${mib(final.predictedPeakBytes)})`,
  );
}

/** Describe the savings of pruning in two lines. */
function reportLines({ macs, sparseMacs, compression }: PruningReport): string[] {
  const { pruned, model } = compression;
  return [
    `weights ${compact(pruned.weights)} -> ${compact(pruned.nonzeros)} (${times(pruned.ratio)}), with biases and batch norm ${compact(model.parameters)} -> ${compact(model.kept)} (${times(model.ratio)}); stored as CSR ${times(model.csrRatio)}, with a bitmask ${times(model.bitmaskRatio)} smaller`,
    `multiply-adds per sample ${compact(macs)} -> ${compact(sparseMacs)} (${times(sparseMacs === 0 ? null : macs / sparseMacs)})`,
  ];
}
