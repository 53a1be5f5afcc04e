// Simulates integer layers in the engine: weights, biases and values are rounded to what the integers stand for.
import { OpError } from "../../gpu/index.ts";
import type { Module, StateDict } from "../../nn/index.ts";
import { add, div, mul, sub } from "../../ops/binary.ts";
import { clamp } from "../../ops/clamp.ts";
import { copyInto, type HostArray, type Tensor } from "../../tensor/index.ts";
import type { Int8Calibration, Int8Scale } from "./calibrate.ts";
import { layerNumbers, layerValues } from "./layer.ts";
import { int8Network, parametersOf } from "./network.ts";
import { INPUT_SCALE, type Int8Plan } from "./plan.ts";
import { watchValues } from "./watch.ts";

const FAILED = "simulateInt8";

/** Number that f32 adds without a fraction: adding and subtracting it rounds to integers, ties to even. */
const ROUNDER = 1.5 * 2 ** 23;

/** Round values to integers of a scale and return what they stand for. Three kernels, so that no compiler joins sum and difference. */
export function fakeInt8(x: Tensor, { scale, zero }: Int8Scale): Tensor {
  const codes = clamp(div(x, scale), { min: -128 - zero, max: 127 - zero });
  return mul(sub(add(codes, ROUNDER), ROUNDER), scale);
}

/** Return the scale of a value. Errors: OpError if the calibration is of another network. */
export function scaleFor(op: string, { scales }: Int8Calibration, name: string | undefined): Int8Scale {
  const found = name !== undefined && Object.hasOwn(scales, name) ? scales[name] : undefined;
  const isScale = found && found.scale > 0 && Number.isInteger(found.zero) && found.zero >= -128 && found.zero <= 127;
  if (isScale) return found;
  throw new OpError(op, `int8: expected a calibration of this network, got one without a scale of ${name}`);
}

/** Return the weights of the simulated network: dequantised, with batch norms that only add the bias. */
function simulatedWeights(model: Module, plan: Int8Plan, weights: StateDict, int8: Int8Calibration): StateDict {
  const names = parametersOf(model);
  const changed = new Map<string, HostArray>(weights);
  const nameOf = (t: Tensor) => names.get(t)!;
  const valuesOf = (t: Tensor) => weights.get(nameOf(t))!.data as Float32Array;
  const put = (t: Tensor | null | undefined, value: (c: number) => number) => {
    if (t) changed.set(nameOf(t), { shape: t.shape, data: Float32Array.from({ length: t.numel }, (_, c) => value(c)) });
  };
  for (const layer of plan.layers.values()) {
    const [x, weight, bias] = layer.step.inputs;
    const { scale } = scaleFor(FAILED, int8, plan.scaleOf.get(x!));
    const values = layerValues(layerNumbers(layer, valuesOf, scale));
    put(weight, (i) => values.weight[i]!);
    if (!layer.norm) {
      put(bias, (c) => values.bias![c]!);
      continue;
    }
    const { eps = 1e-5 } = layer.norm.options as { eps?: number };
    const [, factor, shift, mean, variance] = layer.norm.inputs;
    put(bias, () => 0);
    put(factor, () => 1);
    put(shift, () => 0);
    put(mean, (c) => -values.bias![c]!);
    put(variance, () => 1 - eps);
  }
  return changed as StateDict;
}

/**
 * Run `measure` while the model computes as its integer version does: weights of 8 bits per output channel, biases of 32 bits, and
 * values of 8 bits per tensor at the places where `exportOnnx` rounds them. Restores the weights. Waits for the GPU.
 *
 * Errors   OpError for a calibration of another network, and as `calibrateInt8`.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * const model = new Sequential([new Linear(2, 8), new ReLU(), new Linear(8, 2)]);
 * const batches = () => new DataLoader({ dataset: points, batchSize: 4 });
 * const int8 = await calibrateInt8(model, batches(), { sample: points.shape });
 * const { accuracy } = await simulateInt8(model, int8, () =>
 *   new Evaluator(model, { sample: points.shape }).run(batches()),
 * );
 * console.log(accuracy); // 0, 0.25, ... 1
 */
export async function simulateInt8<T>(model: Module, int8: Int8Calibration, measure: () => Promise<T>): Promise<T> {
  const { plan } = int8Network(FAILED, model, [...int8.sample]);
  const weights = await model.stateDict();
  const round = (name: string, value: Tensor): Tensor => {
    const rounded = fakeInt8(value, scaleFor(FAILED, int8, name));
    // The input belongs to the caller; results of ops are changed where they are.
    if (name !== INPUT_SCALE) copyInto(value, rounded);
    return rounded;
  };
  model.loadStateDict(simulatedWeights(model, plan, weights, int8));
  try {
    return await watchValues(model, plan, round, measure);
  } finally {
    model.loadStateDict(weights);
  }
}
