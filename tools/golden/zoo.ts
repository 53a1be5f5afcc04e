// model_zoo.json: facts about model definitions (parameters, multiply-accumulates, state_dict names and shapes),
// compared with the engine's own models, on shapes only.
import { MobileNetV1, mobilenetV1Plan } from "../../src/models/index.ts";
import { type Module, summarize } from "../../src/nn/index.ts";
import type { CaseReport, FileReport } from "./runner.ts";

/** Models by the names the facts use. */
const builders: Readonly<Record<string, () => Module>> = {
  "lats/mobilenet_v1": () => new MobileNetV1({ width: 32, firstStride: 2, plan: mobilenetV1Plan, classes: 1000 }),
};

interface Facts {
  readonly input: readonly number[];
  readonly parameters: number;
  readonly conv_and_linear_weights: number;
  readonly macs: number;
  readonly macs_per_layer: readonly (readonly [string, number])[];
  readonly state_dict: readonly (readonly [string, readonly number[]])[];
}

function faults(model: Module, facts: Facts): string[] {
  const { layers, parameters, prunable, macs } = summarize(model, facts.input.slice(1));
  const out: string[] = [];
  const same = (what: string, have: unknown, want: unknown) => {
    if (JSON.stringify(have) !== JSON.stringify(want)) {
      out.push(`${what} ${JSON.stringify(have).slice(0, 200)}, want ${JSON.stringify(want).slice(0, 200)}`);
    }
  };
  same("parameters", parameters, facts.parameters);
  same("conv_and_linear_weights", prunable, facts.conv_and_linear_weights);
  same("macs", macs, facts.macs);
  const counted = layers.filter((layer) => layer.macs > 0).map((layer) => [layer.name, layer.macs]);
  same("macs_per_layer", counted, facts.macs_per_layer);
  const state = [...model.namedState()].map(([name, t]) => [name, t.shape]);
  // A step counter of the reference framework, which the engine does not keep.
  const wanted = facts.state_dict.filter(([name]) => !name.endsWith("num_batches_tracked"));
  same("state_dict", state, wanted);
  return out;
}

/** Checks every model the engine has. Needs no GPU. */
export function runZoo(json: { readonly models: Readonly<Record<string, Facts>> }, file: string): FileReport {
  const cases = Object.entries(json.models).map(([name, facts]): CaseReport => {
    const build = Object.hasOwn(builders, name) ? builders[name] : undefined;
    const base = { name, op: "model", worst: 0 };
    if (!build) return { ...base, status: "unsupported", reason: "the engine has no such model" };
    const found = faults(build(), facts);
    return { ...base, status: found.length > 0 ? "failed" : "passed", reason: found.join("; ") };
  });
  return { file, cases };
}
