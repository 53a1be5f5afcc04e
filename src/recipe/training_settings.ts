// Settings of training and pruning: the part of the table that the demo's form is made of too. Imports no shader.
import {
  LR_SCHEDULES,
  OPTIMIZERS,
  PRUNING_METHODS,
  PRUNING_SCOPES,
  STEERINGS,
  THRESHOLD_SCHEDULES,
  TRAINING_KERNELS,
  WEIGHT_GROUPS,
} from "../internal.ts";
import { betas, choice, epochs, group, integer, MOST_EPOCHS, names, number, toggle } from "./setting.ts";

export const timeSteps = integer("simulation steps; frames of event data", {
  flag: "-T, --time-steps <n>",
  limit: 10_000,
  otherwise: "4, events 8",
  reads: "time",
});

export const seed = integer("random seed", { flag: "--seed <n>", min: 0, max: 0xffffffff, default: 0 });

export const length = group("Training", {
  epochs: integer("passes through the training images", { flag: "--epochs <n>", limit: MOST_EPOCHS, default: 3 }),
  finetuneEpochs: integer("further epochs with fixed zeros at lr / 100", {
    flag: "--finetune <epochs>",
    min: 0,
    limit: MOST_EPOCHS,
    default: 0,
  }),
});

const lr = {
  schedule: choice("decay of lr", { flag: "--lr-schedule <name>", of: LR_SCHEDULES, default: "cosine" }),
  base: number("learning rate after the warm-up", { flag: "--lr <rate>", above: 0, default: 0.1 }),
  warmupEpochs: number("epochs of linear warm-up", { flag: "--warmup <epochs>", min: 0, default: 0 }),
  min: number("cosine: final learning rate", { min: 0, default: 0 }),
  milestones: epochs("multistep: epochs at which the rate drops"),
  every: number("step: epochs between two drops", { above: 0 }),
  gamma: number("multistep and step: factor of one drop", { above: 0, max: 1, default: 0.1 }),
  per: choice("how often the rate changes", { of: ["epoch", "step"], default: "step" }),
};

export const optimizer = group("Training", {
  batchSize: integer("images per optimiser step", { flag: "--batch-size <n>", default: 256 }),
  microBatch: integer("images on the GPU at once; divides the batch", {
    flag: "--micro-batch <n>",
    otherwise: "all",
  }),
  precision: choice("f16: activations in half the memory, weights in f32", {
    flag: "--precision <name>",
    of: ["f32", "f16"],
    otherwise: "f32",
  }),
  optimizer: choice("optimiser", {
    flag: "--optimizer <name>",
    of: OPTIMIZERS,
    otherwise: "sgd",
  }),
  lr,
  momentum: number("momentum of sgd and rmsprop", {
    flag: "--momentum <mu>",
    min: 0,
    below: 1,
    default: 0.9,
    reads: "momentum",
  }),
  nesterov: toggle("Nesterov momentum of sgd", { flag: "--nesterov", default: false, reads: "nesterov" }),
  betas: betas("adam, adamw: shares of the old moments", { otherwise: "[0.9, 0.999]", reads: "betas" }),
  eps: number("adam, adamw, rmsprop: added to the divisor", { above: 0, otherwise: 1e-8, reads: "eps" }),
  amsgrad: toggle("adam, adamw: divide by the largest moment", { reads: "amsgrad" }),
  alpha: number("rmsprop: share of the old moment", { min: 0, below: 1, otherwise: 0.99, reads: "alpha" }),
  centered: toggle("rmsprop: divide by the deviation of the gradient", { reads: "centered" }),
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
});

