// Batch norm with ReLU, and with a residual before it: the fused kernels of src/ops against separate scalar kernels.
import { batchNorm, batchNormAddRelu, batchNormRelu } from "../../src/ops/batch_norm.ts";
import { add } from "../../src/ops/binary.ts";
import { relu } from "../../src/ops/unary.ts";
import { type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../../test/support/random.ts";
import type { KernelCase, Prepared } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { naiveApply, naiveBatchNormGradients, naiveElementwise, naiveStatistics } from "./naive.ts";
import { recorded, recordedBackward } from "./recorded.ts";

type Size = readonly [batch: number, channels: number, rows: number, columns: number];

// ResNet-20's stages, LeNet's first at batch 256, an ImageNet stage.
const SIZES: readonly Size[] = [
  [16, 16, 32, 32],
  [128, 16, 32, 32],
  [16, 32, 16, 16],
  [16, 64, 8, 8],
  [256, 8, 14, 14],
  [8, 64, 56, 56],
];
const LARGE: readonly Size[] = [
  [128, 64, 56, 56],
  [128, 256, 28, 28],
];

const EPS = 1e-5;
// Both sides sum up to 130,000 terms, in a different order.
const tolerance = 3e-5;

interface Layer {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
}

function makeLayer(size: Size): Layer {
  const channels = size[1];
  const positive = (seed: number) => tensor(randomArray(channels, seed).map((v) => 0.5 + Math.abs(v)));
  return {
    x: random(size, 1),
    weight: positive(2),
    bias: random([channels], 3),
    runningMean: random([channels], 4, 0.1),
    runningVar: positive(5),
  };
}

/** Return a case with given statistics: only the affine map and ReLU. The "forward" case adds the statistics. */
function applyCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "batch_norm",
    name: `apply and relu ${brackets(size)}`,
    work: { flops: 3 * size.reduce((a, b) => a * b, 1), bytes: bytes(size, size) },
    prepare(): Prepared {
      const { x, weight, bias, runningMean, runningVar } = makeLayer(size);
      const invstd = tensor(randomArray(size[1], 5).map((v) => 1 / Math.sqrt(0.5 + Math.abs(v) + EPS)));
      const channels = { mean: runningMean, invstd, weight, bias };
      const options = { training: false, eps: EPS };
      return {
        tolerance,
        variants: [
          recorded("separate scalar kernels", () => [naiveElementwise("relu", naiveApply(x, channels))]),
          recorded("separate ops", () => [relu(batchNorm(x, weight, bias, runningMean, runningVar, options))]),
          recorded("fused", () => [batchNormRelu(x, weight, bias, runningMean, runningVar, options)]),
        ],
      };
    },
  };
}

/** Return a case of the end of a residual block, with given statistics. */
function applyAddCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "batch_norm",
    name: `apply, add and relu ${brackets(size)}`,
    work: { flops: 4 * size.reduce((a, b) => a * b, 1), bytes: bytes(size, size, size) },
    prepare(): Prepared {
      const { x, weight, bias, runningMean, runningVar } = makeLayer(size);
      const residual = random(size, 7);
      const invstd = tensor(randomArray(size[1], 5).map((v) => 1 / Math.sqrt(0.5 + Math.abs(v) + EPS)));
      const channels = { mean: runningMean, invstd, weight, bias };
      const options = { training: false, eps: EPS };
      return {
        tolerance,
        variants: [
          recorded("separate scalar kernels", () => [
            naiveElementwise("relu", naiveElementwise("add", naiveApply(x, channels), residual)),
          ]),
          recorded("separate ops", () => [
            relu(add(batchNorm(x, weight, bias, runningMean, runningVar, options), residual)),
          ]),
          recorded("fused", () => [batchNormAddRelu(x, residual, weight, bias, runningMean, runningVar, options)]),
        ],
      };
    },
  };
}

function forwardCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "batch_norm",
    name: `forward and relu ${brackets(size)}`,
    // Statistics precede the first output: x is read twice.
    work: { flops: 7 * size.reduce((a, b) => a * b, 1), bytes: bytes(size, size, size) },
    prepare(): Prepared {
      const { x, weight, bias } = makeLayer(size);
      const options = { training: true, eps: EPS };
      return {
        tolerance,
        variants: [
          recorded("separate scalar kernels", () => {
            const channels = { ...naiveStatistics(x, EPS), weight, bias };
            return [naiveElementwise("relu", naiveApply(x, channels))];
          }),
          recorded("separate ops", () => [relu(batchNorm(x, weight, bias, null, null, options))]),
          recorded("fused", () => [batchNormRelu(x, weight, bias, null, null, options)]),
        ],
      };
    },
  };
}

function backwardCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "batch_norm",
    name: `backward and relu ${brackets(size)}`,
    // The sums precede the first dx: x, dy and the gate are read twice.
    work: { flops: 11 * size.reduce((a, b) => a * b, 1), bytes: bytes(size, size, size, size, size) },
    prepare(): Prepared {
      const { x, weight, bias } = makeLayer(size);
      const dy = random(size, 6);
      // One forward pass for all variants, since outputs within rounding of 0 would be gated differently.
      const forward = () => batchNormRelu(x, weight, bias, null, null, { training: true, eps: EPS });
      const y = forward();
      const channels = { ...naiveStatistics(x, EPS), weight, bias };
      return {
        tolerance,
        variants: [
          recorded("separate scalar kernels", () =>
            naiveBatchNormGradients(x, naiveElementwise("reluGrad", dy, y), channels),
          ),
          recordedBackward("fused", [x, weight, bias], forward, dy),
        ],
      };
    },
  };
}

/** Return a case of the backward pass of a residual block's end: gradients of the batch norm and of the residual. */
function backwardAddCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "batch_norm",
    name: `backward, add and relu ${brackets(size)}`,
    // x, dy and the gate twice, dx and the residual's gradient once.
    work: { flops: 11 * size.reduce((a, b) => a * b, 1), bytes: 8 * bytes(size) },
    prepare(): Prepared {
      const { x, weight, bias } = makeLayer(size);
      const residual = random(size, 7);
      const dy = random(size, 6);
      const forward = () => batchNormAddRelu(x, residual, weight, bias, null, null, { training: true, eps: EPS });
      const y = forward();
      const channels = { ...naiveStatistics(x, EPS), weight, bias };
      return {
        tolerance,
        variants: [
          recorded("separate scalar kernels", () => {
            const gated = naiveElementwise("reluGrad", dy, y);
            const [dx, ...rest] = naiveBatchNormGradients(x, gated, channels);
            return [dx!, gated, ...rest];
          }),
          recordedBackward("fused", [x, residual, weight, bias], forward, dy),
        ],
      };
    },
  };
}

const casesOf = (sizes: readonly Size[]) => [
  ...sizes.map(applyCase),
  ...sizes.map(applyAddCase),
  ...sizes.map(forwardCase),
  ...sizes.map(backwardCase),
  ...sizes.map(backwardAddCase),
];

export const batchNormCases: readonly KernelCase[] = casesOf(SIZES);
export const batchNormLargeCases: readonly KernelCase[] = casesOf(LARGE);
