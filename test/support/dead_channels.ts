// Models with dead channels, made at random: whole filters are zero, some with their batch norm.
import {
  BatchNorm2d,
  Conv2d,
  type InputShapes,
  Linear,
  type Module,
  metaInputs,
  type StateDict,
  traceModule,
} from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { randomArray } from "./random.ts";
import { RandomStream } from "./random_stream.ts";

/** Options of `withDeadChannels`. */
export interface DeadOptions {
  readonly sample: InputShapes;
  readonly seed?: number;
  /** Share of dead outputs in each layer but the last. Default 0.4. */
  readonly share?: number;
  /** Share of the dead outputs whose batch norm is zero too, so that their constant is 0. Default 0.7. */
  readonly silent?: number;
  /** Factor of the initial weights. Default 1. */
  readonly gain?: number;
  /** Layers whose outputs may die. Default: all but the last. */
  readonly may?: (path: string) => boolean;
}

/** Return the batch norm that reads each layer's output, by the layer's path. */
function normsAfter(model: Module, sample: InputShapes): Map<string, string> {
  const { steps } = traceModule(model, metaInputs("test", sample, 2).inputs);
  const paths = new Map<Tensor, string>(
    [...model.namedState()].map(([name, t]) => [t, name.slice(0, name.lastIndexOf("."))]),
  );
  const found = new Map<string, string>();
  for (const { op, inputs, output } of steps) {
    if (op !== "conv2d" && op !== "linear") continue;
    const norm = steps.find((step) => step.op.startsWith("batchNorm") && step.inputs[0] === output);
    const mean = norm?.inputs.at(-2);
    if (mean) found.set(paths.get(inputs[1]!)!, paths.get(mean)!);
  }
  return found;
}

/** Set random outputs of a layer to zero, and those of its batch norm for a share of them. */
function killOutputs(
  state: StateDict,
  path: string,
  norm: string | undefined,
  { share, silent, random }: { share: number; silent: number; random: RandomStream },
): void {
  const { data, shape } = state.get(`${path}.weight`)!;
  const row = data.length / shape[0]!;
  for (let o = 0; o < shape[0]!; o++) {
    if (random.between(0, 1) >= share) continue;
    data.fill(0, o * row, (o + 1) * row);
    if (random.between(0, 1) >= silent) continue;
    for (const name of [`${path}.bias`, ...(norm ? [`${norm}.weight`, `${norm}.bias`] : [])])
      state.get(name)?.data.fill(0, o, o + 1);
  }
}

/** Return values for the model with random batch norms, and outputs of layers that are zero. */
export function withDeadChannels(model: Module, options: DeadOptions): StateDict {
  const { sample, seed = 1, share = 0.4, silent = 0.7, gain = 1 } = options;
  const random = new RandomStream(seed);
  const state: StateDict = new Map(
    [...model.namedState()].map(([name, t]) => [name, { data: Float32Array.from(t.initialValues()), shape: t.shape }]),
  );
  const of = (path: string, name: string) => state.get(`${path}.${name}`)?.data as Float32Array | undefined;
  const randomise = (values: Float32Array | undefined, low: number, high: number) => {
    for (const i of values?.keys() ?? []) values![i] = random.between(low, high);
  };
  const modules = [...model.namedModules()];
  for (const [path, m] of modules) {
    if (!(m instanceof BatchNorm2d)) continue;
    for (const name of ["weight", "running_var"]) randomise(of(path, name), 0.5, 1.5);
    for (const name of ["bias", "running_mean"]) randomise(of(path, name), -0.3, 0.6);
  }
  const layers = modules.filter(([, m]) => m instanceof Conv2d || m instanceof Linear);
  const last = layers.at(-1)![0];
  const norms = normsAfter(model, sample);
  const { may = (path) => path !== last } = options;
  for (const [path] of layers) {
    const weight = state.get(`${path}.weight`)!;
    // A layer that was resized starts as zeros.
    const inputs = weight.data.length / weight.shape[0]!;
    if (weight.data.every((v) => v === 0))
      weight.data.set(randomArray(weight.data.length, seed, Math.sqrt(2 / inputs)));
    for (const [i, v] of weight.data.entries()) weight.data[i] = v * gain;
    if (may(path)) killOutputs(state, path, norms.get(path), { share, silent, random });
  }
  return state;
}
