// Softmax and cross entropy: one fused kernel against separate softmax, logarithm, pick and mean.
import { Tape } from "../../src/autograd/index.ts";
import { mul } from "../../src/ops/binary.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { softmax } from "../../src/ops/softmax.ts";
import { mean, sum } from "../../src/ops/sum.ts";
import { log } from "../../src/ops/unary.ts";
import { empty, type Tensor, tensor } from "../../src/tensor/index.ts";
import { softmaxReference } from "../../test/reference/axes.ts";
import { randomArray, randomInts } from "../../test/support/random.ts";
import type { KernelCase, Prepared } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { naiveNegativePick } from "./naive.ts";
import { recorded } from "./recorded.ts";

type Size = readonly [rows: number, classes: number];

const SIZES: readonly Size[] = [
  [128, 10],
  [4096, 10],
  [256, 1000],
];
const LARGE: readonly Size[] = [[8192, 1000]];

function softmaxCase([rows, classes]: Size): KernelCase {
  const shape = [rows, classes];
  return {
    kind: "kernel",
    group: "softmax",
    name: `softmax ${brackets(shape)}`,
    work: { flops: 4 * rows * classes, bytes: bytes(shape, shape) },
    prepare(): Prepared {
      const values = randomArray(rows * classes, 1);
      const x = tensor(values, shape);
      return {
        variants: [recorded("softmax", () => [softmax(x)])],
        expected: [softmaxReference(values, shape, 1, false)],
      };
    },
  };
}

function lossCase([rows, classes]: Size): KernelCase {
  const shape = [rows, classes];
  return {
    kind: "kernel",
    group: "softmax",
    name: `cross entropy ${brackets(shape)}`,
    work: { flops: 4 * rows * classes, bytes: bytes(shape, [rows], []) },
    prepare(): Prepared {
      const logits = random(shape, 1);
      const labels = tensor(randomInts(rows, classes, 2));
      return {
        variants: [
          recorded("separate", () => [mean(naiveNegativePick(log(softmax(logits)), labels))]),
          recorded("fused", () => [crossEntropy(logits, labels)]),
        ],
      };
    },
  };
}

/** Return a variant of the gradient of `loss` at the logits, forward pass included. */
function bothPasses(logits: Tensor, loss: (logits: Tensor) => Tensor): readonly Tensor[] {
  const place = empty(logits.shape);
  logits.requiresGrad = true;
  logits.grad = place;
  logits.gradArrived = false;
  try {
    using tape = new Tape();
    tape.backward(loss(logits));
  } finally {
    logits.requiresGrad = false;
    logits.grad = null;
  }
  return [place];
}

function trainingCase([rows, classes]: Size): KernelCase {
  const shape = [rows, classes];
  return {
    kind: "kernel",
    group: "softmax",
    name: `cross entropy forward and backward ${brackets(shape)}`,
    work: { flops: 6 * rows * classes, bytes: bytes(shape, [rows], [], shape) },
    prepare(): Prepared {
      const logits = random(shape, 1);
      const targets = randomInts(rows, classes, 2);
      const labels = tensor(targets);
      // The pick is a product with one-hot rows, so that it consists of ops with gradients.
      const hot = new Float32Array(rows * classes);
      targets.forEach((label, row) => {
        hot[row * classes + label] = -1 / rows;
      });
      const pick = tensor(hot, shape);
      return {
        variants: [
          recorded("separate", () => bothPasses(logits, (x) => sum(mul(log(softmax(x)), pick)))),
          recorded("fused", () => bothPasses(logits, (x) => crossEntropy(x, labels))),
        ],
      };
    },
  };
}

const casesOf = (sizes: readonly Size[]) => [
  ...sizes.map(softmaxCase),
  ...sizes.map(lossCase),
  ...sizes.map(trainingCase),
];

export const softmaxCases: readonly KernelCase[] = casesOf(SIZES);
export const softmaxLargeCases: readonly KernelCase[] = casesOf(LARGE);
