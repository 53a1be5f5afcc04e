// Multiplies the weights of a convolution before batch norm by c, which leaves the network's function as it is, and prunes: by LTP,
// by an L1 penalty, and by weight decay (L2) with a cut of the smallest weights.
import {
  BatchNorm2d,
  Conv2d,
  captureStep,
  crossEntropy,
  flatten,
  Linear,
  Module,
  manualSeed,
  noGrad,
  type Parameter,
  type ParamGroup,
  pruningGroups,
  relu,
  SGD,
  type StateDict,
  Tape,
  type Tensor,
  tensor,
  tidy,
} from "../../src/internal.ts";

const METHODS = ["LTP", "L1", "L2"] as const;
export type Regularizer = (typeof METHODS)[number];
export const REGULARIZERS: readonly Regularizer[] = METHODS;

/** Factor of the learning rate of the multiplied layer. With c² its weights stay c times those of c = 1, but for the penalty. */
export type LayerRate = "c²" | "the same";

/** Result of one run, for the multiplied layer. */
export interface Rescaled {
  readonly method: Regularizer;
  readonly rate: LayerRate;
  readonly c: number;
  readonly zeros: number;
  /** Accuracy on the training images before and after pruning. */
  readonly accuracy: number;
  readonly mask: readonly boolean[];
}

const [SIZE, CLASSES, IMAGES, BATCH] = [8, 4, 512, 128] as const;
const RATE = 0.05;
const DENSE_STEPS = 150;
const PRUNING_STEPS = 250;
/** LTP: price of all weights. L1: coefficient. L2: weight decay, and the share of all weights that is cut after training. */
const SETTINGS = { l0: 0.2, l1: 0.0005, l2: 0.0003, cut: 0.8 } as const;

class Net extends Module {
  readonly conv1 = new Conv2d(1, 8, 3, { padding: 1, bias: false });
  // An eps far below any variance, so that the statistics of c times the weights are exactly those of c times the outputs.
  readonly bn1 = new BatchNorm2d(8, { eps: 1e-20 });
  readonly conv2 = new Conv2d(8, 16, 3, { padding: 1, bias: false });
  readonly bn2 = new BatchNorm2d(16, { eps: 1e-20 });
  readonly fc = new Linear(16 * SIZE * SIZE, CLASSES);

  forward(x: Tensor): Tensor {
    const first = relu(this.bn1.forward(this.conv1.forward(x)));
    return this.fc.forward(flatten(relu(this.bn2.forward(this.conv2.forward(first)))));
  }
}

/** Return uniform numbers from 0 to 1: a linear congruential generator. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Make gratings of four directions with random phase, in noise. */
function gratings(seed: number): { x: Float32Array; y: Int32Array } {
  const next = uniform(seed);
  const y = Int32Array.from({ length: IMAGES }, (_, i) => i % CLASSES);
  const x = new Float32Array(IMAGES * SIZE * SIZE);
  y.forEach((label, i) => {
    const [angle, phase] = [(Math.PI * label) / CLASSES, 2 * Math.PI * next()];
    for (let k = 0; k < SIZE * SIZE; k++) {
      const along = (k % SIZE) * Math.cos(angle) + Math.floor(k / SIZE) * Math.sin(angle);
      x[i * SIZE * SIZE + k] = Math.sin(1.6 * along + phase) + 1.5 * (next() + next() - 1);
    }
  });
  return { x, y };
}

type Images = ReturnType<typeof gratings>;

/** Train for some steps. */
function train(model: Net, optimizer: SGD, { x, y }: Images, steps: number): void {
  const step = captureStep(({ x: images, y: labels }: { x: Tensor; y: Tensor }) => {
    using tape = new Tape();
    const loss = tape.keep(crossEntropy(model.forward(images), labels));
    tape.backward(loss);
    optimizer.step();
    return { loss };
  });
  for (let n = 0; n < steps; n++) {
    const first = (n * BATCH) % IMAGES;
    const pixels = SIZE * SIZE;
    step.run({
      x: { data: x.subarray(first * pixels, (first + BATCH) * pixels), shape: [BATCH, 1, SIZE, SIZE] },
      y: { data: y.subarray(first, first + BATCH), shape: [BATCH] },
    });
  }
  step.dispose();
}

