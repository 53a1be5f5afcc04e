// Weight and bias of a layer with the batch norm after it folded in.

import type { TracedStep } from "../../nn/index.ts";
import type { BatchNormOptions } from "../../ops/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** Weight and bias of a layer. */
export interface LayerWeights {
  readonly weight: Float32Array;
  /** Null without a bias. */
  readonly bias: Float32Array | null;
}

/** Fold batch norm into a layer, in float64: w' = w · f, b' = (b - mean) · f + shift with f = factor / sqrt(variance + eps). */
export function foldedWeights(
  step: TracedStep,
  norm: TracedStep | null,
  valuesOf: (t: Tensor) => Float32Array,
): LayerWeights {
  const [, weightTensor, biasTensor] = step.inputs;
  const weight = valuesOf(weightTensor!);
  const bias = biasTensor ? valuesOf(biasTensor) : null;
  if (!norm) return { weight, bias };
  const { eps = 1e-5 } = norm.options as BatchNormOptions;
  const [, factor, shift, mean, variance] = norm.inputs.map((t, i) => (t && i > 0 ? valuesOf(t) : null));
  const channels = weightTensor!.shape[0]!;
  const size = weight.length / channels;
  const f = Float64Array.from(
    { length: channels },
    (_, c) => (factor?.[c] ?? 1) / Math.sqrt((variance?.[c] ?? 1) + eps),
  );
  return {
    weight: weight.map((w, i) => w * f[Math.floor(i / size)]!),
    bias: Float32Array.from(f, (k, c) => ((bias?.[c] ?? 0) - (mean?.[c] ?? 0)) * k + (shift?.[c] ?? 0)),
  };
}
