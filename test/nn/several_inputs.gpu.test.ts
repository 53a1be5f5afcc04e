// Modules with several inputs and outputs: their types need no casts, and every tool that takes a module takes them.
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { checkpointActivations, Linear, loadState, Module, ReLU, Sequential, summarize } from "../../src/nn/index.ts";
import { add, concat, mul, sub, sum } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";

class Siamese extends Module {
  readonly embed = new Linear(4, 3);
  forward(a: Tensor, b: Tensor): Tensor {
    return sub(this.embed.forward(a), this.embed.forward(b));
  }
}

class Heads extends Module {
  readonly left = new Linear(3, 2);
  readonly right = new Linear(3, 1);
  forward(x: Tensor): [left: Tensor, right: Tensor] {
    return [this.left.forward(x), this.right.forward(x)];
  }
}

interface Batch {
  readonly image: Tensor;
  readonly others: readonly Tensor[];
}

class Records extends Module<[batch: Batch, scale?: Tensor], { sum: Tensor; joined: Tensor }> {
  readonly fc = new Linear(2, 2);
  forward({ image, others }: Batch, scale?: Tensor): { sum: Tensor; joined: Tensor } {
    const y = this.fc.forward(image);
    return {
      sum: others.reduce((a, b) => add(a, b), scale ? mul(y, scale) : y),
      joined: concat([image, ...others], { axis: 1 }),
    };
  }
}

const row = (...values: number[]) => tensor([values]);

test("forward takes and returns what the class says", async () => {
  using _scope = new Scope();
  const [pair, heads, records] = [new Siamese(), new Heads(), new Records()];
  const same = pair.forward(row(1, 2, 3, 4), row(1, 2, 3, 4));
  expect([...(await same.data())]).toEqual([0, 0, 0]);
  const [left, right] = heads.forward(same);
  expect([left.shape, right.shape]).toEqual([
    [1, 2],
    [1, 1],
  ]);
  const { sum: total, joined } = records.forward({ image: row(1, 2), others: [row(3, 4), row(5, 6)] });
  expect([total.shape, joined.shape]).toEqual([
    [1, 2],
    [1, 6],
  ]);
  for (const m of [pair, heads, records]) m.dispose();
});

test("a module of any signature is a Module", () => {
  const list: Module[] = [new Siamese(), new Heads(), new Records(), new ReLU()];
  expect(list.map((m) => m.parameters().length)).toEqual([2, 4, 2, 0]);
  const typed: Module<[x: Tensor], Tensor> = new ReLU();
  // @ts-expect-error: two inputs
  const wrong: Module<[x: Tensor], Tensor> = new Siamese();
  expect([typed, wrong]).toHaveLength(2);
});

test("Sequential gives all inputs to the first module and one value to each other one", async () => {
  using _scope = new Scope();
  const model = new Sequential<[a: Tensor, b: Tensor], [Tensor, Tensor]>([new Siamese(), new ReLU(), new Heads()]);
  const [left, right] = model.forward(row(1, 2, 3, 4), row(4, 3, 2, 1));
  expect([left.shape, right.shape]).toEqual([
    [1, 2],
    [1, 1],
  ]);
  model.dispose();
});

test("trains with the sum of two losses, and frees its memory", async () => {
  const { live } = currentGpu().memory();
  {
    using _scope = new Scope();
    const model = new Sequential<[a: Tensor, b: Tensor], [Tensor, Tensor]>([new Siamese(), new Heads()]);
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const before = await model.stateDict();
    {
      using tape = new Tape();
      const [left, right] = model.forward(row(1, 2, 3, 4), row(4, 3, 2, 1));
      tape.backward(add(sum(left), sum(right)));
      optimizer.step();
    }
    const after = await model.stateDict();
    for (const [name, { data }] of after)
      expect([name, data.some((v, i) => v !== before.get(name)!.data[i])]).toEqual([
        name,
        !name.endsWith("embed.bias"),
      ]);
    const report = loadState(model, before);
    expect(report.loaded).toHaveLength(6);
    optimizer.dispose();
    model.dispose();
  }
  expect(currentGpu().memory().live).toBe(live);
});

describe("summarize", () => {
  test("takes one shape per input, in an array or by name", () => {
    const expected = { input: [4], inputs: [[4], [4]], output: [1, 3], parameters: 15, macs: 24 };
    expect(summarize(new Siamese(), [[4], [4]])).toMatchObject(expected);
    expect(summarize(new Siamese(), { a: [4], b: metaTensor([4]) })).toMatchObject(expected);
    expect(summarize(new Siamese(), [[4], [4]]).layers.map((l) => l.name)).toEqual(["embed", "embed"]);
  });

  test("lists several outputs", () => {
    const s = summarize(new Heads(), [3]);
    expect(s).toMatchObject({ output: [1, 2], outputs: [[1, 2], [1, 1]] }); // biome-ignore format: short
    expect(summarize(new Linear(2, 2), [2])).not.toHaveProperty("outputs");
  });

  test("takes an argument that is an object", () => {
    const s = summarize(new Records(), [{ image: [2], others: [[2], [2]] }]);
    expect(s.inputs).toEqual([[2], [2], [2]]);
    expect(s.outputs).toEqual([[1, 2], [1, 6]]); // biome-ignore format: short
  });

  test.each([
    ["no shape", [], "input: expected the shape of one sample, [C, H, W], got []"],
    ["a size of 0", [0, 2], "input: expected the shape of one sample, [C, H, W], got [0,2]"],
    ["a wrong entry", [[4], "a"], 'input1: expected the shape of one sample, [C, H, W], got "a"'],
    ["no names", {}, "input: expected the shape of one sample, [C, H, W], got {}"],
  ])("refuses %s", (_, input, message) => {
    expect(() => summarize(new Siamese(), input as never)).toThrow(`summarize: ${message}`);
  });

  test("refuses a module that returns no tensor", () => {
    class Nothing extends Module {
      forward(_x: Tensor): string {
        return "a";
      }
    }
    expect(() => summarize(new Nothing(), [2])).toThrow("expected forward to return a tensor, got string");
  });
});

test("activation checkpointing takes several tensors and refuses other inputs and outputs", () => {
  using _scope = new Scope();
  const pair = checkpointActivations(new Siamese());
  expect(pair.forward(row(1, 2, 3, 4), row(1, 2, 3, 4)).shape).toEqual([1, 3]);
  const heads = checkpointActivations(new Heads());
  expect(() => heads.forward(row(1, 2, 3))).toThrow("activationCheckpoint: expected the function to return one tensor");
  const records = checkpointActivations(new Records());
  expect(() => records.forward({ image: row(1, 2), others: [] })).toThrow(
    "activationCheckpoint: input 0: expected a tensor, got object",
  );
  for (const m of [pair, heads, records]) m.dispose();
});
