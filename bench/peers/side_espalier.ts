// The espalier side as users run it: ops that choose their kernels, in a captured step.

import { Tape } from "../../src/autograd/index.ts";
import { currentGpu, requestGpu } from "../../src/gpu/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { versions } from "../../src/node/env.ts";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { convForward, convGradInput, convGradWeight } from "../../src/ops/conv/passes.ts";
import { convShape } from "../../src/ops/conv/shape.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { captureStep, empty, metaTensor, readAll, type Tensor, tensor } from "../../src/tensor/index.ts";
import { recorded } from "../cases/recorded.ts";
import { Training } from "../cases/training.ts";
import type { Variant } from "../lib/case.ts";
import { batchOf, initial, operand } from "./inputs.ts";
import { type Job, serve } from "./side.ts";
import type { BatchNormWork, ConvWork, MatmulWork, StepWork, Workload } from "./workloads.ts";
import { EPS, parametersOf } from "./workloads.ts";

const finish = () => currentGpu().wait();

function jobOf(variant: Variant): Job {
  return {
    run: () => variant.run(),
    finish,
    read: async () => (await readAll(...variant.results())) as Float32Array[],
  };
}

function matmulJob({ n }: MatmulWork): Job {
  const a = tensor(operand("a", [n, n]), [n, n]);
  const b = tensor(operand("b", [n, n]), [n, n]);
  return jobOf(recorded("matmul", () => [matmul(a, b)]));
}

function convJob(work: ConvWork): Job {
  const { batch, inputs, outputs, size, kernel, padding, groups, pass } = work;
  const xShape = [batch, inputs, size, size];
  const wShape = [outputs, inputs / groups, kernel, kernel];
  const yShape = [batch, outputs, size, size];
  const s = convShape(metaTensor(xShape), metaTensor(wShape), null, { padding, groups });
  const x = tensor(operand("x", xShape), xShape);
  const w = tensor(operand("w", wShape), wShape);
  const dy = tensor(operand("dy", yShape), yShape);
  const body = (): Tensor[] => {
    if (pass === "forward") {
      const y = empty(yShape);
      convForward(s, "auto", { x, w, b: null, y });
      return [y];
    }
    if (pass === "grad input") {
      const dx = empty(xShape);
      convGradInput(s, "auto", { dy, w, dx });
      return [dx];
    }
    const dw = empty(wShape);
    convGradWeight(s, "auto", { x, dy, dw });
    return [dw];
  };
  return jobOf(recorded(pass, body));
}

function batchNormJob({ shape }: BatchNormWork): Job {
  const channels = shape[1];
  const x = tensor(operand("x", shape), shape);
  const dy = tensor(operand("dy", shape), shape);
  const weight = tensor(new Float32Array(channels).fill(1));
  const bias = tensor(new Float32Array(channels));
  const leaves = [x, weight, bias];
  for (const leaf of leaves) {
    leaf.requiresGrad = true;
    leaf.grad = empty(leaf.shape);
  }
  const step = captureStep(() => {
    using tape = new Tape();
    for (const leaf of leaves) leaf.gradArrived = false;
    const y = tape.keep(batchNorm(x, weight, bias, null, null, { training: true, eps: EPS }));
    tape.backward(y, dy);
    return { y };
  });
  return {
    run: () => step.run({}),
    finish,
    read: async () => (await readAll(step.outputs.y, ...leaves.map((leaf) => leaf.grad as Tensor))) as Float32Array[],
  };
}

/** Throw if espalier's model and the common description differ. */
function setWeights(model: Module, work: StepWork): void {
  const specs = parametersOf(work.net);
  const own = [...model.namedParameters()];
  if (own.length !== specs.length)
    throw new Error(`${work.net}: expected ${specs.length} parameters, got ${own.length}`);
  specs.forEach((spec, i) => {
    const [name, parameter] = own[i] as (typeof own)[number];
    if (name !== spec.name || parameter.shape.join() !== spec.shape.join()) {
      throw new Error(`parameter ${i}: expected ${spec.name} [${spec.shape}], got ${name} [${parameter.shape}]`);
    }
    parameter.set(initial(spec, i));
  });
}

function stepJob(work: StepWork): Job {
  const { net, batch, channels, size, lr } = work;
  const weights = (model: Module) => setWeights(model, work);
  const data = { ...batchOf(work), size: batch };
  const training = new Training({ model: net, batch, channels, size, lr, weights, data });
  return { run: () => training.run(), finish, read: async () => [Float32Array.of(await training.loss())] };
}

function prepare(work: Workload): Job {
  if (work.kind === "matmul") return matmulJob(work);
  if (work.kind === "conv") return convJob(work);
  return work.kind === "batch norm" ? batchNormJob(work) : stepJob(work);
}

await serve(async () => {
  await requestGpu();
  const { description, vendor } = currentGpu().adapter;
  return { library: `espalier ${versions().espalier}`, adapter: description || vendor, prepare };
});
