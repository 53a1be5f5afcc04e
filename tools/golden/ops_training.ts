// Fixtures of whole training runs: a small net, built from its description, and ten steps of SGD with a rising threshold.

import { Tape } from "../../src/autograd/index.ts";
import { MobileNetV1, ResNetCifar, SewNet } from "../../src/models/index.ts";
import type { Module, Parameter, StateDict } from "../../src/nn/index.ts";
import { crossEntropy } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { type HostArray, Scope, type TypedArray, tensor } from "../../src/tensor/index.ts";
import { type Attrs, Unsupported } from "./attrs.ts";
import { type GoldenCase, tensorOf } from "./format.ts";
import type { Handlers, Results } from "./handler.ts";
import { slatsSchedule, Track } from "./ops_optim.ts";
import { neuronAttributes } from "./ops_spiking.ts";

const NOTES = [
  "doc",
  "weight_decay_on",
  "threshold_schedule",
  "zeros_per_layer",
  "tensors",
  "min_margin_to_spike_threshold",
];

const NAMES = { IF: "if", LIF: "lif", PLIF: "plif" } as const;

/** Return a function that builds the net that `arch` and its numbers describe. */
function architecture(attrs: Attrs, channels: number): () => Module {
  const arch = attrs.word("arch", ["ResNetCifar", "MobileNetSmall", "SpikingNet"]);
  const classes = attrs.number("classes");
  if (arch === "SpikingNet") {
    const nested = attrs.map("neuron");
    const { neuron, ...options } = neuronAttributes(nested);
    nested.finish();
    const width = attrs.number("channels");
    const timeSteps = attrs.number("T");
    return () => new SewNet({ channels, classes, width, timeSteps, neuron: NAMES[neuron], ...options });
  }
  const width = attrs.number("width");
  if (arch === "ResNetCifar") {
    const blocks = attrs.number("blocks_per_stage");
    return () => new ResNetCifar({ width, blocks, channels, classes, shortcut: "projection" });
  }
  const plan = attrs.list("plan_out_stride").map((row): [number, number] => {
    if (!Array.isArray(row) || row.length !== 2 || !row.every(Number.isInteger)) {
      throw new Unsupported(`plan_out_stride: expected rows of channels and stride, got ${JSON.stringify(row)}`);
    }
    return row as [number, number];
  });
  return () => new MobileNetV1({ width, firstStride: 1, plan, channels, classes });
}

function initialState(c: GoldenCase): StateDict {
  const state: StateDict = new Map();
  for (const [name, { shape, data }] of c.tensors) {
    if (name.startsWith("init/")) state.set(name.slice(5), { shape, data });
  }
  return state;
}

/** Return batch k of the inputs, whose first axis counts steps. */
function batch(c: GoldenCase, name: string, k: number): HostArray {
  const { shape, data } = tensorOf(c, name);
  const size = data.length / shape[0]!;
  return { shape: shape.slice(1), data: data.slice(k * size, (k + 1) * size) as TypedArray };
}

/** Settings of a training run, and its model. */
interface Run {
  readonly build: () => Module;
  readonly steps: number;
  readonly lr: ArrayLike<number>;
  readonly labelSmoothing: number;
  readonly options: { readonly momentum: number; readonly nesterov: boolean; readonly weightDecay: number };
  readonly schedule: ReturnType<typeof slatsSchedule>;
  /** Names of the weights with a threshold. */
  readonly thresholded: readonly string[];
}

function readRun(attrs: Attrs, c: GoldenCase): Run {
  attrs.ignore(...NOTES, "lr_per_step", "state_order", "parameters", "batch");
  const build = architecture(attrs, tensorOf(c, "x").shape[2]!);
  const steps = attrs.number("steps");
  const labelSmoothing = attrs.number("label_smoothing", 0);
  const options = {
    momentum: attrs.number("momentum", 0),
    nesterov: attrs.boolean("nesterov", false),
    weightDecay: attrs.number("weight_decay", 0),
  };
  const schedule = slatsSchedule(attrs.number("final_threshold"), steps);
  const thresholded = attrs.list("thresholded_weights") as string[];
  for (const [name, own] of [["bn_momentum", 0.1] as const, ["bn_eps", 1e-5] as const]) {
    if (attrs.number(name, own) !== own)
      throw new Unsupported(`${name} = ${attrs.number(name)}; these nets have ${own}`);
  }
  return { build, steps, lr: tensorOf(c, "lr").data, labelSmoothing, options, schedule, thresholded };
}

