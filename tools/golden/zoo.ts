// model_zoo.json: facts about model definitions (parameters, multiply-accumulates, state_dict names and shapes),
// compared with the engine's own models, on shapes only.

import { sewKeyToSpikingJelly } from "../../src/io/index.ts";
import { buildModel, SewResNet } from "../../src/models/index.ts";
import { type Module, StateBuffer, summarize } from "../../src/nn/index.ts";
import type { CaseReport, FileReport } from "./runner.ts";
import { registryName } from "./zoo_names.ts";

interface Known {
  readonly build: () => Module;
  /** Translate the name of a tensor or layer of the model to that of the facts. Default: unchanged. */
  readonly rename?: (name: string) => string;
}

const sewResNet18 = () => new SewResNet({ depth: 18, classes: 1000, timeSteps: 1 });

/** Models that the registry does not build as the facts describe them, by the facts' names. */
const builders: Readonly<Record<string, Known>> = {
  "sew/resnet18_original_names": { build: sewResNet18 },
  "sew/resnet18_spikingjelly_names": { build: sewResNet18, rename: sewKeyToSpikingJelly },
};

/** Build the engine's model for an entry of the facts; null if there is none. */
function knownModel(name: string, [, channels = 3, size = 224]: readonly number[]): Known | null {
  if (Object.hasOwn(builders, name)) return builders[name]!;
  const own = registryName(name);
  return own === null ? null : { build: () => buildModel(own, { channels, size, classes: 1000 }) };
}

interface Facts {
  readonly input: readonly number[];
  readonly parameters: number;
  readonly conv_and_linear_weights: number;
  readonly buffers_float?: number;
  /** null for a spiking model, whose number of time steps is open; it has macs_one_step instead. */
  readonly macs: number | null;
  readonly macs_one_step?: number;
  readonly macs_per_layer: readonly (readonly [string, number])[];
  readonly state_dict: readonly (readonly [string, readonly number[]])[];
}

function faults({ build, rename = (name) => name }: Known, facts: Facts): string[] {
  const model = build();
  const { layers, parameters, prunable, macs } = summarize(model, facts.input.slice(1));
  const out: string[] = [];
  const same = (what: string, have: unknown, want: unknown) => {
    if (JSON.stringify(have) !== JSON.stringify(want)) {
      out.push(`${what} ${JSON.stringify(have).slice(0, 200)}, want ${JSON.stringify(want).slice(0, 200)}`);
    }
  };
  same("parameters", parameters, facts.parameters);
  same("conv_and_linear_weights", prunable, facts.conv_and_linear_weights);
  const buffers = [...model.namedState()].reduce((n, [, t]) => n + (t instanceof StateBuffer ? t.numel : 0), 0);
  same("buffers_float", buffers, facts.buffers_float ?? buffers);
  same("macs", macs, facts.macs ?? facts.macs_one_step);
  const counted = layers.filter((layer) => layer.macs > 0).map((layer) => [layerName(layer.name, rename), layer.macs]);
  same("macs_per_layer", counted, facts.macs_per_layer);
  const state = [...model.namedState()].map(([name, t]) => [rename(name), t.shape]);
  // A step counter of the reference framework. The engine has none.
  const wanted = facts.state_dict.filter(([name]) => !name.endsWith("num_batches_tracked"));
  same("state_dict", state, wanted);
  return out;
}

/** Return the name of a layer from the name of its weight. */
const layerName = (name: string, rename: (name: string) => string) => rename(`${name}.weight`).replace(/\.weight$/, "");

/** Check every model of the engine. Needs no GPU. */
export function runZoo(json: { readonly models: Readonly<Record<string, Facts>> }, file: string): FileReport {
  const cases = Object.entries(json.models).map(([name, facts]): CaseReport => {
    const known = knownModel(name, facts.input);
    const base = { name, op: "model", worst: 0 };
    if (!known) return { ...base, status: "unsupported", reason: "the engine has no such model" };
    const found = faults(known, facts);
    return { ...base, status: found.length > 0 ? "failed" : "passed", reason: found.join("; ") };
  });
  return { file, cases };
}
