// The rules between settings of a recipe.
import type { z } from "zod";
import { resizeFor } from "../images/index.ts";
import { IMAGE_SIZE } from "../images/layouts.ts";
import { METRICS, trainingsProblem } from "../internal.ts";
import { isEventData, RECORDED_DATA } from "./data_names.ts";
import type { Recipe } from "./settings.ts";

/** Reports a broken rule: the setting, and the values that it should have. */
type Refuse = (path: string, expected: string) => void;

/** Check the rules between settings, once each is valid alone. */
export function crossCheck(r: Recipe, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, expected) =>
    context.addIssue({ code: "custom", path: path.split("."), message: expected });
  crossCheckData(r, refuse);
  if (r.microBatch !== undefined && r.batchSize % r.microBatch !== 0) {
    refuse("microBatch", `a number that divides batchSize = ${r.batchSize}`);
  }
  crossCheckLoss(r, refuse);
  crossCheckWeights(r, refuse);
  if (r.nesterov && r.prune.accelerated) {
    refuse("nesterov", "false, since prune.accelerated is true: it extrapolates too");
  }
  crossCheckOptimizer(r, refuse);
  if (r.nesterov && r.momentum === 0 && (r.optimizer ?? "sgd") === "sgd")
    refuse("momentum", "a number > 0, since nesterov is true");
  crossCheckRate(r.lr, r.epochs, refuse);
  crossCheckPrune(r.prune, r.epochs, refuse);
  crossCheckGroup(r, refuse);
  crossCheckShares(r.prune, refuse);
  const problem = r.prune.method === "imp" ? trainingsProblem(r.prune, r.epochs) : null;
  if (problem) refuse("epochs", `${problem}, since prune.method is imp`);
}

function crossCheckWeights(r: Recipe, refuse: Refuse): void {
  if (r.weights !== undefined) return;
  for (const key of ["weightsKey", "allowMissing", "allowUnexpected"] as const) {
    if (r[key] !== undefined) refuse("weights", `a model file, since ${key} is given`);
  }
  if (r.newHead) refuse("weights", "a model file, since newHead is true");
}

function crossCheckOptimizer({ optimizer = "sgd", prune }: Recipe, refuse: Refuse): void {
  if (optimizer === "sgd") return;
  if (prune.method === "str" || prune.method === "ltp")
    refuse("optimizer", `sgd, since prune.method is ${prune.method}, whose thresholds move with the steps of SGD`);
  if (prune.accelerated)
    refuse("optimizer", "sgd, since prune.accelerated is true, which extrapolates the steps of SGD");
}

function crossCheckRate(lr: Recipe["lr"], epochs: number, refuse: Refuse): void {
  const { warmupEpochs, min, base, schedule, milestones = [], every, per } = lr;
  if (warmupEpochs > epochs) refuse("lr.warmupEpochs", `at most epochs = ${epochs}`);
  if (per === "epoch" && !Number.isInteger(warmupEpochs)) {
    refuse("lr.warmupEpochs", "an integer, since lr.per is epoch");
  }
  if (min > base) refuse("lr.min", `at most lr.base = ${base}`);
  if (schedule === "multistep") {
    const rising = milestones.every((m, i) => i === 0 || m > milestones[i - 1]!);
    if (milestones.length === 0 || !rising) refuse("lr.milestones", "rising epochs, since lr.schedule is multistep");
  }
  if (schedule !== "step") return;
  if (every === undefined) refuse("lr.every", "a number of epochs, since lr.schedule is step");
  else if (per === "epoch" && !Number.isInteger(every)) refuse("lr.every", "an integer, since lr.per is epoch");
}

function crossCheckData({ data, augment, model }: Recipe, refuse: Refuse): void {
  if (data.name === "table") crossCheckTable({ data, augment, model }, refuse);
  if (["idx", "table", ...RECORDED_DATA].includes(data.name) && data.dir === undefined)
    refuse("data.dir", `a folder, since data.name is ${data.name}`);
  if (isEventData(data.name) && model.encoder !== undefined && model.encoder !== "direct") {
    refuse("model.encoder", `direct, since data.name is ${data.name}, which is spikes already`);
  }
  if (data.name !== "images") return;
  const { size = IMAGE_SIZE, resize = resizeFor(size) } = data;
  if (resize < size) refuse("data.resize", `at least data.size = ${size}`);
  const { crop, scale, jitter } = augment;
  if (crop > 0 && scale) refuse("augment.crop", "0, since augment.scale describes random crops of another kind");
  if (crop > 0 && jitter && Object.values(jitter).some((strength) => strength !== undefined))
    refuse("augment.crop", "0, since augment.jitter is given, which is for the crops of augment.scale");
  if (scale && scale[0] > scale[1]) refuse("augment.scale", "the smaller share first");
}

function crossCheckTable({ augment, data }: Pick<Recipe, "data" | "augment" | "model">, refuse: Refuse): void {
  if (augment.crop > 0) refuse("augment.crop", "0, since data.name is table");
  if (augment.flip) refuse("augment.flip", "false, since data.name is table");
  const both = (data.inputs ?? []).find((name) => data.targets?.includes(name));
  if (both !== undefined) refuse("data.inputs", `columns that are no targets, since data.targets has ${both}`);
}

