// All settings of a training run: name, range, default, flag and help text of each, in one table. The schema, the flags, the
// JSON Schema and the demo's form come from it. Plain data: the demo loads it without zod and commander.
import { HELD_OUT, IMAGE_LAYOUTS, IMAGE_SIZE } from "../images/layouts.ts";
import { ENCODERS, LR_SCHEDULES, NEURONS, PRUNING_METHODS, SURROGATES, THRESHOLD_SCHEDULES } from "../index.ts";
import { EVENT_DATA, IMAGE_DATA } from "./data_names.ts";
import {
  choice,
  epochs,
  group,
  integer,
  MOST_EPOCHS,
  MOST_PIXELS,
  names,
  number,
  type PathsOf,
  type RecipeOf,
  shares,
  text,
  toggle,
} from "./setting.ts";

const model = group("Model", {
  name: text("network; espalier info lists all", { flag: "--model <name>", default: "lenet-bn" }),
  checkpointBlocks: toggle("recompute each block in backward: less memory, more time", {
    flag: "--checkpoint-blocks",
    default: false,
    reads: "blocks",
  }),
  ...group("Spiking networks", {
    timeSteps: integer("simulation steps; frames of event data", {
      flag: "-T, --time-steps <n>",
      limit: 10_000,
      otherwise: "4, events 8",
      reads: "time",
    }),
    neuron: choice("neuron model", {
      flag: "--neuron <name>",
      of: NEURONS,
      otherwise: "by model",
      reads: "spiking",
    }),
    tau: number("time constant of the membrane; plif: its initial value", {
      flag: "--tau <steps>",
      above: 1,
      otherwise: 2,
      reads: "leak",
    }),
    surrogate: choice("surrogate gradient", {
      flag: "--surrogate <name>",
      of: SURROGATES,
      otherwise: "atan",
      reads: "spiking",
    }),
    encoder: choice("image encoding", {
      flag: "--encoder <name>",
      of: ENCODERS,
      otherwise: "direct",
      reads: "spiking",
    }),
  }),
});

const data = group("Data", {
  name: choice("data set; images: of a folder; events: synthetic", {
    flag: "--data <name>",
    of: [...IMAGE_DATA, ...EVENT_DATA],
    default: "mnist",
  }),
  dir: text("folder of the data files", { flag: "--data-dir <folder>", reads: "files" }),
  by: choice("event frames of equal number or time", {
    flag: "--by <rule>",
    of: ["number", "time"],
    otherwise: "number",
    reads: "events",
  }),
  size: integer("side of the input images or event frames", {
    flag: "--size <pixels>",
    alias: "--frame-size <pixels>",
    limit: MOST_PIXELS,
    otherwise: IMAGE_SIZE,
    reads: "sized",
  }),
  limit: integer("training samples per class; event data: test too", {
    flag: "--limit <n>",
    limit: MOST_EPOCHS,
    otherwise: "all",
    reads: "memory",
  }),
  ...group("Image files (--data images)", {
    resize: integer("test images: shorter side before --size is cut", {
      flag: "--resize <pixels>",
      limit: MOST_PIXELS,
      otherwise: "8/7 of it",
      reads: "images",
    }),
    skipBad: integer("corrupt images to skip before stopping", {
      flag: "--skip-bad <n>",
      min: 0,
      limit: MOST_EPOCHS,
      otherwise: 0,
      reads: "images",
    }),
    mapping: text("class of each image of a val folder without class folders", {
      flag: "--mapping <file>",
      reads: "images",
    }),
    heldOut: number("share of each class to test on, without a test set", {
      flag: "--held-out <share>",
      above: 0,
      below: 1,
      otherwise: HELD_OUT,
      reads: "images",
    }),
    layout: choice("forced layout", {
      flag: "--layout <name>",
      of: IMAGE_LAYOUTS,
      reads: "images",
    }),
    followLinks: toggle("follow links out of the folder", {
      flag: "--[no-]follow-links",
      otherwise: "to files you own",
      reads: "images",
    }),
    workers: integer("images decoded in parallel", {
      flag: "--workers <n>",
      limit: 4096,
      otherwise: "2 per core",
      reads: "images",
    }),
  }),
});

