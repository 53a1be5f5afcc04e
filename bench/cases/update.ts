// The weight update: one dispatch over the arena of ResNet-20's parameters against three scalar dispatches per tensor.
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { ResNetCifar } from "../../src/models/resnet_cifar.ts";
import { Parameter } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { numel, readAll, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { deviation, maxAbs } from "../../test/support/close.ts";
import { randomArray } from "../../test/support/random.ts";
import type { KernelCase, Prepared, Variant } from "../lib/case.ts";
import momentumWgsl from "../shaders/sgd_momentum_naive.wgsl";
import stepWgsl from "../shaders/sgd_step_naive.wgsl";
import softWgsl from "../shaders/soft_threshold_naive.wgsl";
import { bytes } from "./data.ts";
import { recorded } from "./recorded.ts";

const momentumKernel = kernel("sgd_momentum_naive", momentumWgsl);
const stepKernel = kernel("sgd_step_naive", stepWgsl);
const softKernel = kernel("soft_threshold_naive", softWgsl);

interface Hyper {
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly threshold: number;
}

/** Hyper-parameters of a usual step, with which both variants are compared before the timing. */
const REAL: Hyper = { lr: 0.1, momentum: 0.9, weightDecay: 5e-4, threshold: 0.02 };
/** Hyper-parameters with which a step can be repeated: v = gradient + decay · theta, theta stays, w = S(theta). The work is the same. */
const REPEATABLE: Hyper = { ...REAL, lr: 0, momentum: 0 };

interface Side {
  readonly variant: Variant;
  set(hyper: Hyper): void;
}

function unfused(shapes: readonly Shape[], values: readonly Float32Array[], gradients: readonly Float32Array[]): Side {
  const hyper = tensor(new Float32Array(4));
  const layers = values.map((value, i) => ({
    theta: tensor(value, shapes[i]!),
    gradient: tensor(gradients[i]!, shapes[i]!),
    velocity: tensor(new Float32Array(value.length), shapes[i]!),
    weight: tensor(new Float32Array(value.length), shapes[i]!),
  }));
  const variant = recorded("unfused, per tensor", () => {
    for (const { theta, gradient, velocity, weight } of layers) {
      const params = { n: theta.numel };
      const grid = grid1d(theta.numel);
      momentumKernel.run({ bind: { gradient, theta, velocity, hyper }, params, grid });
      stepKernel.run({ bind: { velocity, theta, hyper }, params, grid });
      softKernel.run({ bind: { theta, weight, hyper }, params, grid });
    }
    return layers.flatMap((l) => [l.velocity, l.theta, l.weight]);
  });
  return { variant, set: (h) => hyper.set([h.lr, h.momentum, h.weightDecay, h.threshold]) };
}

function fused(shapes: readonly Shape[], values: readonly Float32Array[], gradients: readonly Float32Array[]): Side {
  const params = shapes.map((shape, i) => new Parameter(shape, () => values[i]!));
  const sgd = new SGD(params, { lr: REAL.lr, momentum: REAL.momentum, weightDecay: REAL.weightDecay, mode: "latent" });
  params.forEach((p, i) => {
    p.grad!.set(gradients[i]!);
  });
  const results = params.flatMap((p) => [sgd.velocityOf(p)!, p.latent!, p as Tensor]);
  const variant = recorded("fused, one dispatch", () => {
    for (const p of params) p.gradArrived = true;
    sgd.step();
    return results;
  });
  // Parameters and optimiser state belong to no scope.
  const owned = [...results.filter((t) => !(t instanceof Parameter)), ...params];
  Scope.adopt({
    dispose() {
      for (const t of owned) t.dispose();
      sgd.dispose();
    },
  });
  const set = ({ lr, momentum, weightDecay, threshold }: Hyper) =>
    sgd.set({ lr, momentum, weightDecay, threshold, thresholdNext: threshold });
  return { variant, set };
}

/** Throw if the two sides differ by more than rounding. */
async function expectEqual(a: Side, b: Side): Promise<void> {
  const [wanted, given] = [await readAll(...a.variant.results()), await readAll(...b.variant.results())];
  wanted.forEach((want, i) => {
    const got = given[i]!;
    const off = deviation(got, want);
    if (!(off <= 1e-6 * Math.max(maxAbs(want), 1e-3))) {
      throw new Error(`bench update: result ${i} of the fused update is off by ${off} from the unfused one`);
    }
  });
}

function updateCase(title: string, width: number): KernelCase {
  const model = new ResNetCifar({ width, shortcut: "projection" });
  const shapes = model.parameters().map((p) => p.shape);
  return {
    kind: "kernel",
    group: "update",
    name: `${title}, ${shapes.length} tensors`,
    // Reads gradient, velocity and theta; writes velocity, theta and weight.
    work: { flops: 7 * shapes.reduce((sum, s) => sum + numel(s), 0), bytes: 6 * bytes(...shapes) },
    async prepare(): Promise<Prepared> {
      const values = shapes.map((s, i) => randomArray(numel(s), i + 1, 0.05));
      const gradients = shapes.map((s, i) => randomArray(numel(s), 1000 + i, 0.1));
      const sides = [unfused(shapes, values, gradients), fused(shapes, values, gradients)] as const;
      for (const hyper of [REAL, REPEATABLE]) {
        for (const { set, variant } of sides) {
          set(hyper);
          // Twice, since the second step has a momentum.
          for (let i = 0; i < 2; i++) variant.run();
        }
        await expectEqual(...sides);
      }
      return { variants: sides.map((side) => side.variant) };
    },
  };
}

export const updateCases: readonly KernelCase[] = [updateCase("ResNet-20", 16)];
export const updateLargeCases: readonly KernelCase[] = [updateCase("ResNet-20 eight times as wide", 128)];