/** Train step by step. Returns the tracks, and logits and gradients of the first step. */
async function trainSteps(run: Run, c: GoldenCase, model: Module, sgd: SGD, prunable: readonly Parameter[]) {
  const { steps, lr, labelSmoothing, schedule } = run;
  const results: Record<string, ArrayLike<number>> = {};
  const [loss, threshold, sparsity, zeros] = [new Track(), new Track(), new Track(), new Track()];
  const weights = prunable.reduce((n, p) => n + p.numel, 0);
  for (let k = 0; k < steps; k++) {
    using _step = new Scope();
    const [x, target] = ["x", "target"].map((name) => batch(c, name, k)) as [HostArray, HostArray];
    sgd.set({ lr: lr[k]!, threshold: schedule.at(k), thresholdNext: schedule.at(k + 1) });
    using tape = new Tape();
    const logits = tape.keep(model.forward(tensor(x.data, x.shape)));
    const value = tape.keep(crossEntropy(logits, tensor(target.data, target.shape), { labelSmoothing }));
    tape.backward(value);
    loss.push(await value.data());
    if (k === 0) {
      results["logits0"] = await logits.data();
      for (const [name, p] of model.namedParameters()) {
        if (p.grad) results[`grad0/${name}`] = await p.grad.data();
      }
    }
    sgd.step();
    const counts = new Map((await sgd.counts()).map((count) => [count.param, count.nonzero]));
    const perLayer = prunable.map((p) => p.numel - (counts.get(p) ?? 0));
    zeros.push(perLayer);
    sparsity.push(perLayer.reduce((a, b) => a + b, 0) / weights);
    threshold.push(schedule.at(k + 1));
  }
  const tracks = { loss: loss.data, threshold: threshold.data, sparsity: sparsity.data, zeros_per_layer: zeros.data };
  return { ...results, ...tracks };
}

/** Read all state: a pruned weight as `final_sparse`, and its latent value as `final`. */
async function finalState(model: Module): Promise<Results> {
  const results: Record<string, ArrayLike<number>> = {};
  for (const [name, t] of model.namedState()) results[`final/${name}`] = await t.data();
  for (const [name, p] of model.namedParameters()) {
    if (!p.latent) continue;
    results[`final_sparse/${name}`] = results[`final/${name}`]!;
    results[`final/${name}`] = await p.latent.data();
  }
  return results;
}

export const trainingHandlers: Handlers = {
  train_end_to_end(attrs, c) {
    const run = readRun(attrs, c);
    return async () => {
      using _scope = new Scope();
      const model = run.build();
      model.loadStateDict(initialState(c));
      const groups = pruningGroups(model, { mode: "latent" });
      const prunable = groups[0]?.params ?? [];
      const names = new Map([...model.namedParameters()].map(([name, p]) => [p, name]));
      const pruned = prunable.map((p) => names.get(p));
      if (pruned.join() !== run.thresholded.join())
        throw new Unsupported(`thresholded weights would be ${pruned.join(", ")}`);
      const sgd = new SGD(groups, { lr: run.lr[0]!, ...run.options });
      const trained = await trainSteps(run, c, model, sgd, prunable);
      const state = await finalState(model);
      model.eval();
      const first = batch(c, "x", 0);
      const eval_logits = await model.forward(tensor(first.data, first.shape)).data();
      sgd.dispose();
      model.dispose();
      return { ...trained, ...state, eval_logits } satisfies Results;
    };
  },
};
