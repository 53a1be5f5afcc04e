import { describe, expect, test } from "vitest";
import { Linear, Module, ModuleDict, ModuleList, ReLU, Sequential, summarize } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

const linear = (n = 1) => new Linear(n, n, { bias: false });
const names = (m: Module) => [...m.namedState()].map(([name]) => name);

describe("ModuleList", () => {
  test("names its modules as PyTorch does, in lists of lists too", () => {
    class Net extends Module {
      readonly blocks = new ModuleList([linear(), new ModuleList([linear(), new Sequential([linear()])])]);
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(names(new Net())).toEqual(["blocks.0.weight", "blocks.1.0.weight", "blocks.1.1.0.weight"]);
    expect([...new Net().namedModules()].map(([name]) => name).slice(0, 3)).toEqual(["", "blocks", "blocks.0"]);
  });

  test("is a list that can grow", () => {
    const [a, b, c] = [linear(), linear(), new ReLU()];
    const list = new ModuleList<Module>([a]).push(b).push(c);
    expect([list.length, list.at(0), list.at(-1)]).toEqual([3, a, c]);
    expect([...list]).toEqual([a, b, c]);
    expect(new ModuleList().length).toBe(0);
    list.eval();
    expect(c.training).toBe(false);
  });

  test("keeps the type of its modules", () => {
    const list = new ModuleList([linear(3), linear(3)]);
    const weight: readonly number[] = list.at(1).weight.shape;
    expect(weight).toEqual([3, 3]);
  });

  test("refuses what is no module, no index, and a call", () => {
    expect(() => new ModuleList([linear(), null as never])).toThrow("ModuleList: expected a module at [1], got null");
    expect(() => new ModuleList(3 as never)).toThrow("ModuleList: expected a list of modules, got number");
    const list = new ModuleList([linear()]);
    expect(() => list.push({} as never)).toThrow("ModuleList: expected a module at [1], got object");
    expect(() => list.at(1)).toThrow("ModuleList: expected an index of 1 modules, got 1");
    expect(() => list.at(0.5)).toThrow("got 0.5");
    expect(() => new Sequential([list]).forward(null as never)).toThrow("ModuleList: expected calls of the modules");
  });
});

describe("ModuleDict", () => {
  test("names its modules by key, in the given order, also for numbers and names of methods", () => {
    const dict = new ModuleDict<Record<string, Module>>({ head: linear(), get: linear() });
    dict.set("10", linear()).set("9", linear()).set("training", linear());
    expect(names(dict)).toEqual(["head.weight", "get.weight", "10.weight", "9.weight", "training.weight"]);
    expect(dict.names).toEqual(["head", "get", "10", "9", "training"]);
    const parent = new Sequential([dict]);
    expect(names(parent).slice(0, 2)).toEqual(["0.head.weight", "0.get.weight"]);
  });

  test("gives modules by name with their types, and replaces them", () => {
    const dict = new ModuleDict({ a: linear(2), b: new ReLU() });
    expect(dict.get("a").weight.shape).toEqual([2, 2]);
    expect([dict.has("a"), dict.has("c")]).toEqual([true, false]);
    const other = linear(3);
    expect(dict.set("a", other).get("a")).toBe(other);
    expect(dict.names).toEqual(["a", "b"]);
  });

  test("refuses what is no module, unknown and unfit names, and a call", () => {
    expect(() => new ModuleDict([] as never)).toThrow("ModuleDict: expected an object of modules");
    expect(() => new ModuleDict({ a: 3 as never })).toThrow('ModuleDict: expected a module at ["a"], got number');
    const dict = new ModuleDict({ a: linear() });
    expect(() => dict.get("b" as "a")).toThrow('ModuleDict: expected one of a, got "b"');
    expect(() => new ModuleDict({ "a.b": linear() })).toThrow('expected a name without dots, got "a.b"');
    expect(() => new ModuleDict({ "": linear() })).toThrow('expected a name without dots, got ""');
    expect(() => dict.forward()).toThrow("ModuleDict: expected calls of the modules inside");
  });
});

test("a summary has the layers of a list and of a dict", () => {
  class Net extends Module {
    readonly blocks = new ModuleList([linear(4), linear(4)]);
    readonly heads = new ModuleDict({ left: linear(4) });
    forward(x: Tensor): Tensor {
      let y = x;
      for (const block of this.blocks) y = block.forward(y);
      return this.heads.get("left").forward(y);
    }
  }
  expect(summarize(new Net(), [4]).layers.map((l) => l.name)).toEqual(["blocks.0", "blocks.1", "heads.left"]);
});
