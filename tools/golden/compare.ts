// Compares a result with its reference, and holds the tolerances.
import type { GoldenCase, GoldenTensor } from "./format.ts";

/** |got - want| <= atol + rtol · max|want| over the tensor. Exact: both 0. */
interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

const EXACT: Tolerance = { rtol: 0, atol: 0 };
// One rounding per element, or a handful.
const POINTWISE: Tolerance = { rtol: 2e-6, atol: 1e-6 };
// WGSL allows exp, tanh, pow and similar functions an error of several units in the last place.
const TRANSCENDENTAL: Tolerance = { rtol: 1e-5, atol: 2e-6 };
// Sums of many products.
const SUMS: Tolerance = { rtol: 1e-5, atol: 2e-6 };
const BATCH_NORM: Tolerance = { rtol: 2e-5, atol: 5e-6 };
// Rounding errors of twenty steps.
const TRAJECTORY: Tolerance = { rtol: 2e-5, atol: 2e-6 };
// Up to 160 layers one after another; seen on a software adapter: 1e-6.
const LOGITS: Tolerance = { rtol: 1e-4, atol: 0 };
const TRAINING_OUTPUT: Tolerance = { rtol: 1e-4, atol: 1e-5 };
const TRAINING_STATE: Tolerance = { rtol: 1e-4, atol: 2e-5 };

const pointwise = [
  ...["relu", "relu6", "hardswish", "hardsigmoid", "abs", "square", "neg", "sqrt"],
  ...["add", "sub", "mul", "div", "maximum", "minimum", "dropout"],
  ...["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"],
  ...["soft_threshold", "soft_threshold_straight_through", "str_threshold", "ltp_threshold", "sew_connect"],
  "sparse_group_soft_threshold",
];
// Counts: must be exact.
const exact = [
  "encode_direct",
  "encode_poisson",
  "encode_latency_linear",
  "encode_latency_log",
  "encode_weighted_phase",
];
const transcendental = [
  ...["silu", "sigmoid", "tanh", "gelu_erf", "gelu_tanh", "softplus", "exp", "log"],
  ...["softmax", "log_softmax", "cross_entropy", "local_response_norm"],
  ...["mse_loss", "huber_loss", "bce_with_logits"],
];
const sums = ["conv2d", "linear", "matmul", "sum", "mean", "max"];
const trajectories = [
  ...["sgd", "sgd_soft_threshold_latent", "sgd_prox_l1", "sgd_prox_increment", "ltp_trajectory", "str_trajectory"],
  ...["sgd_sparse_group_latent", "sgd_sparse_group_inplace"],
  ...["adam", "adamw", "rmsprop"].flatMap((op) => [op, `${op}_soft_threshold_latent`]),
];

const byOp = new Map<string, Tolerance>([
  ...pointwise.map((op) => [op, POINTWISE] as const),
  ...transcendental.map((op) => [op, TRANSCENDENTAL] as const),
  ...sums.map((op) => [op, SUMS] as const),
  ...trajectories.map((op) => [op, TRAJECTORY] as const),
  ...[...exact, "event_file"].map((op) => [op, EXACT] as const),
  ["zoo_logits", LOGITS],
  ["batch_norm2d", BATCH_NORM],
  // Potentials and gradients; the spikes are exact.
  ["spiking_neuron", SUMS],
]);

const numel = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

function trainingTolerance(c: GoldenCase, tensor: string): Tolerance {
  const layers = (c.attrs["thresholded_weights"] as readonly string[] | undefined) ?? [];
  // A weight close to the threshold may fall to either side: two per layer may differ.
  if (tensor === "zeros_per_layer") return { rtol: 0, atol: 2 };
  if (tensor === "sparsity") {
    const weights = layers.reduce((n, name) => n + numel(c.tensors.get(`init/${name}`)?.shape ?? [0]), 0);
    return { rtol: 0, atol: (2 * layers.length) / Math.max(weights, 1) };
  }
  if (tensor === "threshold") return POINTWISE;
  return /^(grad0|final|final_sparse)\//.test(tensor) ? TRAINING_STATE : TRAINING_OUTPUT;
}

/** Return the tolerance of one tensor of a case. Ops that are not listed get the strictest, the pointwise one. */
function toleranceOf(c: GoldenCase, tensor: string): Tolerance {
  if (c.tensors.get(tensor)?.data instanceof Int32Array && tensor !== "zeros_per_layer") return EXACT;
  if (c.op === "spiking_neuron" && tensor === "spike") return EXACT;
  if (c.op === "train_end_to_end") return trainingTolerance(c, tensor);
  if (c.op.startsWith("leaky_relu")) return POINTWISE;
  return byOp.get(c.op) ?? POINTWISE;
}

export interface Comparison {
  readonly tensor: string;
  /** Largest |got - want|; infinite for NaN or a wrong element count. */
  readonly deviation: number;
  readonly limit: number;
}

// The reference framework's own float32 may exceed a limit if results nearly vanish.
const F32_FACTOR = 20;

/** Compare one tensor. An infinite reference matches only the same infinity. */
export function compareTensor(c: GoldenCase, tensor: string, want: GoldenTensor, got: ArrayLike<number>): Comparison {
  const { rtol, atol } = toleranceOf(c, tensor);
  let scale = 0;
  for (const v of want.data) if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
  const own = c.f32Dev[tensor] ?? c.f32Dev[tensor.split("/")[0]!] ?? 0;
  const limit = rtol === 0 && atol === 0 ? 0 : Math.max(atol + rtol * scale, F32_FACTOR * own);
  if (got.length !== want.data.length) return { tensor, deviation: Number.POSITIVE_INFINITY, limit };
  let deviation = 0;
  for (let i = 0; i < got.length; i++) {
    const a = got[i]!;
    const b = want.data[i]!;
    if (a === b) continue;
    const off = Math.abs(a - b);
    deviation = Math.max(deviation, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off);
  }
  return { tensor, deviation, limit };
}
