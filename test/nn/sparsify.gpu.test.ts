import { describe, expect, test } from "vitest";
import { noGrad, Tape, traceOps } from "../../src/autograd/index.ts";
import { Linear, type Module, type Sequential } from "../../src/nn/index.ts";
import { SPARSE_KERNELS, sparsify } from "../../src/nn/sparsify.ts";
import { softmax } from "../../src/ops/index.ts";
import { captureStep, metaTensor, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { ArgumentError } from "../../src/text/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { sparseNetwork } from "../support/sparse_network.ts";

const tolerance = { rtol: 1e-5, atol: 1e-6 };

const network = async (zeros = 0.9): Promise<Module> => (await sparseNetwork(zeros)).eval();

const input = (batch: number) => tensor(randomArray(batch * 3 * 64, 5), [batch, 3, 8, 8]);

describe("sparsify", () => {
  test.each(SPARSE_KERNELS)("gives the logits of the dense model by kernels %s", async (kernels) => {
    using _scope = new Scope();
    const model = await network();
    for (const batch of [1, 20]) {
      const x = input(batch);
      const [dense] = await readAll(noGrad(() => model.forward(x)));
      using sparse = await sparsify(model, { kernels });
      const [got] = await readAll(noGrad(() => model.forward(x)));
      expectClose(got!, dense!, tolerance);
      expect(sparse.layers.map(({ name }) => name)).toEqual(["0", "3", "5", "7"]);
      for (const { kernel, nonzeros, weights } of sparse.layers) {
        if (kernels === "dense") expect(kernel).toBe("dense");
        if (kernels === "block") expect(kernel).toMatch(/^block/);
        if (kernels === "csr") expect(kernel).toBe("csr");
        expect(nonzeros).toBeLessThan(0.15 * weights);
      }
    }
    model.dispose();
  });

  test("a captured step replays the eager bits", async () => {
    using _scope = new Scope();
    const model = await network();
    using sparse = await sparsify(model, { kernels: "block" });
    const data = { data: randomArray(4 * 192, 6), shape: [4, 3, 8, 8] };
    using step = captureStep(({ x }: { x: ReturnType<typeof tensor> }) => ({ y: noGrad(() => model.forward(x)) }));
    const first = (await readAll(step.run({ x: data }).y))[0]!;
    const again = (await readAll(step.run({ x: data }).y))[0]!;
    const eager = (await readAll(noGrad(() => model.forward(tensor(data.data, data.shape)))))[0]!;
    expect(again).toEqual(first);
    expect(eager).toEqual(first);
    expect(step.describe().some(({ kernel }) => kernel.startsWith("sparse_product"))).toBe(true);
    expect(sparse.layers).toHaveLength(4);
    model.dispose();
  });

  test("training, gradients and traces use the dense kernels", async () => {
    using _scope = new Scope();
    const model = await network();
    using _sparse = await sparsify(model, { kernels: "block" });
    const traced: string[] = [];
    traceOps(
      ({ op }) => traced.push(op),
      () => model.forward(metaTensor([1, 3, 8, 8])),
    );
    expect(traced.filter((op) => op === "conv2d" || op === "linear")).toHaveLength(4);
    const weight = (model as Sequential).namedParameters().next().value![1];
    using tape = new Tape();
    for (const p of model.parameters()) p.requiresGrad = true;
    tape.backward(softmax(model.forward(input(2))), tensor(randomArray(20, 9), [2, 10]));
    expect(weight.grad).not.toBeNull();
    for (const p of model.parameters()) p.grad?.dispose();
    model.dispose();
  });

  test("refresh takes over changed values, and dispose gives the dense kernels back", async () => {
    using _scope = new Scope();
    const model = await network();
    const sparse = await sparsify(model, { kernels: "block" });
    const x = input(3);
    for (const [, p] of model.namedParameters()) {
      if (!p.prunable) continue;
      const values = (await readAll(p))[0] as Float32Array;
      p.set(values.map((v) => 1.5 * v));
    }
    sparse.refresh();
    const [got] = await readAll(noGrad(() => model.forward(x)));
    sparse.dispose();
    const [want] = await readAll(noGrad(() => model.forward(x)));
    expectClose(got!, want!, tolerance);
    expect(Object.hasOwn((model as Sequential).namedModules().next().value![1], "forward")).toBe(false);
    model.dispose();
  });

  test("auto keeps layers without zeros dense", async () => {
    using _scope = new Scope();
    const model = await network(0);
    using sparse = await sparsify(model);
    expect(sparse.layers.every(({ kernel }) => kernel === "dense")).toBe(true);
    model.dispose();
  });

  test("a NaN under a weight of zero is skipped; under a live block it reaches the result", async () => {
    using _scope = new Scope();
    const layer = new Linear(2, 8, { bias: false }).eval();
    layer.weight.set(Float32Array.from({ length: 16 }, (_, i) => (i % 2 === 0 && i < 14 ? 1 : 0)));
    using _sparse = await sparsify(layer, { kernels: "block" });
    const run = async (values: number[]) => [...(await readAll(noGrad(() => layer.forward(tensor([values])))))[0]!];
    expect(await run([1, Number.NaN])).toEqual([1, 1, 1, 1, 1, 1, 1, 0]);
    expect(await run([Number.NaN, 1])).toEqual(Array(8).fill(Number.NaN));
    layer.dispose();
  });

  test("refuses a sample that is no shape, and one with training", async () => {
    const layer = new Linear(2, 2);
    await expect(sparsify(layer, { sample: [0] })).rejects.toThrow("sparsify: sample: expected sizes >= 1");
    await expect(sparsify(layer, { sample: [2], training: true })).rejects.toThrow(
      "sparsify: sample: expected null with training, whose batch norms change",
    );
  });

  test("refuses an unknown option and an unknown kernel", async () => {
    const layer = new Linear(2, 2);
    await expect(sparsify(layer, { kernel: "block" } as never)).rejects.toThrow(ArgumentError);
    await expect(sparsify(layer, { kernels: "fast" as never })).rejects.toThrow(
      "sparsify: kernels: expected one of auto, dense, block, csr, got fast",
    );
  });
});
