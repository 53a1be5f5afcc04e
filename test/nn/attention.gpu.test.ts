// A causal attention model of the engine's ops: trains, replays and exports.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { exportOnnx } from "../../src/export/index.ts";
import { Embedding, LayerNorm, Linear, Module, manualSeed, StateBuffer } from "../../src/nn/index.ts";
import {
  add,
  crossEntropy,
  matmul,
  mul,
  narrow,
  permute,
  reshape,
  softmax,
  transpose,
  where,
} from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { captureStep, metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { loadOnnx, relativeError } from "../export/onnx_runtime.ts";

const [TOKENS, LENGTH, WIDTH, HEADS] = [5, 6, 8, 2];

class Attention extends Module {
  readonly words = new Embedding(TOKENS, WIDTH);
  readonly positions = new Embedding(LENGTH, WIDTH);
  readonly norm = new LayerNorm(WIDTH);
  readonly qkv = new Linear(WIDTH, 3 * WIDTH);
  readonly head = new Linear(WIDTH, TOKENS);
  /** 1 for keys at or before the query. */
  readonly mask = new StateBuffer([LENGTH, LENGTH], () =>
    Float32Array.from({ length: LENGTH ** 2 }, (_, i) => Number(i % LENGTH <= Math.floor(i / LENGTH))),
  );

  /** index [N, T] i32 -> logits [N, T, TOKENS]. */
  forward(index: Tensor): Tensor {
    const x = add(this.words.forward(index), this.positions.weight);
    const split = reshape(this.qkv.forward(this.norm.forward(x)), { shape: [-1, LENGTH, 3, HEADS, WIDTH / HEADS] });
    const [q, k, v] = [0, 1, 2].map((i) => this.part(permute(split, [2, 0, 3, 1, 4]), i));
    const scores = mul(matmul(q!, transpose(k!, -1, -2)), Math.sqrt(HEADS / WIDTH));
    const mixed = matmul(softmax(where(this.mask, scores, Number.NEGATIVE_INFINITY)), v!);
    return this.head.forward(add(x, reshape(permute(mixed, [0, 2, 1, 3]), { shape: [-1, LENGTH, WIDTH] })));
  }

  private part(qkv: Tensor, i: number): Tensor {
    return reshape(narrow(qkv, { axis: 0, start: i, length: 1 }), { shape: [-1, HEADS, LENGTH, WIDTH / HEADS] });
  }
}

/** All sequences a + i · d (mod 5) with their next tokens. */
function sequences(): { index: Int32Array; next: Int32Array; count: number } {
  const rows = [0, 1, 2, 3, 4].flatMap((a) => [1, 2, 3, 4].map((d) => [a, d] as const));
  const tokens = (shift: number) =>
    Int32Array.from(rows.flatMap(([a, d]) => Array.from({ length: LENGTH }, (_, i) => (a + (i + shift) * d) % TOKENS)));
  return { index: tokens(0), next: tokens(1), count: rows.length };
}

test("learns sequences in a captured step; the exported graph agrees", async () => {
  using _scope = new Scope();
  manualSeed(3);
  const model = new Attention();
  const { index, next, count } = sequences();
  const optimizer = new SGD(model.parameters(), { lr: 0.2, momentum: 0.9 });
  const step = captureStep(({ x, target }: { x: Tensor; target: Tensor }) => {
    using tape = new Tape();
    const logits = reshape(model.forward(x), { shape: [-1, TOKENS] });
    const loss = tape.keep(crossEntropy(logits, target));
    tape.backward(loss);
    optimizer.step();
    return { loss };
  });
  const batch = {
    x: { data: index, shape: [count, LENGTH] },
    target: { data: next, shape: [count * LENGTH] },
  };
  const losses: number[] = [];
  for (let i = 0; i < 120; i++) {
    step.run(batch);
    if (i % 119 === 0) losses.push(await step.outputs.loss.item());
  }
  expect(losses[0]).toBeGreaterThan(1.5);
  // The second token is one of four: log(4) / 6 = 0.23 is the least.
  expect(losses[1]).toBeLessThan(0.4);

  const graph = exportOnnx(model, { input: metaTensor([LENGTH], "i32"), weights: await model.stateDict() });
  const runtime = await loadOnnx(graph);
  const shape = [count, LENGTH];
  const { logits } = await runtime.run({ input: { data: index, shape } });
  const y = (await model.forward(tensor(index, shape)).data()) as Float32Array;
  expect(relativeError(logits!.data, y)).toBeLessThan(1e-5);
  await runtime.release();
  step.dispose();
  optimizer.dispose();
  model.dispose();
});
