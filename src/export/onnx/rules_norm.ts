// ONNX rules for layer norm and group norm.
import type { GroupNormSettings, LayerNormSettings } from "../../ops/index.ts";
import { numel } from "../../tensor/index.ts";
import type { OpContext, Rules } from "./rule.ts";
import type { OnnxShape } from "./shape.ts";

function layerNorm(c: OpContext): void {
  const { shape, eps = 1e-5 } = c.options<LayerNormSettings>();
  const [x = null, weight = null, bias = null] = c.inputs;
  // ONNX requires the weight.
  const scale = weight ?? c.numbers("ones", new Float32Array(numel(shape)).fill(1), shape);
  c.end("LayerNormalization", [x, scale, bias], { axis: { int: -shape.length }, epsilon: { float: eps } });
}

/** Write group norm as instance norm of [N, groups, everything else], then the affine map of the channels. */
function groupNorm(c: OpContext): void {
  const { groups, eps = 1e-5 } = c.options<GroupNormSettings>();
  const shape = c.inputShape();
  const [batch = 1, ...sizes] = shape;
  const rest = numel(sizes.map((_, i) => c.fixed(shape, i + 1)));
  const of = (label: string, value: number) => c.numbers(label, new Float32Array(groups).fill(value), [groups]);
  const rows = c.reshape(c.x, [batch, groups, rest / groups]);
  const normal = c.add("InstanceNormalization", [rows, of("ones", 1), of("zeros", 0)], { epsilon: { float: eps } });
  const perChannel: OnnxShape = [c.fixed(shape, 1), ...shape.slice(2).map(() => 1)];
  const [, weight = null, bias = null] = c.inputs;
  let y = c.reshape(normal, shape, weight || bias ? undefined : c.output);
  if (weight) {
    const inputs = [y, c.reshape(weight, perChannel)];
    if (bias) y = c.add("Mul", inputs);
    else c.end("Mul", inputs);
  }
  if (bias) c.end("Add", [y, c.reshape(bias, perChannel)]);
}

export const normRules: Rules = { layerNorm, groupNorm };