/** Check loss and metrics by themselves; whether the targets have them is known once the data are read. */
function crossCheckLoss({ loss, metrics = [], labelSmoothing }: Recipe, refuse: Refuse): void {
  if (labelSmoothing > 0 && loss !== undefined && loss !== "cross-entropy")
    refuse("labelSmoothing", `0, since loss is ${loss}`);
  const known: readonly string[] = METRICS;
  if (metrics.some((name) => !known.includes(name)) || new Set(metrics).size < metrics.length)
    refuse("metrics", `different names of ${known.join(", ")}`);
}

/** Check the settings of groups of weights. */
function crossCheckGroup({ prune: p, optimizer = "sgd" }: Recipe, refuse: Refuse): void {
  if (p.group === undefined) {
    for (const key of ["groupShare", "groupSparsity"] as const)
      if (p[key] !== undefined) refuse("prune.group", `a name, since prune.${key} is given`);
    return;
  }
  if (p.method !== "soft" && p.method !== "at-init") return;
  const since = `since prune.group is ${p.group}`;
  if (optimizer !== "sgd" && p.mode === "inplace") refuse("prune.mode", `latent, ${since} and optimizer ${optimizer}`);
  if (p.accelerated) refuse("prune.accelerated", `false, ${since}`);
  if (p.schedule === "constant") refuse("prune.schedule", `one that rises from 0, ${since}`);
  if (p.mode === "inplace" && p.decayTarget === "latent")
    refuse("prune.decayTarget", `effective in mode inplace, ${since}`);
}

function crossCheckPrune(p: Recipe["prune"], epochs: number, refuse: Refuse): void {
  crossCheckAim(p, refuse);
  if (p.accelerated && p.mode !== "inplace") refuse("prune.mode", "inplace, since prune.accelerated is true");
  if (p.freezeEpoch !== undefined && (p.freezeEpoch > epochs || p.freezeEpoch <= p.startEpoch)) {
    refuse("prune.freezeEpoch", `after prune.startEpoch and at most epochs = ${epochs}`);
  }
  if ((p.schedule === "pgh" || p.schedule === "pgh-general") && p.beta === undefined) {
    refuse("prune.beta", `a number > 0, since prune.schedule is ${p.schedule}`);
  }
  if (p.startEpoch >= epochs) refuse("prune.startEpoch", `less than epochs = ${epochs}`);
  else if (p.window !== undefined && p.startEpoch + p.window > epochs) {
    refuse("prune.window", `at most ${epochs - p.startEpoch}, the epochs left after prune.startEpoch`);
  }
  if (p.schedule === "lats-epoch") {
    for (const key of ["startEpoch", "window"] as const) {
      const value = p[key];
      if (value !== undefined && !Number.isInteger(value)) {
        refuse(`prune.${key}`, "an integer, since prune.schedule is lats-epoch");
      }
    }
  }
}

/** Check the aim of a method: threshold, lambda or sparsity. */
function crossCheckAim(p: Recipe["prune"], refuse: Refuse): void {
  const soft = p.method === "soft" || p.method === "at-init";
  if (soft && p.schedule !== "none") crossCheckSoftAim(p, refuse);
  if (p.method === "at-init") {
    if (p.schedule === "none" || p.schedule === "constant") {
      refuse("prune.schedule", "one that rises from 0, since prune.method is at-init");
    }
    if (p.mode !== "latent") refuse("prune.mode", "latent, since prune.method is at-init");
  }
  const byNumber = ["gmp", "one-shot", "imp", "snip", "grasp", "synflow", "random"].includes(p.method);
  if (byNumber && p.sparsity === undefined && p.shares === undefined) {
    refuse("prune.sparsity", `a number in (0, 1), since prune.method is ${p.method}`);
  }
  if (p.method !== "grad-r") return;
  if (!(p.threshold !== undefined && p.threshold > 0)) {
    refuse("prune.threshold", "a number > 0, since prune.method is grad-r");
  }
  if (p.shrink === undefined) refuse("prune.shrink", "a number >= 0, since prune.method is grad-r");
}

/** Check what the shares of layers take the place of. */
function crossCheckShares(p: Recipe["prune"], refuse: Refuse): void {
  if (p.shares === undefined) return;
  for (const key of ["sparsity", "scope"] as const) {
    if (p[key] !== undefined) refuse(`prune.${key}`, "no value beside prune.shares");
  }
}

function crossCheckSoftAim(p: Recipe["prune"], refuse: Refuse): void {
  const aims = (["threshold", "lambda", "sparsity", "groupSparsity"] as const).filter((key) => p[key] !== undefined);
  if (aims.length > 1) refuse(`prune.${aims[1]}`, `either ${aims.join(" or ")}, not both`);
  if (aims.length === 0) refuse("prune.threshold", "a threshold, a lambda or a sparsity");
  const share = p.sparsity !== undefined ? "sparsity" : p.groupSparsity !== undefined ? "groupSparsity" : null;
  if (share === null) {
    if (p.steer !== undefined) refuse("prune.sparsity", `a share of zeros, since prune.steer is ${p.steer}`);
    return;
  }
  if (p.mode !== "latent") refuse("prune.mode", `latent, since prune.${share} is given`);
  if (p.schedule === "constant") refuse("prune.schedule", `one that rises from 0, since prune.${share} is given`);
}
