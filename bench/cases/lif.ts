// Spiking neurons: all steps in one kernel, with the potential in a register, against separate kernels per step; and
// batch norm in the neurons' kernel against batch norm before it.
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { batchNormNeuron } from "../../src/ops/batch_norm_neuron.ts";
import { lif } from "../../src/ops/lif.ts";
import { packSpikes, unpackSpikes } from "../../src/ops/pack_spikes.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../../test/support/random.ts";
import type { KernelCase, Prepared } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { naiveLif, naiveLifGradient } from "./naive_lif.ts";
import { recorded, recordedStep } from "./recorded.ts";

type Size = readonly [steps: number, batch: number, channels: number, rows: number, columns: number];

// Widths of a small spiking network on digits, of layer 1 of SEW ResNet-18 at half size, and of event data.
const SIZES: readonly Size[] = [
  [4, 16, 16, 28, 28],
  [4, 8, 64, 28, 28],
  [16, 4, 32, 16, 16],
];
const LARGE: readonly Size[] = [
  [4, 32, 64, 56, 56],
  [16, 16, 32, 64, 64],
];

const elements = (size: Shape) => size.reduce((a, b) => a * b, 1);

/** Make inputs with which about a third of the neurons fire. */
const currents = (size: Size) =>
  tensor(
    randomArray(elements(size), 1).map((v) => 0.7 + v),
    size,
  );

function forwardCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "lif",
    name: `forward ${brackets(size)}`,
    // Reads x, writes spikes.
    work: { flops: 6 * elements(size), bytes: bytes(size, size) },
    prepare(): Prepared {
      const x = currents(size);
      return {
        variants: [
          recorded("separate kernels per step", () => [naiveLif(x).spikes]),
          recorded("fused, potentials kept", () => [lif(x, null, { keep: "potential" })]),
          recorded("fused", () => [lif(x)]),
        ],
      };
    },
  };
}

function stepCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "lif",
    name: `forward and backward ${brackets(size)}`,
    // Reads x, writes spikes; reads x and the gradient of the spikes, writes that of x.
    work: { flops: 25 * elements(size), bytes: 5 * bytes(size) },
    prepare(): Prepared {
      const x = currents(size);
      const dy = random(size, 2);
      return {
        variants: [
          recorded("separate kernels per step", () => {
            const walk = naiveLif(x);
            return [walk.spikes, naiveLifGradient(walk, dy)];
          }),
          recordedStep("fused, potentials kept", [x], () => lif(x, null, { keep: "potential" }), dy),
          recordedStep("fused", [x], () => lif(x), dy),
        ],
      };
    },
  };
}

interface Layer {
  readonly z: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

function makeLayer([steps, batch, ...one]: Size): Layer {
  const channels = one[0];
  return {
    z: random([steps * batch, ...one], 1),
    weight: tensor(randomArray(channels, 2).map((v) => 0.5 + Math.abs(v))),
    bias: tensor(randomArray(channels, 3).map((v) => 0.5 + 0.3 * v)),
  };
}

const TRAINING = { training: true } as const;

function separate({ z, weight, bias }: Layer, size: Size): Tensor {
  return lif(reshape(batchNorm(z, weight, bias, null, null, TRAINING), { shape: size }));
}

function fused({ z, weight, bias }: Layer, size: Size): Tensor {
  return batchNormNeuron(z, weight, bias, null, null, null, { ...TRAINING, neuron: "LIF", timeSteps: size[0] });
}

function normForwardCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "lif",
    name: `batch norm and neurons, forward ${brackets(size)}`,
    // Statistics precede the first spike: x is read twice.
    work: { flops: 13 * elements(size), bytes: 3 * bytes(size) },
    prepare(): Prepared {
      const layer = makeLayer(size);
      return {
        variants: [
          recorded("separate ops", () => [separate(layer, size)]),
          recorded("fused", () => [fused(layer, size)]),
        ],
      };
    },
  };
}

function normStepCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "lif",
    name: `batch norm and neurons, forward and backward ${brackets(size)}`,
    // Forward 3. Backward through the neurons 3; then of batch norm x and the current's gradient twice, and the result.
    work: { flops: 45 * elements(size), bytes: 11 * bytes(size) },
    prepare(): Prepared {
      const layer = makeLayer(size);
      const { z, weight, bias } = layer;
      const dy = random(size, 6);
      return {
        // Sums of gradients over up to 130,000 values, in a different order.
        tolerance: 3e-5,
        variants: [
          recordedStep("separate ops", [z, weight, bias], () => separate(layer, size), dy),
          recordedStep("fused", [z, weight, bias], () => fused(layer, size), dy),
        ],
      };
    },
  };
}

/** Return a case of the spikes that backward needs and forward did not save: computed again from the input, or read from one bit each. */
function againCase(size: Size): KernelCase {
  return {
    kind: "kernel",
    group: "lif",
    name: `spikes once more ${brackets(size)}`,
    work: { bytes: bytes(size, size) },
    prepare(): Prepared {
      const x = currents(size);
      const spikes = lif(x);
      const words = packSpikes(spikes);
      return {
        variants: [
          recorded("neurons run again", () => [lif(x)]),
          recorded("unpacked only", () => [unpackSpikes(words, { shape: size })]),
          recorded("packed and unpacked", () => [unpackSpikes(packSpikes(spikes), { shape: size })]),
        ],
      };
    },
  };
}

const casesOf = (sizes: readonly Size[]) => [
  ...sizes.map(forwardCase),
  ...sizes.map(stepCase),
  ...sizes.map(normForwardCase),
  ...sizes.map(normStepCase),
  ...sizes.map(againCase),
];

export const lifCases: readonly KernelCase[] = casesOf(SIZES);
export const lifLargeCases: readonly KernelCase[] = casesOf(LARGE);
