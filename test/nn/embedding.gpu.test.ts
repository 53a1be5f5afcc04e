import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Embedding, manualSeed, Sequential, summarize } from "../../src/nn/index.ts";
import { sum } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";

test("has PyTorch's names, N(0, 1) values and a row of zeros", async () => {
  manualSeed(1);
  const table = new Embedding(200, 30, { paddingIdx: -1 });
  expect([...table.namedParameters()].map(([name, p]) => [name, p.shape, p.prunable])).toEqual([
    ["weight", [200, 30], false],
  ]);
  const values = (await table.weight.data()) as Float32Array;
  expect([...values.slice(-30)]).toEqual(new Array(30).fill(0));
  const [mean, square] = [0, 1].map((power) => values.reduce((a, v) => a + v * v ** power, 0) / (199 * 30));
  // Standard errors: 0.013 of the mean, 0.018 of the variance.
  expect(Math.abs(mean!)).toBeLessThan(0.05);
  expect(Math.abs(square! - 1)).toBeLessThan(0.07);
  table.dispose();
});

test("trains: rows that occur move, the others and the padded one do not", async () => {
  using _scope = new Scope();
  const table = new Embedding(5, 4, { paddingIdx: 0 });
  const before = await table.weight.data();
  const optimizer = new SGD([table.weight], { lr: 0.1 });
  {
    using tape = new Tape();
    tape.backward(sum(table.forward(tensor(Int32Array.of(0, 2, 2, 4)))));
    optimizer.step();
  }
  const after = await table.weight.data();
  const moved = [0, 1, 2, 3, 4].map((row) => Math.round((before[row * 4]! - after[row * 4]!) * 1000) / 1000);
  expect(moved).toEqual([0, 0, 0.2, 0, 0.1]);
  optimizer.dispose();
  table.dispose();
});

test("is summarised from a shape of integers", () => {
  const { output, parameters } = summarize(new Sequential([new Embedding(10, 4)]), metaTensor([7], "i32"));
  expect(output.slice(1)).toEqual([7, 4]);
  expect(parameters).toBe(40);
});

test("errors", () => {
  expect(() => new Embedding(0, 4)).toThrow("Embedding: numEmbeddings: expected an integer >= 1, got 0");
  expect(() => new Embedding(4, 1.5)).toThrow("Embedding: embeddingDim: expected an integer >= 1, got 1.5");
  expect(() => new Embedding(4, 4, { paddingIdx: 4 })).toThrow(
    "Embedding: paddingIdx: expected an integer from -4 to 3, got 4",
  );
  expect(() => new Embedding(4, 4, { padding: 1 } as never)).toThrow("Embedding: unknown option padding");
});