/** Return the accuracy on all images, with batch statistics. */
async function accuracyOf(model: Net, { x, y }: Images): Promise<number> {
  const outputs = tidy(() => noGrad(() => model.forward(tensor(x, [IMAGES, 1, SIZE, SIZE]))));
  const logits = (await outputs.data()) as Float32Array;
  outputs.dispose();
  const right = y.filter((label, i) => {
    const row = logits.subarray(i * CLASSES, (i + 1) * CLASSES);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / IMAGES;
}

/** Train a dense network, the start of all runs. Returns its state. */
async function denseState(images: Images): Promise<StateDict> {
  manualSeed(1);
  const model = new Net();
  const optimizer = new SGD(model.parameters(), { lr: (n) => RATE * (1 - n / DENSE_STEPS), momentum: 0.9 });
  train(model, optimizer, images, DENSE_STEPS);
  const state = await model.stateDict();
  optimizer.dispose();
  model.dispose();
  return state;
}

/** Return the parameter groups of a method: the multiplied layer, the other weights, and what is not pruned. */
function groupsOf(model: Net, method: Regularizer, factor: number): ParamGroup[] {
  const weights = [model.conv1.weight, model.conv2.weight, model.fc.weight];
  const total = weights.reduce((n, p) => n + p.numel, 0);
  const lr = (by: number) => (n: number) => by * RATE * (1 - n / PRUNING_STEPS);
  const group = (params: Parameter[], by: number): ParamGroup => {
    const numel = params.reduce((n, p) => n + p.numel, 0);
    // The price is one per weight, whatever the group.
    if (method === "LTP") return { params, lr: lr(by), mode: "ltp", ltp: { l0: (SETTINGS.l0 * numel) / total } };
    if (method === "L2") return { params, lr: lr(by), weightDecay: SETTINGS.l2 };
    let spent = 0;
    const thresholds = Array.from({ length: PRUNING_STEPS + 2 }, (_, n) => {
      const now = spent;
      spent += Math.max(0, lr(by)(n)) * SETTINGS.l1;
      return now;
    });
    // Momentum multiplies the gradient's steps by ten, and the shrinkage has to keep up.
    return { params, lr: lr(by), mode: "inplace", threshold: (n) => 10 * thresholds[n]! };
  };
  const rest = model.parameters().filter((p) => !weights.includes(p));
  return [
    group([model.conv2.weight], factor),
    group([model.conv1.weight, model.fc.weight], 1),
    { params: rest, lr: lr(1), mode: "none" },
  ];
}

/** Return the magnitude that a share of all weights does not exceed. */
function magnitudeOf(state: StateDict, share: number): number {
  const names = ["conv1.weight", "conv2.weight", "fc.weight"];
  const sizes = names.flatMap((name) => Array.from(state.get(name)!.data as Float32Array, Math.abs));
  return sizes.sort((a, b) => a - b)[Math.floor(share * sizes.length) - 1]!;
}

/** Prune the network whose second convolution has c times its weights. */
async function prune(
  dense: StateDict,
  images: Images,
  { method, rate, c }: Pick<Rescaled, "method" | "rate" | "c">,
): Promise<Rescaled> {
  const model = new Net();
  model.loadStateDict(dense);
  const start = (dense.get("conv2.weight")!.data as Float32Array).map((w) => w * c);
  pruningGroups(model, { mode: "ltp" }); // loads the modes with learned thresholds
  const optimizer = new SGD(groupsOf(model, method, rate === "c²" ? c * c : 1), { lr: RATE, momentum: 0.9 });
  model.conv2.weight.set(start);
  model.conv2.weight.latent?.set(start);
  optimizer.refresh();
  train(model, optimizer, images, PRUNING_STEPS);
  optimizer.harden();
  const state = await model.stateDict();
  const cut = method === "L2" ? magnitudeOf(state, SETTINGS.cut) : 0;
  for (const [name, p] of model.namedParameters()) {
    if (method === "L2" && p.prunable)
      p.set((state.get(name)!.data as Float32Array).map((w) => (Math.abs(w) > cut ? w : 0)));
  }
  const accuracy = await accuracyOf(model, images);
  const mask = Array.from(state.get("conv2.weight")!.data as Float32Array, (w) => Math.abs(w) > cut);
  optimizer.dispose();
  model.dispose();
  return { method, rate, c, zeros: 1 - mask.filter(Boolean).length / mask.length, accuracy, mask };
}

/** Run all methods for each factor, c = 1 among them. Needs an open GPU. The same numbers each time. */
export async function rescalingRuns(
  factors: readonly number[],
  rates: readonly LayerRate[],
  methods: readonly Regularizer[] = REGULARIZERS,
): Promise<Rescaled[]> {
  const images = gratings(7);
  const dense = await denseState(images);
  const runs: Rescaled[] = [];
  for (const rate of rates)
    for (const method of methods) for (const c of factors) runs.push(await prune(dense, images, { method, rate, c }));
  return runs;
}

/** Return the overlap of two masks: weights that both keep over weights that either keeps. */
export function overlap(a: Rescaled, b: Rescaled): number {
  const both = a.mask.filter((kept, i) => kept && b.mask[i]).length;
  const either = a.mask.filter((kept, i) => kept || b.mask[i]).length;
  return either === 0 ? 1 : both / either;
}
