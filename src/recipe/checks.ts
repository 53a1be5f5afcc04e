// What the settings of a recipe must be to each other.
import type { z } from "zod";
import { resizeFor } from "../node.ts";
import { isEventData, RECORDED_DATA } from "./data_names.ts";
import type { Recipe } from "./settings.ts";

/** What fields must be to each other; runs once each is right by itself. */
export function crossCheck(r: Recipe, context: z.RefinementCtx): void {
  const refuse = (path: string, wanted: string) =>
    context.addIssue({ code: "custom", path: path.split("."), message: wanted });

  if (["idx", ...RECORDED_DATA].includes(r.data.name) && r.data.dir === undefined)
    refuse("data.dir", `a folder, since data.name is ${r.data.name}`);
  crossCheckData(r, refuse);
  if (r.microBatch !== undefined && r.batchSize % r.microBatch !== 0) {
    refuse("microBatch", `a number that divides batchSize = ${r.batchSize}`);
  }
  for (const key of ["weightsKey", "allowMissing", "allowUnexpected"] as const) {
    if (r[key] !== undefined && r.weights === undefined) refuse("weights", `a model file, since ${key} is given`);
  }
  if (r.newHead && r.weights === undefined) refuse("weights", "a model file, since newHead is true");
  if (r.nesterov && r.prune.accelerated) {
    refuse("nesterov", "false, since prune.accelerated is true: it extrapolates by itself");
  }
  if (r.nesterov && r.momentum === 0) refuse("momentum", "a number > 0, since nesterov is true");

  const { warmupEpochs, min, base, schedule, milestones = [], every, per } = r.lr;
  if (warmupEpochs > r.epochs) refuse("lr.warmupEpochs", `at most epochs = ${r.epochs}`);
  if (per === "epoch" && !Number.isInteger(warmupEpochs)) {
    refuse("lr.warmupEpochs", "an integer, since lr.per is epoch");
  }
  if (min > base) refuse("lr.min", `at most lr.base = ${base}`);
  if (schedule === "multistep") {
    const rising = milestones.every((m, i) => i === 0 || m > milestones[i - 1]!);
    if (milestones.length === 0 || !rising) refuse("lr.milestones", "rising epochs, since lr.schedule is multistep");
  }
  if (schedule === "step" && every === undefined) refuse("lr.every", "a number of epochs, since lr.schedule is step");
  if (schedule === "step" && per === "epoch" && every !== undefined && !Number.isInteger(every)) {
    refuse("lr.every", "an integer, since lr.per is epoch");
  }
  crossCheckPrune(r.prune, r.epochs, refuse);
}

/** Settings of data and augmentation that contradict each other. */
function crossCheckData({ data, augment, model }: Recipe, refuse: (path: string, wanted: string) => void): void {
  if (isEventData(data.name) && model.encoder !== undefined && model.encoder !== "direct") {
    refuse("model.encoder", `direct, since data.name is ${data.name}, which is spikes already`);
  }
  if (data.name !== "images") return;
  const { size = 224, resize = resizeFor(size) } = data;
  if (resize < size) refuse("data.resize", `at least data.size = ${size}`);
  const { crop, scale } = augment;
  if (crop > 0) refuse("augment.crop", "0, since data.name is images, whose random crops augment.scale describes");
  if (scale && scale[0] > scale[1]) refuse("augment.scale", "the smaller share first");
}

function crossCheckPrune(p: Recipe["prune"], epochs: number, refuse: (path: string, wanted: string) => void): void {
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

/** What a method aims at, and what it is told by. */
function crossCheckAim(p: Recipe["prune"], refuse: (path: string, wanted: string) => void): void {
  const aims = (["threshold", "lambda", "sparsity"] as const).filter((key) => p[key] !== undefined);
  const soft = p.method === "soft" || p.method === "at-init";
  if (soft && p.schedule !== "none") {
    if (aims.length > 1) refuse(`prune.${aims[1]}`, `either ${aims.join(" or ")}, not both`);
    if (aims.length === 0) refuse("prune.threshold", "a threshold, a lambda or a sparsity");
    if (p.sparsity !== undefined && p.mode !== "latent") refuse("prune.mode", "latent, since prune.sparsity is given");
    if (p.sparsity !== undefined && p.schedule === "constant") {
      refuse("prune.schedule", "one that rises from 0, since prune.sparsity is given");
    }
  }
  if (p.method === "at-init") {
    if (p.schedule === "none" || p.schedule === "constant") {
      refuse("prune.schedule", "one that rises from 0, since prune.method is at-init");
    }
    if (p.mode !== "latent") refuse("prune.mode", "latent, since prune.method is at-init");
  }
  if (soft) return;
  const byNumber = ["gmp", "one-shot", "snip", "random"].includes(p.method);
  if (byNumber && p.sparsity === undefined) {
    refuse("prune.sparsity", `a number in (0, 1), since prune.method is ${p.method}`);
  }
}
