// Entries of a list of models, and how to build a model from one.
import { OpError } from "../gpu/index.ts";
import * as nn from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { expectShortcut, type ShortcutKind } from "./resnet_block.ts";
import { type NeuronName, SPIKING_KEYS, type SpikingOptions } from "./spiking/input.ts";

/** Channels, size and class count that a network is built for. */
export interface ModelInput {
  readonly channels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
}

/** Hidden layers of a multilayer perceptron. */
export interface HiddenLayers {
  readonly layers?: number | undefined;
  readonly width?: number | undefined;
}

/** Options of `buildModel`. */
export interface BuildOptions {
  /** Recompute each block in backward instead of saving its activations: less memory, more time, same bits. Default false. */
  readonly activationCheckpoint?: boolean;
  /** Neurons and time steps of a spiking model. Defaults are the model's. */
  readonly spiking?: SpikingOptions;
  /** Shortcuts of a ResNet for small images. Default: identity; of resnet-8 and resnet-8-narrow projection. */
  readonly shortcut?: ShortcutKind;
  /** Hidden layers of an `mlp`: their number and their units. Defaults are those of Mlp. */
  readonly hidden?: HiddenLayers | undefined;
  /** Random state of dropout and stochastic depth. Default: one that belongs to the model, with seed 0. */
  readonly random?: nn.RandomState;
}

const INPUT_KEYS: KeysOf<ModelInput> = { channels: true, size: true, classes: true };
const OPTION_KEYS: KeysOf<BuildOptions> = {
  ...{ activationCheckpoint: true, spiking: true, shortcut: true, hidden: true, random: true },
};

/** A network from images, or event frames, to logits. */
export type ImageModel = nn.Module<[x: Tensor], Tensor>;

/** Description of a network, and the function that builds it. */
export interface ModelEntry {
  readonly doc: string;
  readonly build: (
    input: ModelInput,
    spiking: SpikingOptions,
    random: nn.RandomState,
    shortcut: ShortcutKind | undefined,
    hidden: HiddenLayers,
  ) => ImageModel;
  /** True for models of samples of any shape, which accept BuildOptions.hidden. */
  readonly hidden?: boolean;
  /** True for spiking models, which accept BuildOptions.spiking. */
  readonly spiking?: boolean;
  /** Default neurons of a spiking model; absent: lif. */
  readonly neuron?: NeuronName;
  /** Default shortcuts of a model that accepts BuildOptions.shortcut. */
  readonly shortcut?: ShortcutKind;
  /** Names of the modules for activation checkpoints; absent if the model has no repeated blocks. */
  readonly blocks?: RegExp;
}

/** Networks by name. */
export type ModelList = Readonly<Record<string, ModelEntry>>;

/** Residual blocks of ResNets. */
export const RESNET_BLOCKS = /^layer\d\.\d+$/;

/** Build a model of a list. Throws OpError for an unknown name, and for options that the model does not accept. */
export function buildFrom(models: ModelList, name: string, input: ModelInput, options: BuildOptions = {}): ImageModel {
  const refuse = (what: string) => (problem: string) => new OpError("buildModel", `${what}${problem}`);
  expectKeys(input, INPUT_KEYS, refuse("input: "));
  expectKeys(options, OPTION_KEYS, refuse(""));
  expectKeys(options.spiking ?? {}, SPIKING_KEYS, refuse("spiking: "));
  const { activationCheckpoint = false, spiking, hidden, random = new nn.RandomState(0, { owned: true }) } = options;
  const entry = Object.hasOwn(models, name) ? models[name] : undefined;
  if (!entry) throw new OpError("buildModel", `expected one of ${Object.keys(models).join(", ")}, got ${name}`);
  if (spiking && !entry.spiking)
    throw new OpError("buildModel", `spiking: expected nothing for ${name}, which has no time steps`);
  const { shortcut = entry.shortcut } = options;
  if (shortcut) expectShortcut("buildModel", shortcut);
  if (shortcut && !entry.shortcut)
    throw new OpError("buildModel", `shortcut: expected nothing for ${name}, which has no choice of shortcuts`);
  if (hidden && !entry.hidden)
    throw new OpError("buildModel", `hidden: expected nothing for ${name}, whose layers are fixed`);
  const model = entry.build(input, spiking ?? {}, random, shortcut, hidden ?? {});
  if (!activationCheckpoint) return model;
  const { blocks } = entry;
  if (!blocks) {
    const others = Object.keys(models).filter((other) => models[other]?.blocks);
    const problem = `activationCheckpoint: expected one of ${others.join(", ")}, got ${name}, which has no blocks`;
    throw new OpError("buildModel", problem);
  }
  for (const [path, module] of model.namedModules()) if (blocks.test(path)) nn.checkpointActivations(module);
  return model;
}
