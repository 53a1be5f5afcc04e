// Training steps with a frozen mask, of networks that were pruned by blocks: the dense kernels beside the sparse ones.
import { currentGpu } from "../../src/gpu/index.ts";
import type { SparseKernels, SparseModel } from "../../src/nn/index.ts";
import { productLayers, sparsifyLayers } from "../../src/nn/sparsify.ts";
import { readAll } from "../../src/tensor/index.ts";
import { Training, type TrainingOptions } from "../cases/training.ts";
import type { HostCase, HostFigure } from "../lib/case.ts";
import { median, pairedRatio } from "../lib/statistics.ts";
import { prunedWeights, type Zeros, zerosText } from "./pruned.ts";

/** Total milliseconds of the timed steps of one variant. */
const STEPS_MS = 4000;
const LEAST_STEPS = 5;
const MOST_STEPS = 40;

const NETS: readonly Omit<TrainingOptions, "weights">[] = [
  { model: "lenet-bn", batch: 64, channels: 1, size: 28 },
  { model: "lenet-bn", batch: 128, channels: 1, size: 28 },
  { model: "resnet-20", batch: 64, channels: 3, size: 32 },
  { model: "resnet-20", batch: 128, channels: 3, size: 32 },
];

interface Variant extends Disposable {
  readonly training: Training;
}

/** Make a training with the same mask for each kind of kernels. */
async function variantOf(options: TrainingOptions, zeros: Zeros, kernels: SparseKernels): Promise<Variant> {
  const weights: TrainingOptions["weights"] = (model) => {
    const values = prunedWeights(model, zeros);
    for (const [name, p] of model.namedParameters()) p.set(values.get(name)!);
  };
  const training = new Training({ ...options, weights, masked: true });
  let sparse: SparseModel | null = null;
  // As a session does: the optimiser masks the zeros, and layers that the rule leaves dense stay as they are.
  if (kernels !== "dense") {
    const layers = productLayers(training.model);
    const values = await readAll(...layers.map(({ layer }) => layer.weight));
    const known = layers.map((layer, i) => ({ ...layer, weights: values[i] as Float32Array }));
    sparse = sparsifyLayers(known, { kernels, training: "masked" });
  }
  return {
    training,
    [Symbol.dispose]() {
      training.dispose();
      sparse?.dispose();
    },
  };
}

/** Milliseconds of the steps of one variant: wall time, and CPU time of all threads, which other programs disturb less. */
interface Times {
  readonly wall: number[];
  readonly cpu: number[];
}

/** Time one step. */
async function timeStep(training: Training, { wall, cpu }: Times): Promise<void> {
  const before = process.cpuUsage();
  wall.push(await training.time(1));
  const { user, system } = process.cpuUsage(before);
  cpu.push((user + system) / 1000);
}

/** Time the steps of both in turns. */
async function figures(dense: Training, sparse: Training): Promise<HostFigure[]> {
  for (const training of [dense, sparse]) {
    await training.time(2);
    await training.loss();
  }
  const one = await dense.time(1);
  const count = Math.min(MOST_STEPS, Math.max(LEAST_STEPS, Math.round(STEPS_MS / one)));
  const times: readonly [Times, Times] = [
    { wall: [], cpu: [] },
    { wall: [], cpu: [] },
  ];
  for (let i = 0; i < count; i++) {
    await timeStep(dense, times[0]);
    await timeStep(sparse, times[1]);
  }
  await currentGpu().wait();
  return [
    { name: "dense", value: median(times[0].wall), unit: "ms" },
    { name: "sparse", value: median(times[1].wall), unit: "ms" },
    { name: "ratio", value: pairedRatio(times[0].wall, times[1].wall), unit: "x" },
    { name: "ratio of CPU time", value: pairedRatio(times[0].cpu, times[1].cpu), unit: "x" },
  ];
}

function trainingCase(options: TrainingOptions, zeros: Zeros): HostCase {
  return {
    kind: "host",
    group: "sparse",
    name: `training step ${options.model} batch ${options.batch} ${zerosText(zeros)}`,
    async measure() {
      using dense = await variantOf(options, zeros, "dense");
      using sparse = await variantOf(options, zeros, "auto");
      return await figures(dense.training, sparse.training);
    },
  };
}

export const trainingCases: readonly HostCase[] = NETS.flatMap((net) =>
  [0.9, 0.95].map((share) => trainingCase(net, { share, size: 8 })),
);
