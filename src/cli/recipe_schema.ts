// The recipe of a training run: every setting, what it may be and what it is by default. One schema gives the types,
// the checks and the words of the error messages.
import { z } from "zod";
import { ENCODERS, NEURONS, PRUNING_METHODS, SURROGATES, type SurrogateName, THRESHOLD_SCHEDULES } from "../index.ts";
import { EVENT_DATA, isEventData, RECORDED_DATA } from "./event_data.ts";

/** Attaches what a field must be ("wanted", used in error messages) and what it is for ("description"). */
function field<T extends z.ZodType>(schema: T, wanted: string, description: string): T {
  return schema.meta({ wanted, description });
}

const atLeast0 = (description: string) => field(z.number().min(0), "a number >= 0", description);
const above0 = (description: string) => field(z.number().gt(0), "a number > 0", description);
const count = (description: string) => field(z.int().min(1), "a whole number >= 1", description);
const count0 = (description: string) => field(z.int().min(0), "a whole number >= 0", description);
const flag = (description: string) => field(z.boolean(), "true or false", description);
const text = (description: string) => field(z.string().min(1), "a text", description);
function oneOf<const T extends readonly [string, ...string[]]>(names: T, description: string) {
  return field(z.enum(names), `one of ${names.join(", ")}`, description);
}

const model = z.strictObject({
  name: text("which network, by its name in the model registry"),
  checkpointBlocks: flag("run each block again in backward instead of keeping its activations: less memory, more time"),
  timeSteps: count("steps of a spiking network; frames of event data. Without it 4, of events 8").optional(),
  neuron: oneOf(NEURONS, "spiking: if has no leak, lif leaks, plif learns its leak").optional(),
  tau: field(z.number().gt(1), "a number > 1", "spiking: time constant in steps; of plif, to begin with").optional(),
  surrogate: oneOf(
    SURROGATES as readonly [SurrogateName, ...SurrogateName[]],
    "spiking: what stands in for the derivative of the step",
  ).optional(),
  encoder: oneOf(ENCODERS, "spiking: how images become spikes; direct feeds them as currents").optional(),
});

const data = z.strictObject({
  name: oneOf(
    ["mnist", "fashion-mnist", "idx", ...EVENT_DATA],
    "which images or events; idx reads the four IDX files in dir, events makes moving shapes",
  ),
  dir: text("folder of the data files; needed for idx and for recorded events").optional(),
  by: oneOf(["number", "time"], "event data: frames of equal numbers of events or of equal time").optional(),
  size: count("event data: height and width to bin frames to").optional(),
  limit: count(
    "train on only so many samples of each class; event data is tested on as few, images on the whole test set",
  ).optional(),
});

const lr = z.strictObject({
  schedule: oneOf(["constant", "cosine", "multistep", "step"], "how the learning rate falls"),
  base: above0("learning rate at the end of the warm-up"),
  warmupEpochs: atLeast0("epochs of linear rise to base"),
  min: atLeast0("cosine: where it ends"),
  milestones: field(
    z.array(z.number().gt(0)),
    "a list of epochs > 0",
    "multistep: epochs at which the rate drops",
  ).optional(),
  every: above0("step: epochs between two drops").optional(),
  gamma: field(z.number().gt(0).max(1), "a number in (0, 1]", "multistep and step: factor of one drop"),
  per: oneOf(["epoch", "step"], "whether the rate moves once an epoch or at every step"),
});

const str = z.strictObject({
  start: field(z.number(), "a number", "first s of every layer; its threshold is sigmoid(s)").optional(),
  decay: atLeast0("weight decay of s, which raises the threshold; without it, that of the weights").optional(),
});

const ltp = z.strictObject({
  l0: atLeast0("loss per weight that is left, times the number of weights; more prunes more").optional(),
  temperature: above0("width of the soft gate, in units of Var |w|").optional(),
  lr: atLeast0("learning rate of the thresholds, in units of Var |w|").optional(),
  clip: above0("largest change of a threshold in a step, in units of Var |w|").optional(),
});

const prune = z.strictObject({
  method: oneOf(PRUNING_METHODS, "what decides which weights go; docs/pruning.md explains each"),
  schedule: oneOf(THRESHOLD_SCHEDULES, "soft: how the threshold rises from 0; none trains a dense network"),
  threshold: atLeast0("final threshold D, in units of the weights; more prunes more").optional(),
  lambda: atLeast0("L1 coefficient instead of D: D = lambda times the sum of all learning rates").optional(),
  sparsity: field(
    z.number().gt(0).lt(1),
    "a number between 0 and 1",
    "share of zeros to end at, instead of D; what gmp, one-shot, snip and random want",
  ).optional(),
  mode: oneOf(["latent", "inplace"], "latent: pruned weights keep a memory and may regrow; inplace: proximal SGD"),
  accelerated: flag("mode inplace: go on past each proximal step (FISTA), by at most the momentum"),
  startEpoch: atLeast0("dense epochs before pruning begins"),
  beta: above0("pgh: pressure at the end over pressure at the start").optional(),
  window: above0(
    "epochs in which the threshold rises, or gmp cuts; without it, until freezeEpoch or the end",
  ).optional(),
  freezeEpoch: above0("epoch from which zeros stay zero and the rest is trained on; ltp: after two thirds").optional(),
  dense: field(
    z.array(z.string().min(1)),
    "a list of layers",
    "layers to leave alone: first, last, names, or /regular expressions/ for names",
  ),
  every: count("gmp: steps between two cuts").optional(),
  str: field(str, "a map", "str: how the thresholds are learned").optional(),
  ltp: field(ltp, "a map", "ltp: how the thresholds are learned, and what a weight costs").optional(),
  snipBatches: count("snip: batches whose gradients count").optional(),
  initEpochs: above0("at-init: epochs that find the mask").optional(),
});

