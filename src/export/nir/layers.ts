// Layers of NIR nodes.
import { OpError } from "../../gpu/index.ts";
import type { NirArray, NirNode } from "../../io/index.ts";
import { AvgPool2d, Conv2d, Flatten, IFNode, LIFNode, Linear, Module, type NodeConfig } from "../../nn/index.ts";
import { avgPool2d } from "../../ops/avg_pool2d.ts";
import { mul } from "../../ops/binary.ts";
import { formatShape, type Tensor } from "../../tensor/index.ts";
import { thresholdAt } from "./numbers.ts";

/** Options of `importNir`. */
export interface ImportNirOptions extends Pick<NodeConfig, "surrogate" | "detachReset"> {
  /** Time steps of the network. Default: those in the file's notes, else 4. */
  readonly timeSteps?: number;
  /** Seconds of a time step, in which the file's time constants are. Default 1: they are in steps. */
  readonly dt?: number;
}

/** Throw OpError that names a node. */
export function nodeFail(name: string, { type }: NirNode, problem: string): never {
  throw new OpError("importNir", `${type} ${name}: ${problem}`);
}

function arrayOf(name: string, node: NirNode, key: string): NirArray {
  const found = Object.hasOwn(node.params, key) ? node.params[key] : undefined;
  if (found && typeof found !== "string") return found;
  return nodeFail(name, node, `${key}: expected an array, got ${found === undefined ? "none" : JSON.stringify(found)}`);
}

/** Return a parameter as integers. */
export function integersOf(name: string, node: NirNode, key: string): number[] {
  const values = Array.from(arrayOf(name, node, key).data, Number);
  const bad = values.find((v) => !Number.isSafeInteger(v));
  return bad === undefined ? values : nodeFail(name, node, `${key}: expected integers, got ${bad}`);
}

/** Return one or two integers as a pair. */
function pairOf(name: string, node: NirNode, key: string): [number, number] {
  const [a, b = a, ...more] = integersOf(name, node, key);
  if (a === undefined || b === undefined || more.length > 0)
    nodeFail(name, node, `${key}: expected one or two integers`);
  return [a!, b!];
}

/** Return numbers as float32, of `rank` axes. */
function floatsOf(
  name: string,
  node: NirNode,
  key: string,
  rank: number,
): { data: Float32Array; shape: readonly number[] } {
  const { data, shape } = arrayOf(name, node, key);
  if (data instanceof BigInt64Array || shape.length !== rank)
    nodeFail(name, node, `${key}: expected floats of ${rank} axes, got ${formatShape(shape)}`);
  const bad = (data as Float32Array).find((v) => !Number.isFinite(Math.fround(v)));
  if (bad !== undefined) nodeFail(name, node, `${key}: expected finite float32 numbers, got ${bad}`);
  return { data: data instanceof Float32Array ? data : Float32Array.from(data as Float64Array), shape };
}

/** Return the number that all neurons of a layer share. */
function shared(name: string, node: NirNode, key: string): number {
  const { data } = arrayOf(name, node, key);
  const [first] = data;
  if (first === undefined || !Number.isFinite(Number(first))) nodeFail(name, node, `${key}: expected finite numbers`);
  const other = (data as Float64Array).find((v) => v !== first);
  if (other !== undefined)
    nodeFail(name, node, `${key}: expected one value for all neurons, got ${first} and ${other}`);
  return Number(first);
}

/** Return a padding: NIR's may be "valid", or "same" for an odd kernel and stride 1. */
function paddingOf(
  name: string,
  node: NirNode,
  kernel: readonly number[],
  dilation: readonly number[],
): [number, number] {
  const text = node.params["padding"];
  if (typeof text !== "string") return pairOf(name, node, "padding");
  if (text === "valid") return [0, 0];
  const sides = [0, 1].map((i) => (dilation[i]! * (kernel[i]! - 1)) / 2);
  if (text !== "same" || !sides.every(Number.isInteger) || pairOf(name, node, "stride").some((s) => s !== 1))
    nodeFail(name, node, `padding: expected integers, valid, or same with an odd kernel and stride 1, got ${text}`);
  return [sides[0]!, sides[1]!];
}

function conv2d(name: string, node: NirNode): Module {
  const { data, shape } = floatsOf(name, node, "weight", 4);
  const [outputs = 0, perGroup = 0, kh = 0, kw = 0] = shape;
  const [groups = 1] = integersOf(name, node, "groups");
  const bias = floatsOf(name, node, "bias", 1).data;
  if (bias.length !== outputs) nodeFail(name, node, `bias: expected ${outputs} numbers, got ${bias.length}`);
  const dilation = pairOf(name, node, "dilation");
  return new Conv2d(perGroup * groups, outputs, [kh, kw], {
    stride: pairOf(name, node, "stride"),
    padding: paddingOf(name, node, [kh, kw], dilation),
    dilation,
    groups,
    init: () => data,
    biasInit: () => bias,
  });
}