const lr = {
  schedule: choice("decay of the learning rate", { flag: "--lr-schedule <name>", of: LR_SCHEDULES, default: "cosine" }),
  base: number("learning rate after the warm-up", { flag: "--lr <rate>", above: 0, default: 0.1 }),
  warmupEpochs: number("epochs of linear warm-up", { flag: "--warmup <epochs>", min: 0, default: 0 }),
  min: number("cosine: final learning rate", { min: 0, default: 0 }),
  milestones: epochs("multistep: epochs at which the rate drops"),
  every: number("step: epochs between two drops", { above: 0 }),
  gamma: number("multistep and step: factor of one drop", { above: 0, max: 1, default: 0.1 }),
  per: choice("how often the rate changes", { of: ["epoch", "step"], default: "step" }),
};

const prune = group("Pruning", {
  method: choice("pruning method, see docs/pruning.md", {
    flag: "--method <name>",
    of: PRUNING_METHODS,
    default: "soft",
  }),
  schedule: choice("soft: threshold curve, named as in --method, or none", {
    flag: "--schedule <name>",
    of: THRESHOLD_SCHEDULES,
    default: "lats",
  }),
  threshold: number("final threshold, in units of the weights", {
    flag: "--threshold <D>",
    min: 0,
    default: 0.1,
    optional: true,
  }),
  lambda: number("instead of D: L1 coefficient, D / sum of learning rates", { flag: "--lambda <l1>", min: 0 }),
  sparsity: number("instead of D: final share of zeros, such as 0.9", {
    flag: "--sparsity <share>",
    above: 0,
    below: 1,
  }),
  mode: choice("latent: weights may regrow; inplace: proximal SGD", {
    flag: "--mode <name>",
    of: ["latent", "inplace"],
    default: "latent",
  }),
  accelerated: toggle("mode inplace: FISTA, extrapolate by at most the momentum", { default: false }),
  startEpoch: number("dense epochs before pruning begins", { flag: "--start-epoch <epoch>", min: 0, default: 0 }),
  beta: number("pgh: final pressure divided by initial pressure", { flag: "--beta <b>", above: 0 }),
  window: number("epochs in which the threshold rises, or gmp cuts", {
    flag: "--window <epochs>",
    above: 0,
    otherwise: "all left",
  }),
  freezeEpoch: number("from this epoch on, zeros stay zero", {
    flag: "--freeze-epoch <epoch>",
    above: 0,
    otherwise: "never; ltp: 2/3",
  }),
  dense: names("layers to leave dense: first,last, names, /regular expressions/", {
    flag: "--dense <layers>",
    items: "layers",
    default: [],
  }),
  every: integer("gmp: steps between two cuts", { limit: MOST_EPOCHS, otherwise: 32 }),
  str: {
    start: number("str: initial s; the threshold is sigmoid(s)", { flag: "--str-start <s>" }),
    decay: number("str: weight decay of s, raises the threshold", {
      flag: "--str-decay <wd>",
      min: 0,
      otherwise: "as of weights",
    }),
  },
  ltp: {
    l0: number("ltp: price of all weights, in units of the loss", { flag: "--ltp-l0 <cost>", min: 0 }),
    temperature: number("ltp: width of the soft gate, in units of Var |w|", {
      flag: "--ltp-temperature <T0>",
      above: 0,
    }),
    lr: number("ltp: learning rate of the thresholds, in units of Var |w|", { flag: "--ltp-lr <rate>", min: 0 }),
    clip: number("ltp: largest change of a threshold in a step, in units of Var |w|", { above: 0 }),
  },
  snipBatches: integer("snip: batches whose gradients count", { otherwise: 4 }),
  initEpochs: number("at-init: epochs that find the mask", { above: 0, otherwise: 1 }),
});

const strength = (what: string) =>
  number(`change of ${what} by a random factor in 1 - this .. 1 + this`, { min: 0, reads: "color" });

