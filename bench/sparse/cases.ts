// Pruned layers and networks: the dense kernels beside the sparse ones, and beside the choice of the rule. `npm run bench:sparse`.

import { noGrad } from "../../src/autograd/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { Conv2d, Linear, type Module, type SparseKernels, sparsify } from "../../src/nn/index.ts";
import { numel, Scope, type Shape } from "../../src/tensor/index.ts";
import { brackets, random } from "../cases/data.ts";
import { recorded } from "../cases/recorded.ts";
import type { BenchCase, KernelCase, Variant } from "../lib/case.ts";
import { fileCases } from "./files.ts";
import { prunedWeights, type Zeros, zerosText } from "./pruned.ts";
import { trainingCases } from "./training.ts";

interface Pruned {
  readonly name: string;
  readonly x: Shape;
  build(): Module;
  readonly zeros: readonly Zeros[];
  readonly kernels: readonly SparseKernels[];
  /** Shape of an input: norms become part of the products. Absent for single layers. */
  readonly sample?: Shape;
}

const LAYER_ZEROS: readonly Zeros[] = [
  ...[0.5, 0.75, 0.9, 0.95].map((share) => ({ share, size: 8 as const })),
  ...[0.9, 0.95, 0.98].map((share) => ({ share, size: 1 as const })),
];
const LAYER_KERNELS: readonly SparseKernels[] = ["block", "csr", "auto"];

const conv = (x: Shape, outputs: number, kernel: number, stride = 1): Pruned => ({
  name: `${kernel}x${kernel}${stride > 1 ? `/${stride}` : ""} ${x[1]}->${outputs} ${brackets(x)}`,
  x,
  build: () => new Conv2d(x[1]!, outputs, kernel, { padding: (kernel - 1) / 2, stride, bias: false }),
  zeros: LAYER_ZEROS,
  kernels: LAYER_KERNELS,
});

/** Return the same subject with one sample, for the choice of the rule alone. */
const single = (subject: Pruned): Pruned => ({
  ...subject,
  name: subject.name.replace(/\[\d+/, "[1").replace(/batch \d+/, "batch 1"),
  x: [1, ...subject.x.slice(1)],
  zeros: subject.zeros.filter(({ share, size }) => share === (size === 8 ? 0.9 : 0.95)),
  kernels: ["auto"],
});

const net = (model: string, channels: number, size: number): Pruned => ({
  name: `${model} batch 64`,
  x: [64, channels, size, size],
  build: () => buildModel(model, { channels, size, classes: 10 }),
  zeros: NET_ZEROS,
  kernels: ["auto"],
  sample: [channels, size, size],
});

const NET_ZEROS: readonly Zeros[] = [
  { share: 0.9, size: 8 },
  { share: 0.95, size: 8 },
  { share: 0.95, size: 1 },
];

const BATCHES: readonly Pruned[] = [
  conv([16, 64, 8, 8], 64, 3),
  conv([16, 16, 32, 32], 16, 3),
  conv([16, 16, 32, 32], 32, 3, 2),
  conv([4, 256, 14, 14], 256, 1),
  conv([8, 64, 16, 16], 128, 1),
  {
    name: "fc 784->128 batch 64",
    x: [64, 784],
    build: () => new Linear(784, 128, { bias: false }),
    zeros: LAYER_ZEROS,
    kernels: LAYER_KERNELS,
  },
  net("lenet-bn", 1, 28),
  net("resnet-20", 3, 32),
];
const SUBJECTS: readonly Pruned[] = [...BATCHES, ...BATCHES.map(single)];

function caseOf({ name, x, build, kernels, sample }: Pruned, zeros: Zeros): KernelCase {
  return {
    kind: "kernel",
    group: "sparse",
    name: `${name} ${zerosText(zeros)}`,
    work: { bytes: 4 * numel(x) },
    async prepare() {
      const input = random(x, 1);
      const weights = prunedWeights(build(), zeros);
      const variants: Variant[] = [];
      // Each variant has its own model, since sparse kernels replace the forward pass of its layers.
      for (const kind of ["dense", ...kernels] as const) {
        const model = build().eval();
        Scope.adopt(model);
        for (const [key, p] of model.namedParameters()) p.set(weights.get(key)!);
        Scope.adopt(await sparsify(model, { kernels: kind, sample: kind === "dense" ? null : (sample ?? null) }));
        variants.push(recorded(kind, () => [noGrad(() => model.forward(input))]));
      }
      return { variants };
    },
  };
}

/** Layers and networks with batch 64 and 1, each with the choice of the rule. */
export const ruleCases: readonly KernelCase[] = SUBJECTS.flatMap((subject) =>
  subject.zeros.map((zeros) => caseOf(subject, zeros)),
);

export const sparseCases: readonly BenchCase[] = [...ruleCases, ...fileCases, ...trainingCases];
