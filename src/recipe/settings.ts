// All settings of a training run: name, range, default, flag and help text of each, in one table. The schema, the flags, the
// JSON Schema and the demo's form come from it. Plain data, without zod and commander.
import { HELD_OUT, IMAGE_LAYOUTS, IMAGE_SIZE } from "../images/layouts.ts";
import { ENCODERS, LOSSES, NEURONS, SHORTCUTS, SURROGATES } from "../internal.ts";
import { EVENT_DATA, IMAGE_DATA, TABLE_DATA } from "./data_names.ts";
import {
  channels,
  choice,
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
import { length, optimizer, prune, seed, timeSteps } from "./training_settings.ts";

const model = group("Model", {
  name: text("network; espalier info lists all", { flag: "--model <name>", default: "lenet-bn" }),
  checkpointBlocks: toggle("recompute each block in backward: less memory, more time", {
    flag: "--checkpoint-blocks",
    default: false,
    reads: "blocks",
  }),
  shortcut: choice("shortcuts of a ResNet for small images", {
    flag: "--shortcut <name>",
    of: SHORTCUTS,
    otherwise: "identity; resnet-8 projection",
    reads: "shortcut",
  }),
  layers: integer("mlp: hidden layers", { flag: "--layers <n>", min: 0, limit: 1000, otherwise: 2, reads: "mlp" }),
  width: integer("mlp: units of a hidden layer", { flag: "--width <n>", otherwise: 64, reads: "mlp" }),
  compact: text("sizes of a compacted model, as in the metadata of its file", { otherwise: "those of --weights" }),
  ...group("Spiking networks", {
    timeSteps,
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
  name: choice("data set; images, table: image files, numbers; events: synthetic", {
    flag: "--data <name>",
    of: [...IMAGE_DATA, ...EVENT_DATA, ...TABLE_DATA],
    default: "mnist",
  }),
  dir: text("folder of the data files; table: or a file", { flag: "--data-dir <folder>", reads: "files" }),
  by: choice("frames of an equal number of events or equal time", {
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
    reads: "labelled",
  }),
  ...group("Numbers in files (--data table)", {
    inputs: names("columns of the inputs; npz: the array (default x)", {
      flag: "--inputs <columns>",
      items: "columns",
      least: 1,
      reads: "table",
    }),
    targets: names("columns to predict; npz: the array (default y)", {
      flag: "--targets <columns>",
      items: "columns",
      least: 1,
      reads: "table",
    }),
    header: toggle("csv: the first row names the columns", {
      flag: "--[no-]header",
      otherwise: "true",
      reads: "table",
    }),
    testFile: text("file of the test samples", {
      flag: "--test-file <file>",
      otherwise: "by name, or held out",
      reads: "table",
    }),
    splitSeed: integer("seed of the held-out samples", {
      flag: "--split-seed <n>",
      min: 0,
      max: 0xffffffff,
      otherwise: 0,
      reads: "table",
    }),
    standardise: toggle("scale by mean and deviation of the training part", {
      flag: "--[no-]standardise",
      otherwise: "true",
      reads: "table",
    }),
  }),
  ...group("Image files (--data images)", {
    resize: integer("test images: shorter side before the crop", {
      flag: "--resize <pixels>",
      limit: MOST_PIXELS,
      otherwise: "8/7 of --size",
      reads: "images",
    }),
    mean: channels("mean of each channel, scaled to 0..1", {
      flag: "--mean <r,g,b>",
      otherwise: "ImageNet's",
      reads: "images",
    }),
    std: channels("standard deviation of each channel", {
      flag: "--std <r,g,b>",
      above: 0,
      otherwise: "ImageNet's",
      reads: "images",
    }),
    skipBad: integer("corrupt images to skip before stopping", {
      flag: "--skip-bad <n>",
      min: 0,
      limit: MOST_EPOCHS,
      otherwise: 0,
      reads: "images",
    }),
    mapping: text("file of classes for a val folder without class folders", {
      flag: "--mapping <file>",
      reads: "images",
    }),
    heldOut: number("share held out for testing without a test set", {
      flag: "--held-out <share>",
      above: 0,
      below: 1,
      otherwise: HELD_OUT,
      reads: "heldOut",
    }),
    layout: choice("layout of the folder", {
      flag: "--layout <name>",
      of: IMAGE_LAYOUTS,
      otherwise: "detected",
      reads: "images",
    }),
    followLinks: toggle("follow links out of the folder", {
      flag: "--[no-]follow-links",
      otherwise: "only to your own files",
      reads: "images",
    }),
    memory: integer("MiB of decoded images held in memory, if all fit", {
      flag: "--data-memory <MiB>",
      min: 0,
      limit: MOST_EPOCHS,
      otherwise: 1024,
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

const strength = (what: string) =>
  number(`change of ${what} by a random factor in 1 - this .. 1 + this`, { min: 0, reads: "color" });

const augment = group("Training", {
  crop: integer("pad by this, crop at random; images: no resized crops", {
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
  ...length,
  ...group("Model", {
    weights: text("initial weights: safetensors, or PyTorch's .pt", {
      flag: "--weights <file>",
      otherwise: "random",
    }),
    newHead: toggle("re-initialise the last layer if the class count differs", { flag: "--new-head" }),
    weightsKey: text("name of the state dict to read, if the file has several", { flag: "--key <name>" }),
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
  ...optimizer,
  ...group("Training", {
    recalibrate: integer("training batches that re-estimate batch norm; 0: none", {
      flag: "--recalibrate <n>",
      min: 0,
      default: 20,
    }),
    loss: choice("loss of the outputs and the targets", {
      flag: "--loss <name>",
      of: LOSSES,
      otherwise: "cross-entropy; numbers: mse",
    }),
    metrics: names("test metrics; the first chooses the best model", {
      flag: "--metrics <names>",
      items: "metrics",
      least: 1,
      otherwise: "by loss",
    }),
  }),
  prune,
  augment,
  ...group("Run", {
    seed,
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
