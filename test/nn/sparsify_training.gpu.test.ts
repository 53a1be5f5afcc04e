// Training with a frozen mask by the sparse kernels, against the dense kernels with the same mask.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Linear, type Module, manualSeed } from "../../src/nn/index.ts";
import { type SparsifyOptions, sparsify } from "../../src/nn/sparsify.ts";
import { crossEntropy } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { pruningGroups } from "../../src/prune/index.ts";
import { captureStep, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { sparseNetwork } from "../support/sparse_network.ts";

const BATCH = 12;

/** Build the network with three quarters of its blocks zero. */
async function network(): Promise<Module> {
  manualSeed(3);
  return sparseNetwork(0.75);
}

interface Trained {
  readonly losses: number[];
  readonly weights: Map<string, Float32Array>;
}

interface How {
  readonly options?: SparsifyOptions;
  readonly replay?: boolean;
  /** Steps in the phase "mask" of pruning; otherwise plain SGD. */
  readonly masks?: boolean;
}

/** Train for 20 steps. */
async function train({ options, replay = true, masks = false }: How): Promise<Trained> {
  using _scope = new Scope();
  const model = await network();
  using _sparse = options ? await sparsify(model, options) : null;
  const params = masks ? pruningGroups(model, { mode: "inplace", threshold: 0 }) : [...model.parameters()];
  const sgd = new SGD(params, { lr: 0.01, momentum: 0.9, weightDecay: 1e-3 });
  if (masks) sgd.setPhase("mask");
  const step = captureStep(
    ({ x, y }: Record<"x" | "y", Tensor>) => {
      using tape = new Tape();
      const loss = tape.keep(crossEntropy(model.forward(x), y));
      tape.backward(loss);
      sgd.step();
      return { loss };
    },
    { replay },
  );
  const losses: number[] = [];
  for (let t = 0; t < 20; t++) {
    const labels = Int32Array.from({ length: BATCH }, (_, i) => (7 * i + t) % 10);
    const { loss } = step.run({
      x: { data: randomArray(BATCH * 192, 50 + t), shape: [BATCH, 3, 8, 8] },
      y: { data: labels, shape: [BATCH] },
    });
    losses.push((await loss.data())[0]!);
  }
  const weights = new Map<string, Float32Array>();
  for (const [name, p] of model.namedParameters()) weights.set(name, (await readAll(p))[0] as Float32Array);
  step.dispose();
  sgd.dispose();
  model.dispose();
  return { losses, weights };
}

/** Return the places of the zeros of each prunable weight. */
const zerosOf = ({ weights }: Trained) =>
  [...weights].flatMap(([name, values]) =>
    values.length > 100 ? [`${name} ${values.map((v) => (v === 0 ? 1 : 0))}`] : [],
  );

test.each(["auto", "block", "csr", "dense"] as const)(
  "20 steps by kernels %s equal those of the dense kernels with masked weights",
  async (kernels) => {
    const want = await train({ masks: true });
    const got = await train({ options: { kernels, training: true } });
    expectClose(got.losses, want.losses, { rtol: 1e-4, atol: 1e-5 }, "losses");
    for (const [name, values] of want.weights)
      expectClose(got.weights.get(name)!, values, { rtol: 1e-3, atol: 1e-4 }, name);
    expect(zerosOf(got)).toEqual(zerosOf(want));
  },
);

test("a captured step has the bits of an eager one", async () => {
  const options = { kernels: "block", training: true } as const;
  expect(await train({ options, replay: true })).toEqual(await train({ options, replay: false }));
});

test("gradients of one step equal those of the dense kernels at the live blocks", async () => {
  using _scope = new Scope();
  const model = await network();
  const gradients = async () => {
    const x = tensor(randomArray(BATCH * 192, 1), [BATCH, 3, 8, 8]);
    for (const t of [x, ...model.parameters()]) t.requiresGrad = true;
    using tape = new Tape();
    const y = model.forward(x);
    tape.backward(y, tensor(randomArray(BATCH * 10, 2), [BATCH, 10]));
    const all = [x, ...model.parameters()];
    const values = await readAll(...all.map((t) => t.grad!));
    for (const t of all) t.grad!.dispose();
    for (const t of all) t.grad = null;
    return values;
  };
  const want = await gradients();
  using _sparse = await sparsify(model, { kernels: "block", training: true });
  const got = await gradients();
  const weights = [null, ...(await readAll(...model.parameters()))];
  got.forEach((values, i) => {
    const w = weights[i];
    const isPruned = w && w.length > 100;
    const masked = want[i]!.map((v, k) => (isPruned && w[k] === 0 ? 0 : v));
    expectClose(values, masked, { rtol: 1e-4, atol: 1e-4 }, `tensor ${i}`);
  });
  model.dispose();
});

test("refuses training that is no boolean", async () => {
  await expect(sparsify(new Linear(2, 2), { training: 1 as never })).rejects.toThrow(
    "sparsify: training: expected true or false, got 1",
  );
});
