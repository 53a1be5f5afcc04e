// What a list of models says of each, and how one is built from such a list.
import { OpError } from "../gpu/index.ts";
import { checkpointModule, type Module, RandomState } from "../nn/index.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import type { NeuronName, SpikingOptions } from "./spiking/input.ts";

export interface ModelInput {
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
}

export interface BuildOptions {
  /** Backward runs each block again instead of keeping its activations: less memory, more time, the same bits. Default false. */
  readonly checkpoint?: boolean;
  /** Neurons and time of a spiking model; what it leaves open is the model's own choice. */
  readonly spiking?: SpikingOptions;
  /** What dropout and stochastic depth draw from. Default one of the model's own, of seed 0. */
  readonly random?: RandomState;
}

const INPUT_KEYS: KeysOf<ModelInput> = { channels: true, size: true, classes: true };
const OPTION_KEYS: KeysOf<BuildOptions> = { checkpoint: true, spiking: true, random: true };
const SPIKING_KEYS: KeysOf<SpikingOptions> = {
  timeSteps: true,
  frames: true,
  neuron: true,
  tau: true,
  decayInput: true,
  vThreshold: true,
  vReset: true,
  detachReset: true,
  surrogate: true,
  encoder: true,
  random: true,
};

export interface ModelEntry {
  readonly doc: string;
  readonly build: (input: ModelInput, spiking: SpikingOptions, random: RandomState) => Module;
  /** Whether it is made of spiking neurons, and takes BuildOptions.spiking. */
  readonly spiking?: boolean;
  /** The neurons of a spiking model where nobody chooses; absent: lif. */
  readonly neuron?: NeuronName;
  /** Names of the modules that a checkpoint may wrap; absent where none is worth it. */
  readonly blocks?: RegExp;
}

export type ModelList = Readonly<Record<string, ModelEntry>>;

/** Residual blocks of ResNets. */
export const RESNET_BLOCKS = /^layer\d\.\d+$/;

/** Builds a model of a list. Throws OpError for an unknown name, and for options that the model has no use for. */
export function buildFrom(models: ModelList, name: string, input: ModelInput, options: BuildOptions = {}): Module {
  const refuse = (what: string) => (problem: string) => new OpError("buildModel", `${what}${problem}`);
  expectKeys(input, INPUT_KEYS, refuse("input: "));
  expectKeys(options, OPTION_KEYS, refuse(""));
  expectKeys(options.spiking ?? {}, SPIKING_KEYS, refuse("spiking: "));
  const { checkpoint = false, spiking, random = new RandomState(0, { owned: true }) } = options;
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!entry) throw new OpError("buildModel", `no model named ${name}; there are ${Object.keys(models).join(", ")}`);
  if (spiking && !entry.spiking)
    throw new OpError("buildModel", `${name} is not a spiking model: it has no time steps`);
  const model = entry.build(input, spiking ?? {}, random);
  if (!checkpoint) return model;
  const { blocks } = entry;
  if (!blocks) {
    const others = Object.keys(models).filter((other) => models[other]?.blocks);
    throw new OpError("buildModel", `${name} has no blocks to checkpoint; these have: ${others.join(", ")}`);
  }
  for (const [path, module] of model.namedModules()) if (blocks.test(path)) checkpointModule(module);
  return model;
}