const augment = z.strictObject({
  crop: count0("random crop after this many pixels of padding; 0 = off"),
  flip: flag("random left-right flip"),
});

const checkpoint = z.strictObject({
  every: count0("save after this many epochs or steps; 0 = only at the end"),
  per: oneOf(["epoch", "step"], "what every counts"),
  keep: count("how many checkpoints to keep"),
});

const device = z.strictObject({
  requireGpu: flag("refuse a software adapter"),
});

/** The schema of a complete recipe. Unknown keys are refused at every level. */
export const recipeSchema = z
  .strictObject({
    model,
    data,
    epochs: count("passes over the training images"),
    finetuneEpochs: count0("passes after those, with the zeros kept, at a hundredth of the learning rate"),
    weights: text("model file to begin with, instead of random weights; safetensors, or PyTorch's .pt").optional(),
    newHead: flag("the last layer begins anew where that file has another number of classes").optional(),
    batchSize: count("images per optimiser step"),
    lr,
    momentum: field(z.number().min(0).lt(1), "a number in [0, 1)", "momentum of SGD"),
    nesterov: flag("Nesterov's form of the momentum"),
    weightDecay: atLeast0("L2 decay; on latent weights it also prunes, by weightDecay times the threshold"),
    labelSmoothing: field(z.number().min(0).lt(1), "a number in [0, 1)", "share of the target spread over all classes"),
    prune,
    augment,
    seed: field(z.int().min(0).max(0xffffffff), "a whole number in [0, 4294967295]", "of all random numbers"),
    checkpoint,
    trail: oneOf(["off", "all", "pareto"], "keep a sparse model of each epoch, or of those that no other beats"),
    logEvery: count("steps between two rows of metrics"),
    out: text("folder that receives metrics, plots and checkpoints"),
    device,
  })
  .superRefine(crossCheck);

/** A complete, valid recipe. Of `prune.threshold`, `lambda` and `sparsity`, the one that the method wants is present. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Any part of a recipe, at any depth: what a file or the flags of a command line give. */
export type RecipeFlags = DeepPartial<Recipe>;
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

/** LeNet with batch norm on MNIST in three epochs: what an empty recipe means. */
export const DEFAULT_RECIPE: Recipe = {
  model: { name: "lenet-bn", checkpointBlocks: false },
  data: { name: "mnist" },
  epochs: 3,
  finetuneEpochs: 0,
  batchSize: 256,
  lr: { schedule: "cosine", base: 0.1, warmupEpochs: 0, min: 0, gamma: 0.1, per: "step" },
  momentum: 0.9,
  nesterov: false,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  prune: {
    method: "soft",
    schedule: "lats",
    threshold: 0.1,
    mode: "latent",
    accelerated: false,
    startEpoch: 0,
    dense: [],
  },
  augment: { crop: 1, flip: false },
  seed: 0,
  checkpoint: { every: 1, per: "epoch", keep: 2 },
  trail: "off",
  logEvery: 10,
  out: "runs/mnist_lenet",
  device: { requireGpu: false },
};

/**
 * What data other than MNIST changes in the defaults. Digits gain 0.25 points from a shift by a pixel, and decay keeps the
 * sparsity that the shift costs; Fashion-MNIST, whose images fill their frame, lost a point by it in three epochs.
 */
export const OTHER_DATA: RecipeFlags = { weightDecay: 0, augment: { crop: 0 } };

/** What event data changes: few samples, each of several frames, for a network that knows time. */
export const EVENT_DEFAULTS: RecipeFlags = {
  ...OTHER_DATA,
  model: { name: "spiking-cnn" },
  epochs: 5,
  batchSize: 64,
  prune: { threshold: 0.05 },
};

/** Defaults for a data set. */
export function defaultsFor(data: unknown): RecipeFlags {
  if (data === DEFAULT_RECIPE.data.name) return {};
  return typeof data === "string" && isEventData(data) ? EVENT_DEFAULTS : OTHER_DATA;
}

