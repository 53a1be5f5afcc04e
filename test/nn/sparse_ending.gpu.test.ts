// Batch norm, residual additions and ReLUs inside of sparse products, against the dense model.
import { expect, test } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { BasicBlock } from "../../src/models/resnet_block.ts";
import { BatchNorm2d, Conv2d, Flatten, Linear, Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { sparsify } from "../../src/nn/sparsify.ts";
import { add } from "../../src/ops/index.ts";
import { captureStep, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { testHalf } from "../support/half.ts";
import { pruneBlocks } from "../support/prune_blocks.ts";
import { randomArray } from "../support/random.ts";

const tolerance = { rtol: 1e-5, atol: 2e-6 };

/** Build a network with a bias before a batch norm, and a residual block, with running statistics that are not 0 and 1. */
async function residualNetwork(): Promise<Module> {
  const model = new Sequential([
    new Conv2d(3, 16, 3, { padding: 1 }),
    new BatchNorm2d(16),
    new ReLU(),
    new BasicBlock(16, 24, 2),
    new Flatten(),
    new Linear(24 * 16, 20),
    new ReLU(),
    new Linear(20, 10),
  ]).eval();
  let seed = 20;
  for (const [name, t] of model.namedState()) {
    const values = (await readAll(t))[0] as Float32Array;
    const shift = randomArray(t.numel, ++seed, 0.2);
    if (t.shape.length > 1) t.set(pruneBlocks(values, t.shape, { size: 8, zeros: 0.8 }));
    else if (/running|bn\d\.|^1\.|downsample\.1/.test(name)) t.set(values.map((v, i) => v + shift[i]!));
  }
  return model;
}

/** A convolution whose result a batch norm and an addition read. */
class TwoReaders extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1 });
  readonly bn = new BatchNorm2d(8);
  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return add(this.bn.forward(y), y);
  }
}

const input = (batch: number, dtype: "f32" | "f16" = "f32") =>
  tensor(randomArray(batch * 192, 5), [batch, 3, 8, 8], dtype);

test.each(["block", "csr", "auto"] as const)(
  "norms, residuals and ReLUs become part of the products by kernels %s",
  async (kernels) => {
    using _scope = new Scope();
    const model = await residualNetwork();
    for (const batch of [1, 9]) {
      const x = input(batch);
      const [dense] = await readAll(noGrad(() => model.forward(x)));
      using sparse = await sparsify(model, { kernels, sample: [3, 8, 8] });
      const kernelsOf = () => {
        using step = captureStep(({ x: t }: { x: Tensor }) => ({ y: noGrad(() => model.forward(t)) }));
        step.run({ x: { data: randomArray(batch * 192, 5), shape: [batch, 3, 8, 8] } });
        return step.describe().map(({ kernel }) => kernel);
      };
      const [got] = await readAll(noGrad(() => model.forward(x)));
      expectClose(got!, dense!, tolerance);
      expect(sparse.layers).toHaveLength(6);
      if (kernels === "block") expect(kernelsOf().filter((name) => /batch_norm|unary|add/.test(name))).toEqual([]);
    }
    model.dispose();
  },
);

test("refresh takes over the maps of batch norms, and dispose gives the norms back", async () => {
  using _scope = new Scope();
  const model = await residualNetwork();
  const x = input(3);
  const logits = async () => (await readAll(noGrad(() => model.forward(x))))[0]!;
  const sparse = await sparsify(model, { kernels: "block", sample: [3, 8, 8] });
  for (const [name, t] of model.namedState())
    if (/running|bn\d\.|^1\./.test(name)) t.set((await readAll(t))[0]!.map((v) => 1.25 * v + 0.1));
  sparse.refresh();
  const got = await logits();
  sparse.dispose();
  const want = await logits();
  expectClose(got, want, tolerance);
  model.dispose();
});

test("statistics that are re-estimated are those of the model", async () => {
  using _scope = new Scope();
  const model = await residualNetwork();
  using _sparse = await sparsify(model, { kernels: "block", sample: [3, 8, 8] });
  const norms = [...model.namedModules()].flatMap(([, m]) => (m instanceof BatchNorm2d ? [m] : []));
  const run = async () => {
    for (const norm of norms) norm.train();
    const [y] = await readAll(noGrad(() => model.forward(input(5))));
    model.eval();
    return y!;
  };
  const got = await run();
  _sparse.dispose();
  expectClose(got, await run(), tolerance);
  model.dispose();
});

test("a result that two ops read keeps its norm", async () => {
  using _scope = new Scope();
  const model = new TwoReaders();
  model.eval();
  const x = input(2);
  const [want] = await readAll(noGrad(() => model.forward(x)));
  using _sparse = await sparsify(model, { kernels: "block", sample: [3, 8, 8] });
  expectClose((await readAll(noGrad(() => model.forward(x))))[0]!, want!, tolerance);
  model.dispose();
});

testHalf("f16 activations: products and ends are computed in f32", async () => {
  using _scope = new Scope();
  const model = await residualNetwork();
  const x = input(4, "f16");
  const [want] = await readAll(noGrad(() => model.forward(x)));
  using _sparse = await sparsify(model, { kernels: "block", sample: [3, 8, 8] });
  expectClose((await readAll(noGrad(() => model.forward(x))))[0]!, want!, { rtol: 1e-2, atol: 1e-2 });
  model.dispose();
});