function linear(name: string, node: NirNode): Module {
  const { data, shape } = floatsOf(name, node, "weight", 2);
  const [outputs = 0, inputs = 0] = shape;
  if (node.type === "Linear") return new Linear(inputs, outputs, { bias: false, init: () => data });
  const bias = floatsOf(name, node, "bias", 1).data;
  if (bias.length !== outputs) nodeFail(name, node, `bias: expected ${outputs} numbers, got ${bias.length}`);
  return new Linear(inputs, outputs, { init: () => data, biasInit: () => bias });
}

/** NIR: the potential grows by dt · r · I (IF), or by dt/tau · (v_leak - v + r · I), and a spike sets it to v_reset. */
function neuron(name: string, node: NirNode, { dt = 1, ...fire }: LayerOptions): Module {
  const resistance = shared(name, node, "r");
  const reset = "v_reset" in node.params ? shared(name, node, "v_reset") : 0;
  const threshold = shared(name, node, "v_threshold");
  const config = (gain: number): NodeConfig => {
    if (!(gain > 0)) nodeFail(name, node, `r: expected a resistance > 0, got ${resistance}`);
    const at = gain === 1 ? thresholdAt(threshold) : threshold / gain;
    if (!(at > reset / gain))
      nodeFail(name, node, `v_threshold: expected more than v_reset = ${reset}, got ${threshold}`);
    return { ...fire, vThreshold: at, vReset: reset / gain };
  };
  // A gain within float32's rounding is the engine's.
  const near = (a: number, b: number) => Math.fround(a) === Math.fround(b);
  if (node.type === "IF") return new IFNode(config(near(resistance, 1 / dt) ? 1 : resistance * dt));
  const leak = shared(name, node, "v_leak");
  if (leak !== reset)
    nodeFail(name, node, `v_leak: expected v_reset = ${reset}, to which the engine's neurons leak, got ${leak}`);
  const tau = shared(name, node, "tau") / dt;
  if (!(tau > 1)) nodeFail(name, node, `tau: expected more than dt = ${dt}, got ${tau * dt}`);
  const decayInput = !near(resistance, tau);
  return new LIFNode({ ...config(decayInput && resistance !== 1 ? resistance : 1), tau, decayInput });
}

/** Sum of each window of x [N,C,H,W]. */
class SumPool2d extends Module<[x: Tensor], Tensor> {
  private readonly options: { readonly kernel: [number, number]; stride: [number, number]; padding: [number, number] };

  constructor(options: SumPool2d["options"]) {
    super();
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    const [h, w] = this.options.kernel;
    return mul(avgPool2d(x, this.options), h * w);
  }
}

/** Make a pool of means or sums. */
function pool(name: string, node: NirNode): Module {
  const kernel = pairOf(name, node, "kernel_size");
  const options = { kernel, stride: pairOf(name, node, "stride"), padding: pairOf(name, node, "padding") };
  return node.type === "AvgPool2d" ? new AvgPool2d(options) : new SumPool2d(options);
}

function flatten(name: string, node: NirNode): Module {
  const shape = "input_type" in node.params ? integersOf(name, node, "input_type") : [];
  const [start = 1] = "start_dim" in node.params ? integersOf(name, node, "start_dim") : [];
  const [end = -1] = "end_dim" in node.params ? integersOf(name, node, "end_dim") : [];
  const last = shape.length - 1;
  if (start !== 0 || !(end === -1 || (last >= 0 && end === last)))
    nodeFail(name, node, `expected all axes of a sample, got ${start} to ${end}`);
  return new Flatten();
}

/** Options of a layer. */
type LayerOptions = Omit<ImportNirOptions, "timeSteps">;

type Make = (name: string, node: NirNode, options: LayerOptions) => Module;
const MAKERS: Readonly<Record<string, Make>> = {
  Conv2d: conv2d,
  Affine: linear,
  Linear: linear,
  IF: neuron,
  LIF: neuron,
  SumPool2d: pool,
  AvgPool2d: pool,
  Flatten: flatten,
};

/** Make the layer of a node. Errors: OpError naming the node. */
export function layerOf(name: string, node: NirNode, options: LayerOptions): Module {
  const make = Object.hasOwn(MAKERS, node.type) ? MAKERS[node.type]! : null;
  if (make) return make(name, node, options);
  return nodeFail(name, node, `expected one of ${Object.keys(MAKERS).join(", ")}`);
}
