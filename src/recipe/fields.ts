// The settings of a recipe one by one: what each may be, in a schema that gives the types, and in words for messages.
import { z } from "zod";
import { IMAGE_LAYOUTS } from "../images/layouts.ts";
import { ENCODERS, NEURONS, PRUNING_METHODS, SURROGATES, type SurrogateName, THRESHOLD_SCHEDULES } from "../index.ts";
import { IMAGE_DATA } from "./data_names.ts";
import { EVENT_DATA } from "./event_data.ts";

/** Attaches what a field must be ("wanted", used in error messages) and what it is for ("description"). */
function field<T extends z.ZodType>(schema: T, wanted: string, description: string): T {
  return schema.meta({ wanted, description });
}

/** Epochs that may be planned: steps then stay whole numbers that a float64 holds, whatever the data. */
const MOST_EPOCHS = 1e9;
/** Most of a count that has no natural end, such as images or steps. */
const MANY = 1e6;
const MOST_PIXELS = 16_384;

const atLeast0 = (description: string) => field(z.number().min(0), "a number >= 0", description);
const above0 = (description: string) => field(z.number().gt(0), "a number > 0", description);
/** `limit`: more than any run can have, so that a slip of the hand is told before it takes all memory. */
const count = (description: string, limit = MANY) =>
  z.int().min(1).max(limit).meta({ wanted: "a whole number >= 1", description, limit });
const count0 = (description: string, limit = MANY) =>
  z.int().min(0).max(limit).meta({ wanted: "a whole number >= 0", description, limit });
const flag = (description: string) => field(z.boolean(), "true or false", description);
const text = (description: string) => field(z.string().min(1), "a text", description);
const patterns = (description: string) =>
  field(z.array(z.string().min(1)).min(1), "a list of names, * for any letters", description);
function oneOf<const T extends readonly [string, ...string[]]>(names: T, description: string) {
  return field(z.enum(names), `one of ${names.join(", ")}`, description);
}

const model = z.strictObject({
  name: text("which network, by its name in the model registry"),
  checkpointBlocks: flag("run each block again in backward instead of keeping its activations: less memory, more time"),
  timeSteps: count("steps of a spiking network; frames of event data. Without it 4, of events 8", 10_000).optional(),
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
    [...IMAGE_DATA, ...EVENT_DATA],
    "which images or events; idx reads the four IDX files in dir, images any folder of pictures, events makes moving shapes",
  ),
  dir: text(
    "folder of the data files; not needed for mnist and events, nor for a dry run of the others that hold images",
  ).optional(),
  by: oneOf(["number", "time"], "event data: frames of equal numbers of events or of equal time").optional(),
  size: count(
    "images: side of the square that the network sees, default 224; events: that frames are binned to",
    MOST_PIXELS,
  ).optional(),
  limit: count(
    "train on only so many samples of each class; event data is tested on as few, images on the whole test set",
    MOST_EPOCHS,
  ).optional(),
  resize: count(
    "images, when testing: their shorter side before the central square is cut, default size * 256 / 224",
    MOST_PIXELS,
  ).optional(),
  skipBad: count0(
    "images: how many damaged ones are passed over before the run stops, default 0",
    MOST_EPOCHS,
  ).optional(),
  mapping: text("images: file that names the class of each, for a folder val without class folders").optional(),
  heldOut: field(
    z.number().gt(0).lt(1),
    "a number between 0 and 1",
    "images: share of each class to test with where the data has nothing to test with, default 0.1",
  ).optional(),
  layout: oneOf(IMAGE_LAYOUTS, "images: how they lie in dir, where the files do not tell it right").optional(),
  followLinks: flag(
    "images: follow symbolic links out of dir; without it those to files and folders that the user owns",
  ).optional(),
  workers: count("images decoded at a time, default two for each core; changes the speed only", 4096).optional(),
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
  every: count("gmp: steps between two cuts", MOST_EPOCHS).optional(),
  str: field(str, "a map", "str: how the thresholds are learned").optional(),
  ltp: field(ltp, "a map", "ltp: how the thresholds are learned, and what a weight costs").optional(),
  snipBatches: count("snip: batches whose gradients count").optional(),
  initEpochs: above0("at-init: epochs that find the mask").optional(),
});

const strength = (what: string) => atLeast0(`change of ${what} by a random factor in 1 - this .. 1 + this`).optional();
const jitter = z.strictObject({
  brightness: strength("brightness"),
  contrast: strength("contrast"),
  saturation: strength("saturation"),
  hue: field(
    z.number().min(0).max(0.5),
    "a number in [0, 0.5]",
    "change of hue by up to this share of the colour circle",
  ).optional(),
});

const augment = z.strictObject({
  crop: count0(
    "random crop after this many pixels of padding; 0 = off. Of data images always 0: see scale",
    MOST_PIXELS,
  ),
  flip: flag("random left-right flip"),
  scale: field(
    z.tuple([z.number().gt(0).max(1), z.number().gt(0).max(1)]),
    "two numbers in (0, 1], the smaller first",
    "images: share of the area that a random crop has, before it is resized; default [0.08, 1]",
  ).optional(),
  jitter: field(jitter, "a map", "images: random changes of colour").optional(),
});

const checkpoint = z.strictObject({
  every: count0("save after this many epochs or steps; 0 = only at the end", MOST_EPOCHS),
  per: oneOf(["epoch", "step"], "what every counts"),
  keep: count("how many checkpoints to keep"),
});

const device = z.strictObject({
  requireGpu: flag("refuse a software adapter"),
});

/** A complete recipe, each setting by itself. Unknown keys are refused at every level. */
export const recipeFields = z.strictObject({
  model,
  data,
  epochs: count("passes over the training images", MOST_EPOCHS),
  finetuneEpochs: count0("passes after those, with the zeros kept, at a hundredth of the learning rate", MOST_EPOCHS),
  weights: text("model file to begin with, instead of random weights; safetensors, or PyTorch's .pt").optional(),
  newHead: flag("the last layer begins anew where that file has another number of classes").optional(),
  weightsKey: text("of a weights file with several dicts of arrays, the one to take, as ema.state_dict").optional(),
  allowMissing: patterns("names that the weights file may lack, as fc.*").optional(),
  allowUnexpected: patterns("names of the weights file to leave out, as head.*").optional(),
  batchSize: count("images per optimiser step"),
  microBatch: count(
    "images that the GPU holds at once; divides batchSize. A step adds up the gradients of several",
  ).optional(),
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
  logEvery: count("steps between two rows of metrics", 256),
  out: text("folder that receives metrics, plots and checkpoints"),
  device,
});

/** A complete, valid recipe. Of `prune.threshold`, `lambda` and `sparsity`, the one that the method wants is present. */
export type Recipe = z.infer<typeof recipeFields>;