export const prune = group("Pruning", {
  method: choice("pruning method; the guide Pruning explains all", {
    flag: "--method <name>",
    of: PRUNING_METHODS,
    default: "soft",
  }),
  schedule: choice("soft: threshold curve, as in --method, or none", {
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
  group: choice("prune weights together", {
    flag: "--group <name>",
    of: WEIGHT_GROUPS,
  }),
  groupShare: number("share of the threshold on groups; the rest on weights", {
    flag: "--group-share <share>",
    min: 0,
    max: 1,
    otherwise: 1,
  }),
  groupSparsity: number("instead of D: final share of zero groups", {
    flag: "--group-sparsity <share>",
    above: 0,
    below: 1,
  }),
  steer: choice("to that share: constant L1 coefficient, or exact threshold", {
    flag: "--steer <name>",
    of: STEERINGS,
    otherwise: "lambda; at-init: threshold",
  }),
  mode: choice("latent: weights may regrow; inplace: proximal SGD", {
    flag: "--mode <name>",
    of: ["latent", "inplace"],
    default: "latent",
  }),
  gradient: choice("of latent weights: straight-through (default) or true", {
    flag: "--gradient <name>",
    of: ["straight-through", "true"],
  }),
  decayTarget: choice("weights that weight decay acts on; latent adds L1 of wd times d", {
    flag: "--decay-target <name>",
    of: ["latent", "effective"],
    otherwise: "latent; inplace: effective",
  }),
  accelerated: toggle("mode inplace: FISTA, extrapolate by at most the momentum", { default: false }),
  startEpoch: number("dense epochs before pruning begins", { flag: "--start-epoch <epoch>", min: 0, default: 0 }),
  beta: number("pgh: final pressure divided by initial pressure", { flag: "--beta <b>", above: 0 }),
  window: number("epochs in which the threshold rises, or gmp cuts", {
    flag: "--window <epochs>",
    above: 0,
    otherwise: "the rest",
  }),
  freezeEpoch: number("from this epoch on, zeros stay zero", {
    flag: "--freeze-epoch <epoch>",
    above: 0,
    otherwise: "never; ltp: 2/3",
  }),
  compact: toggle("once zeros are final: train on without dead channels", {}),
  kernels: choice("once zeros are final: block, or auto, the faster ones", {
    of: TRAINING_KERNELS,
    otherwise: "dense",
  }),
  dense: names("layers to leave dense: first,last, names, /regular expressions/", {
    flag: "--dense <layers>",
    items: "layers",
    default: [],
  }),
  scope: choice("layer: equal shares of zeros; global: by size; erk: by shape", {
    flag: "--scope <name>",
    of: PRUNING_SCOPES,
  }),
  shares: names("instead of a sparsity: the layers of a run, or layer=share", {
    flag: "--shares <run>",
    items: "layers with their shares",
    least: 1,
  }),
  rounds: integer("imp and synflow: rounds of cuts", {
    flag: "--rounds <n>",
    otherwise: "imp: 5; synflow: 100",
  }),
  rewindEpoch: integer("imp: epoch of a training to return to", {
    flag: "--rewind <epoch>",
    min: 0,
    limit: MOST_EPOCHS,
    otherwise: 1,
  }),
  shrink: number("grad-r: L1 coefficient of latent weights", { flag: "--shrink <l1>", min: 0 }),
  every: integer("gmp: steps between two cuts", { limit: MOST_EPOCHS, otherwise: 32 }),
  str: {
    start: number("str: initial s; the threshold is sigmoid(s)", { flag: "--str-start <s>", otherwise: -20 }),
    decay: number("str: decay of s, raises the threshold", {
      flag: "--str-decay <wd>",
      min: 0,
      otherwise: "--weight-decay",
    }),
  },
  ltp: {
    l0: number("ltp: price of all weights, in units of the loss", { flag: "--ltp-l0 <cost>", min: 0, otherwise: 0.05 }),
    temperature: number("ltp: width of the soft gate, in units of Var |w|", {
      flag: "--ltp-temperature <T0>",
      above: 0,
      otherwise: 0.001,
    }),
    lr: number("ltp: learning rate of thresholds, in units of Var |w|", {
      flag: "--ltp-lr <rate>",
      min: 0,
      otherwise: 10,
    }),
    clip: number("ltp: largest relative change of a threshold in a step", {
      flag: "--ltp-clip <share>",
      above: 0,
      otherwise: 0.05,
    }),
  },
  snipBatches: integer("snip and grasp: batches whose gradients count", { otherwise: 4 }),
  initEpochs: number("at-init: epochs that find the mask", { above: 0, otherwise: 1 }),
});
