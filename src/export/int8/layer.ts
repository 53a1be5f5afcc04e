// The numbers of an integer layer: weight and bias with the batch norm folded into them.
import { fromInt8, type Int8Weight, int8Weight, roundEven } from "../../io/index.ts";
import type { BatchNormOptions } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Int8Layer } from "./plan.ts";

/** Numbers of an integer layer. */
export interface LayerNumbers {
  readonly weight: Int8Weight;
  /** A bias as 32-bit integers, each times the scale of the input and of its channel; null without a bias. */
  readonly bias: { readonly codes: Int32Array; readonly scales: Float32Array } | null;
}

/** Largest magnitude of a bias, which leaves room in the sum of 32 bits. */
const MOST_BIAS = 2 ** 30;

/** Return the factor and the shift of each channel by which batch norm maps the layer's result, in float64. */
function affineOf({ norm }: Int8Layer, channels: number, valuesOf: (t: Tensor) => Float32Array) {
  const fill = (value: number) => new Float32Array(channels).fill(value);
  if (!norm) return { factor: fill(1), shift: fill(0) };
  const { eps = 1e-5 } = norm.options as BatchNormOptions;
  const [, weight, bias, mean, variance] = norm.inputs.map((t, i) => (t && i > 0 ? valuesOf(t) : null));
  const factor = Float64Array.from(fill(1), (_, c) => (weight?.[c] ?? 1) / Math.sqrt((variance?.[c] ?? 1) + eps));
  const shift = Float64Array.from(factor, (f, c) => (bias?.[c] ?? 0) - (mean?.[c] ?? 0) * f);
  return { factor, shift };
}

/**
 * Compute the integers of a layer: codes of the weight without batch norm, with the sign of its factor, and scales times the
 * factor's magnitude. A channel whose bias exceeds 32 bits at that scale takes a larger one.
 *
 * @param inputScale Scale of the layer's input.
 */
export function layerNumbers(
  layer: Int8Layer,
  valuesOf: (t: Tensor) => Float32Array,
  inputScale: number,
): LayerNumbers {
  const [, weightTensor, biasTensor] = layer.step.inputs;
  const channels = weightTensor!.shape[0]!;
  const size = weightTensor!.numel / channels;
  const { factor, shift } = affineOf(layer, channels, valuesOf);
  const plain = valuesOf(weightTensor!);
  const own = biasTensor ? valuesOf(biasTensor) : null;
  const biases = Float64Array.from(factor, (f, c) => (own?.[c] ?? 0) * f + shift[c]!);
  const weight = int8Weight(plain, channels);
  const largest = weight.scales.reduce((most, scale, c) => Math.max(most, scale * Math.abs(factor[c]!)), 0) || 1;
  for (let c = 0; c < channels; c++) {
    const f = factor[c]!;
    const least = Math.abs(biases[c]!) / (MOST_BIAS * inputScale);
    const scale = Math.fround(f === 0 ? largest : weight.scales[c]! * Math.abs(f));
    const finer = scale >= least && scale > 0;
    const sign = Math.sign(f);
    for (let i = c * size; i < (c + 1) * size; i++)
      weight.codes[i] = finer ? sign * weight.codes[i]! : roundEven((plain[i]! * f) / Math.fround(least));
    weight.scales[c] = finer ? scale : least;
  }
  if (!own && !layer.norm) return { weight, bias: null };
  const scales = weight.scales.map((scale) => inputScale * scale);
  return { weight, bias: { codes: Int32Array.from(biases, (b, c) => roundEven(b / scales[c]!)), scales } };
}

/** Return the weight and the bias that the integers stand for. */
export function layerValues({ weight, bias }: LayerNumbers): { weight: Float32Array; bias: Float32Array | null } {
  return {
    weight: fromInt8(weight),
    bias: bias && Float32Array.from(bias.codes, (code, c) => code * bias.scales[c]!),
  };
}
