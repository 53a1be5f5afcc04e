// Batch norm and the spiking neurons behind it in one kernel. The normalised values are never written: backward recomputes them
// from the convolution's output, which batch norm's own backward saves anyway.
import { type BackwardContext, computeOnce, defineOp, expectFloat } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { empty, type Shape, type Tensor } from "../tensor/index.ts";
import { type BatchNormOptions, batchNormBackward, batchNormStatistics, inferBatchNorm } from "./batch_norm.ts";
import { AFTER } from "./norm/passes.ts";
import {
  expectLeakLogit,
  expectTimeSteps,
  type NeuronKind,
  type NeuronOptions,
  resolveNeuron,
} from "./spiking/neuron.ts";
import { type Current, walkBackward, walkForward } from "./spiking/walk.ts";

const NAME = "batchNormNeuron";

export interface BatchNormNeuronOptions
  extends Omit<BatchNormOptions, "stats">,
    Omit<NeuronOptions, "state" | "keep" | "timeSteps"> {
  readonly neuron: NeuronKind;
  readonly timeSteps: number;
  /** True if x is one step, the same for all. Default false. */
  readonly constant?: boolean;
}

type Inputs = [
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  w: Tensor | null,
];

/** Shape of one step, [N, C, ...]. */
function oneStep(x: Tensor, { timeSteps, constant = false }: BatchNormNeuronOptions): Shape {
  expectTimeSteps(NAME, timeSteps);
  const [folded = 0, ...rest] = x.shape;
  if (constant) return x.shape;
  if (folded % timeSteps !== 0) throw new OpError(NAME, `x: expected a first axis of T·N with T = ${timeSteps}`, { x });
  return [folded / timeSteps, ...rest];
}

function currentOf(x: Tensor, stats: Tensor, options: BatchNormNeuronOptions): Current {
  const [, channels = 1, ...plane] = x.shape;
  const norm = { stats, channels, plane: plane.reduce((a, b) => a * b, 1) };
  const { dtype } = x;
  return { x, dtype, constant: options.constant ?? false, steps: options.timeSteps, one: oneStep(x, options), norm };
}

/**
 * Spikes of neurons whose current is batchNorm(x).
 *
 * Shapes    x [T*N, C, ...], or with `constant` [N, C, ...], the same at every step; weight, bias, runningMean, runningVar
 *           [C] or null as for batchNorm; w of one element for PLIF, else null -> spikes [T, N, C, ...].
 * State     training: running statistics are updated, as in batchNorm. The neurons begin at rest.
 * Backward  to x, weight, bias and w.
 * Errors    those of batchNorm and lif.
 * Source    Ioffe & Szegedy 2015 and the sources of lif; the fusion has no other source.
 */
export const batchNormNeuron = defineOp({
  name: NAME,
  options: [
    ...(["training", "momentum", "eps", "neuron", "timeSteps", "constant", "vThreshold", "vReset"] as const),
    ...(["detachReset", "surrogate", "smooth", "decayInput", "tau"] as const),
  ],
  infer([x, weight, bias, mean, variance, w]: Inputs, options: BatchNormNeuronOptions) {
    expectFloat(NAME, { w });
    const { dtype } = inferBatchNorm(NAME, x, [weight, bias, mean, variance], options);
    resolveNeuron(NAME, options.neuron, options);
    expectLeakLogit(NAME, options.neuron, w);
    return { shape: [options.timeSteps, ...oneStep(x, options)], dtype };
  },
  forward(y, [x, weight, bias, mean, variance, w], options): (Tensor | null)[] {
    // Once, also in a checkpoint's second run: the running statistics must not be updated twice.
    const stats = computeOnce(() => batchNormStatistics(x, [weight, bias, mean, variance], options));
    const neuron = resolveNeuron(NAME, options.neuron, options);
    const between = walkForward(neuron, currentOf(x, stats, options), { v0: null, w }, "spike", y);
    return [x, stats, w, ...between];
  },
  backward(dy, [kept, statistics, w = null, ...between], context: BackwardContext<BatchNormNeuronOptions>) {
    const { options, needs, out } = context;
    const [x, stats] = [kept!, statistics!];
    const neuron = resolveNeuron(NAME, options.neuron, options);
    const dw = needs[5] ? out(5) : null;
    const dcurrent = empty(x.shape, x.dtype);
    walkBackward(neuron, currentOf(x, stats, options), { v0: null, w }, between as Tensor[], false, "spike", dy, {
      dx: dcurrent,
      dv0: null,
      dw,
    });
    const saved = { x, stats, y: null, after: AFTER.nothing };
    const gradients = batchNormBackward(saved, dcurrent, { x: 0, residual: null, weight: 1, bias: 2 }, context);
    gradients[5] = dw;
    return gradients;
  },
});