/** Folder for results where nobody chose one: named after data and model. */
export function defaultFolder(data: unknown, model: unknown): string {
  const same = data === DEFAULT_RECIPE.data.name && model === DEFAULT_RECIPE.model.name;
  return same ? DEFAULT_RECIPE.out : `runs/${String(data)}_${String(model)}`.replaceAll("-", "_");
}

/** What fields must be to each other; runs once each is right by itself. */
function crossCheck(
  r: {
    readonly data: z.infer<typeof data>;
    readonly weights?: string | undefined;
    readonly newHead?: boolean | undefined;
    readonly epochs: number;
    readonly lr: z.infer<typeof lr>;
    readonly momentum: number;
    readonly nesterov: boolean;
    readonly prune: z.infer<typeof prune>;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (path: string, wanted: string) =>
    context.addIssue({ code: "custom", path: path.split("."), message: wanted });

  if (["idx", ...RECORDED_DATA].includes(r.data.name) && r.data.dir === undefined)
    refuse("data.dir", `a folder, since data.name is ${r.data.name}`);
  if (r.newHead && r.weights === undefined) refuse("weights", "a model file, since newHead is true");
  if (r.nesterov && r.momentum === 0) refuse("momentum", "a number > 0, since nesterov is true");

  const { warmupEpochs, min, base, schedule, milestones = [], every, per } = r.lr;
  if (warmupEpochs > r.epochs) refuse("lr.warmupEpochs", `at most epochs = ${r.epochs}`);
  if (per === "epoch" && !Number.isInteger(warmupEpochs)) {
    refuse("lr.warmupEpochs", "a whole number, since lr.per is epoch");
  }
  if (min > base) refuse("lr.min", `at most lr.base = ${base}`);
  if (schedule === "multistep") {
    const rising = milestones.every((m, i) => i === 0 || m > (milestones[i - 1] as number));
    if (milestones.length === 0 || !rising) refuse("lr.milestones", "rising epochs, since lr.schedule is multistep");
  }
  if (schedule === "step" && every === undefined) refuse("lr.every", "a number of epochs, since lr.schedule is step");
  if (schedule === "step" && per === "epoch" && every !== undefined && !Number.isInteger(every)) {
    refuse("lr.every", "a whole number, since lr.per is epoch");
  }
  crossCheckPrune(r.prune, r.epochs, refuse);
}

function crossCheckPrune(
  p: z.infer<typeof prune>,
  epochs: number,
  refuse: (path: string, wanted: string) => void,
): void {
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
        refuse(`prune.${key}`, "a whole number, since prune.schedule is lats-epoch");
      }
    }
  }
}

/** What a method aims at, and what it is told by. */
function crossCheckAim(p: z.infer<typeof prune>, refuse: (path: string, wanted: string) => void): void {
  const aims = (["threshold", "lambda", "sparsity"] as const).filter((key) => p[key] !== undefined);
  const soft = p.method === "soft" || p.method === "at-init";
  if (soft && p.schedule !== "none") {
    if (aims.length > 1) refuse(`prune.${aims[1]}`, `either ${aims.join(" or ")}, not both`);
    if (aims.length === 0) refuse("prune.threshold", "a threshold, a lambda or a sparsity");
    if (p.sparsity !== undefined && p.mode !== "latent") refuse("prune.mode", "latent, since prune.sparsity is given");
  }
  if (soft) return;
  const byNumber = ["gmp", "one-shot", "snip", "random"].includes(p.method);
  if (byNumber && p.sparsity === undefined) {
    refuse("prune.sparsity", `a number between 0 and 1, since prune.method is ${p.method}`);
  }
  for (const key of aims) {
    if (byNumber && key === "sparsity") continue;
    const tells = { str: "prune.str", ltp: "prune.ltp", masked: "the weights that it is given" }[p.method as string];
    refuse(`prune.${key}`, `nothing: prune.method ${p.method} is told by ${tells ?? "prune.sparsity"}`);
  }
}

/** The field schema at a path, optional wrappers removed; undefined where the schema has nothing. */
export function fieldAt(path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: z.ZodType = recipeSchema;
  for (const key of path) {
    if (!(schema instanceof z.ZodObject) || typeof key !== "string" || !Object.hasOwn(schema.shape, key))
      return undefined;
    const next: unknown = schema.shape[key];
    schema = (next instanceof z.ZodOptional ? next.unwrap() : next) as z.ZodType;
  }
  return schema;
}

/** Keys that may stand at a path; empty when no map may stand there. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const schema = fieldAt(path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** What the value at a path must be, in words. */
export function wantedAt(path: readonly PropertyKey[]): string | undefined {
  const keys = keysAt(path);
  return keys.length > 0
    ? `a map with keys of ${keys.join(", ")}`
    : (fieldAt(path)?.meta()?.["wanted"] as string | undefined);
}

/** What the field at a path is for. */
export function descriptionAt(path: readonly PropertyKey[]): string | undefined {
  return fieldAt(path)?.meta()?.description;
}
