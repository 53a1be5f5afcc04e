// ONNX rules for layers with weights: convolution, batch norm and its fused forms, linear layers, matrix products.
import type { BatchNormOptions, Conv2dOptions, ConvTranspose2dOptions } from "../../ops/index.ts";
import type { OnnxAttributes } from "./graph.ts";
import type { OpContext, Rules } from "./rule.ts";

const pair = (v: number | readonly [number, number]): readonly number[] => (typeof v === "number" ? [v, v] : v);

/** Return the attributes that convolutions share. */
function windowOf(c: OpContext, { stride = 1, padding = 0, dilation = 1, groups = 1 }: Conv2dOptions): OnnxAttributes {
  const weight = c.inputShape(1);
  return {
    kernel_shape: { ints: [c.fixed(weight, 2), c.fixed(weight, 3)] },
    strides: { ints: pair(stride) },
    // ONNX lists the begins of both axes, then the ends.
    pads: { ints: [...pair(padding), ...pair(padding)] },
    dilations: { ints: pair(dilation) },
    group: { int: groups },
  };
}

const conv2d = (c: OpContext): void => c.end("Conv", c.inputs, windowOf(c, c.options<Conv2dOptions>()));

function convTranspose2d(c: OpContext): void {
  const options = c.options<ConvTranspose2dOptions>();
  const more = { output_padding: { ints: pair(options.outputPadding ?? 0) } };
  c.end("ConvTranspose", c.inputs, { ...windowOf(c, options), ...more });
}

/** Normalise x with running statistics. ONNX requires weight and bias, even if the layer has none. */
function normalise(c: OpContext, perChannel: readonly (string | null)[], output?: string): string {
  const { eps = 1e-5, training = false } = c.options<BatchNormOptions>();
  if (training) c.fail("expected evaluation mode, got batch statistics");
  const [weight, bias, mean, variance] = perChannel;
  const constant = (label: string, value: number) => {
    const channels = c.fixed(c.inputShape(), 1);
    return c.graph.numbers(label, new Float32Array(channels).fill(value), [channels]);
  };
  const inputs = [c.x, weight ?? constant("ones", 1), bias ?? constant("zeros", 0), mean ?? null, variance ?? null];
  return c.graph.node("BatchNormalization", inputs, { epsilon: { float: eps } }, output);
}

function linear(c: OpContext): void {
  const [x = null, weight = null, bias = null] = c.inputs;
  if (c.inputShape().length === 2) {
    c.end("Gemm", [x, weight, bias], { transB: { int: 1 } });
    return;
  }
  const product = [x, c.add("Transpose", [weight], { perm: { ints: [1, 0] } })];
  if (bias) c.end("Add", [c.add("MatMul", product), bias]);
  else c.end("MatMul", product);
}

function matmul(c: OpContext): void {
  const { transposeA = false, transposeB = false } = c.options<{ transposeA?: boolean; transposeB?: boolean }>();
  const turned = (i: number, transpose: boolean): string => {
    const name = c.inputs[i]!;
    if (!transpose) return name;
    const axes = c.inputShape(i).map((_, axis) => axis);
    return c.add("Transpose", [name], { perm: { ints: [...axes.slice(0, -2), ...axes.slice(-2).reverse()] } });
  };
  c.end("MatMul", [turned(0, transposeA), turned(1, transposeB)]);
}

export const layerRules: Rules = {
  conv2d,
  convTranspose2d,
  batchNorm: (c) => {
    normalise(c, c.inputs.slice(1), c.output);
  },
  batchNormRelu: (c) => c.end("Relu", [normalise(c, c.inputs.slice(1))]),
  batchNormAddRelu: (c) => {
    const sum = c.add("Add", [normalise(c, c.inputs.slice(2)), c.inputs[1]!]);
    c.end("Relu", [sum]);
  },
  linear,
  matmul,
};
