// The weight update with thresholds on groups against that with thresholds on single weights, on ResNet-20's prunable weights.
import { ResNetCifar } from "../../src/models/resnet_cifar.ts";
import { Parameter } from "../../src/nn/index.ts";
import { enableWeightGroups, SGD, type WeightGroupName } from "../../src/optim/index.ts";
import { numel, Scope, type Shape, type Tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../../test/support/random.ts";
import type { KernelCase, Variant } from "../lib/case.ts";
import { bytes } from "./data.ts";
import { recorded } from "./recorded.ts";

/** Values with which all rules give the same weights, and a step can be repeated. The work is that of any threshold. */
const REPEATABLE = { lr: 0, momentum: 0, threshold: 0, thresholdNext: 0 };

function update(shapes: readonly Shape[], group?: WeightGroupName): Variant {
  const params = shapes.map((shape, i) => new Parameter(shape, () => randomArray(numel(shape), i + 1, 0.05)));
  const own = group ? { group } : {};
  const sgd = new SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 5e-4, mode: "latent", ...own });
  params.forEach((p, i) => {
    p.grad!.set(randomArray(p.numel, 1000 + i, 0.1));
  });
  sgd.set(REPEATABLE);
  const results = params.flatMap((p) => [sgd.velocityOf(p)!, p.latent!, p as Tensor]);
  // Parameters and optimiser state belong to no scope.
  const owned = [...results.filter((t) => !(t instanceof Parameter)), ...params];
  Scope.adopt({
    dispose() {
      for (const t of owned) t.dispose();
      sgd.dispose();
    },
  });
  return recorded(group ?? "single weights", () => {
    for (const p of params) p.gradArrived = true;
    sgd.step();
    return results;
  });
}

function updateCase(title: string, width: number): KernelCase {
  const model = new ResNetCifar({ width, shortcut: "projection" });
  const shapes = model.parameters().flatMap((p) => (p.prunable ? [p.shape] : []));
  return {
    kind: "kernel",
    group: "update_groups",
    name: `${title}, ${shapes.length} tensors`,
    // Reads gradient, velocity and theta; writes velocity, theta and weight.
    work: { flops: 7 * shapes.reduce((sum, s) => sum + numel(s), 0), bytes: 6 * bytes(...shapes) },
    prepare() {
      enableWeightGroups();
      return { variants: [update(shapes), update(shapes, "block8"), update(shapes, "filter")] };
    },
  };
}

export const updateGroupCases: readonly KernelCase[] = [updateCase("ResNet-20", 16)];
export const updateGroupLargeCases: readonly KernelCase[] = [updateCase("ResNet-20 eight times as wide", 128)];