const augment = group("Training", {
  crop: integer("random crop after this padding", {
    flag: "--crop <pixels>",
    min: 0,
    limit: MOST_PIXELS,
    default: 1,
  }),
  flip: toggle("random left-right flip", { flag: "--[no-]flip", default: false }),
  scale: shares("share of the area of a random crop before it is resized", { otherwise: "[0.08, 1]", reads: "images" }),
  jitter: {
    brightness: strength("brightness"),
    contrast: strength("contrast"),
    saturation: strength("saturation"),
    hue: number("change of hue, up to this share of the color circle", { min: 0, max: 0.5, reads: "color" }),
  },
});

export const SETTINGS = {
  model,
  data,
  ...group("Training", {
    epochs: integer("passes over the training images", { flag: "--epochs <n>", limit: MOST_EPOCHS, default: 3 }),
    finetuneEpochs: integer("further epochs with fixed zeros at lr / 100", {
      flag: "--finetune <epochs>",
      min: 0,
      limit: MOST_EPOCHS,
      default: 0,
    }),
  }),
  ...group("Model", {
    weights: text("initial weights: safetensors, or PyTorch's .pt", {
      flag: "--weights <file>",
      otherwise: "random",
    }),
    newHead: toggle("re-initialise the last layer if the class count differs", { flag: "--new-head" }),
    weightsKey: text("state dict to read from a file with several", { flag: "--key <name>" }),
    allowMissing: names("names that the file may lack: fc.* or fc.bias", {
      flag: "--allow-missing <names...>",
      items: "names, * for any letters",
      least: 1,
    }),
    allowUnexpected: names("names of the file to ignore: head.*", {
      flag: "--allow-unexpected <names...>",
      items: "names, * for any letters",
      least: 1,
    }),
  }),
  ...group("Training", {
    batchSize: integer("images per optimiser step", { flag: "--batch-size <n>", default: 256 }),
    microBatch: integer("images on the GPU at once; divides the batch", {
      flag: "--micro-batch <n>",
      otherwise: "all",
    }),
    lr,
    momentum: number("momentum of SGD", { flag: "--momentum <mu>", min: 0, below: 1, default: 0.9 }),
    nesterov: toggle("Nesterov momentum", { flag: "--nesterov", default: false }),
    weightDecay: number("L2 coefficient; on latent weights it also prunes", {
      flag: "--weight-decay <wd>",
      min: 0,
      default: 5e-4,
    }),
    labelSmoothing: number("share of the target spread over all classes", {
      flag: "--label-smoothing <e>",
      min: 0,
      below: 1,
      default: 0,
    }),
  }),
  prune,
  augment,
  ...group("Run", {
    seed: integer("random seed", { flag: "--seed <n>", min: 0, max: 0xffffffff, default: 0 }),
    checkpoint: {
      every: integer("epochs or steps between two checkpoints; 0: only at the end", {
        flag: "--checkpoint-every <steps>",
        min: 0,
        limit: MOST_EPOCHS,
        default: 1,
      }),
      per: choice("unit of checkpoint.every", { of: ["epoch", "step"], default: "epoch", reads: "interval" }),
      keep: integer("checkpoints to retain", { default: 2 }),
    },
    trail: choice("save a sparse model of each epoch; see espalier trail", {
      flag: "--trail [all|pareto]",
      of: ["off", "all", "pareto"],
      default: "off",
    }),
    logEvery: integer("steps between two rows of metrics", { flag: "--log-every <steps>", limit: 256, default: 10 }),
    out: text("folder of the results", { flag: "--out <folder>", default: "runs/mnist_lenet" }),
  }),
  device: { requireGpu: toggle("refuse a software adapter", { default: false }) },
};

/** A complete, valid recipe. Of `prune.threshold`, `lambda` and `sparsity`, it has the one that the method reads. */
export type Recipe = RecipeOf<typeof SETTINGS>;
export type SettingPath = PathsOf<typeof SETTINGS>;
