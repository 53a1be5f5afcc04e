// Writes integer layers as ONNX: pairs of QuantizeLinear and DequantizeLinear around their inputs, weights and results, which
// runtimes replace by integer kernels.
import { OpError } from "../../gpu/index.ts";
import type { StateDict, TracedStep } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { Int8Calibration } from "../int8/calibrate.ts";
import { layerNumbers } from "../int8/layer.ts";
import { checkedPlan } from "../int8/network.ts";
import type { Int8Layer, Int8Plan } from "../int8/plan.ts";
import { scaleFor } from "../int8/simulate.ts";
import type { GraphBuilder } from "./graph.ts";
import type { Trace } from "./trace.ts";

const FAILED = "exportOnnx";

/** The integer layers of one file. */
export class IntegerLayers {
  private readonly graph: GraphBuilder;
  private readonly plan: Int8Plan;
  private readonly int8: Int8Calibration;
  private readonly parameters: ReadonlyMap<Tensor, string>;
  private readonly weights: StateDict;

  constructor(
    graph: GraphBuilder,
    trace: Trace,
    int8: Int8Calibration,
    model: { readonly parameters: ReadonlyMap<Tensor, string>; readonly weights: StateDict },
  ) {
    this.graph = graph;
    this.int8 = int8;
    this.parameters = model.parameters;
    this.weights = model.weights;
    this.plan = checkedPlan(FAILED, trace, model.parameters);
    for (const name of this.plan.measured.keys()) scaleFor(FAILED, int8, name);
  }

  /** Return the inputs of a step that computes with integers, or of the ReLU of a folded batch norm; null for another op. */
  inputsOf(step: TracedStep, nameOf: (t: Tensor) => string | null): (string | null)[] | null {
    const x = nameOf(step.inputs[0]!);
    if (this.plan.folded.has(step)) return [x];
    const layer = this.plan.layers.get(step);
    return layer ? [x, ...this.parametersOf(layer)] : null;
  }

  /** Return the names of weight and bias of an integer layer, dequantised. */
  private parametersOf(layer: Int8Layer): [weight: string, bias: string | null] {
    const { step } = layer;
    const [x, weightTensor, biasTensor] = step.inputs;
    const { scale } = scaleFor(FAILED, this.int8, this.plan.scaleOf.get(x!));
    const valuesOf = (t: Tensor) => this.weights.get(this.parameters.get(t)!)!.data as Float32Array;
    const { weight, bias } = layerNumbers(layer, valuesOf, scale);
    const name = this.parameters.get(weightTensor!)!;
    const shape = weightTensor!.shape;
    const made = this.dequantised(name, { data: weight.codes, shape }, weight.scales);
    if (!bias) return [made, null];
    const own = biasTensor && this.parameters.get(biasTensor);
    const biasName = own || `${name.replace(/weight$/, "")}bias`;
    return [made, this.dequantised(biasName, { data: bias.codes, shape: [bias.codes.length] }, bias.scales)];
  }

  /** Check for a batch norm that is part of the weight and bias before it. */
  isFolded(step: TracedStep): boolean {
    return this.plan.folded.has(step);
  }

  /** Return the value that a folded batch norm without ReLU has too; null for another op. */
  replaces(step: TracedStep): Tensor | null {
    return this.plan.folded.has(step) && step.op === "batchNorm" ? step.inputs[0]! : null;
  }

  /** Round a value that has a scale. Returns the name of the result, or `name` for another value. */
  rounded(t: Tensor, name: string): string {
    const key = this.plan.scaleOf.get(t);
    if (key === undefined) return name;
    const { scale, zero } = scaleFor(FAILED, this.int8, key);
    const range = [
      this.graph.initializer(`${key}/scale`, Float32Array.of(scale), []),
      this.graph.initializer(`${key}/zero`, Int8Array.of(zero), []),
    ];
    return this.graph.node("DequantizeLinear", [this.graph.node("QuantizeLinear", [name, ...range]), ...range]);
  }

  private dequantised(
    base: string,
    { data, shape }: { readonly data: Int8Array | Int32Array; readonly shape: readonly number[] },
    scales: Float32Array,
  ): string {
    const name = this.graph.fresh(base);
    const scale = this.graph.fresh(`${name}.scale`);
    this.graph.initializer(scale, scales, [scales.length]);
    const inputs = [this.graph.initializer(name, data, shape), scale];
    return this.graph.node("DequantizeLinear", inputs, { axis: { int: 0 } });
  }
}

/** Check that a calibration is one, and that no other precision is chosen. Errors: OpError. */
export function expectInt8(int8: Int8Calibration, precision: string): void {
  if (precision !== "f32") throw new OpError(FAILED, `precision: expected f32 with int8, got ${precision}`);
  if (typeof int8 !== "object" || int8 === null || typeof int8.scales !== "object" || int8.scales === null)
    throw new OpError(FAILED, "int8: expected the result of await calibrateInt8(...)");
}
