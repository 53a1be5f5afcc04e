import { describe, expect, test } from "vitest";
import {
  Conv2d,
  constantInit,
  Dropout,
  Linear,
  Module,
  Parameter,
  RandomState,
  Sequential,
  StochasticDepth,
  summarize,
} from "../../src/nn/index.ts";
import { relu } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

const linear = () => new Linear(1, 1, { bias: false });
const names = (m: Module) => m.parameters().map((p) => p.name);
abstract class Base extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

describe("finds modules and parameters", () => {
  test("in arrays, Maps, Sets and plain objects, of any depth, under the names of PyTorch's lists", () => {
    class Net extends Base {
      readonly blocks = [linear(), [linear(), new Sequential([linear()])]];
      readonly heads = new Map<string | number, unknown>([
        ["cat", linear()],
        [7, { inner: linear() }],
      ]);
      readonly set = new Set([linear()]);
      readonly parts = { left: linear(), scale: new Parameter([1], constantInit(0)), other: "text", none: null };
      readonly bare = Object.assign(Object.create(null), { in: linear() }) as object;
      readonly numbers = [1, 2, 3];
    }
    expect(names(new Net())).toEqual([
      "parts.scale",
      "blocks.0.weight",
      "blocks.1.0.weight",
      "blocks.1.1.0.weight",
      "heads.cat.weight",
      "heads.7.inner.weight",
      "set.0.weight",
      "parts.left.weight",
      "bare.in.weight",
    ]);
    const net = new Net();
    net.eval();
    expect([...net.namedModules()].every(([, m]) => !m.training)).toBe(true);
  });

  test("once, under the property's name, if a list repeats them or points back", () => {
    class Net extends Base {
      readonly all: unknown[] = [];
      readonly one = linear();
      readonly two = linear();
      constructor() {
        super();
        this.all.push(this.one, this.two, this.all, linear());
      }
    }
    expect(names(new Net())).toEqual(["all.3.weight", "one.weight", "two.weight"]);
  });

  test("and refuses keys that give no name", () => {
    class Dotted extends Base {
      readonly heads = new Map([["a.b", linear()]]);
    }
    class Keyed extends Base {
      readonly heads = new Map([[{}, linear()]]);
    }
    expect(() => new Dotted().parameters()).toThrow(
      'Module: heads: expected keys of modules to be numbers or names without dots, got "a.b"',
    );
    expect(() => new Keyed().parameters()).toThrow("got object");
  });
});

describe("methods that list parameters refuse a module in a private field", () => {
  class Field extends Base {
    readonly #conv = new Conv2d(1, 2, 3);
    readonly fc = linear();
    override forward(x: Tensor): Tensor {
      return this.fc.forward(this.#conv.forward(x));
    }
  }
  class Assigned extends Base {
    #conv: Module;
    constructor() {
      super();
      this.#conv = new Conv2d(1, 2, 3);
    }
    override forward(x: Tensor): Tensor {
      return this.#conv.forward(x);
    }
  }
  class Several extends Base {
    readonly #blocks = Array.from({ length: 2 }, () => linear() && new Linear(2, 2));
    override forward(x: Tensor): Tensor {
      return this.#blocks.reduce((y, block) => block.forward(y), x);
    }
  }
  class Weight extends Base {
    readonly #scale = new Parameter([1], constantInit(0));
    override forward(x: Tensor): Tensor {
      void this.#scale;
      return x;
    }
  }
  class Heir extends Field {
    readonly more = linear();
  }
  const cases: [string, () => Module, string][] = [
    ["a field", () => new Field(), "Field has #conv, a Conv2d"],
    ["a field set in the constructor", () => new Assigned(), "Assigned has #conv, a Conv2d"],
    ["an array of modules", () => new Several(), "Several has #blocks, a Linear"],
    ["a parameter", () => new Weight(), "Weight has #scale, a Parameter"],
    ["a base class", () => new Heir(), "Field has #conv, a Conv2d"],
    ["a part of a model", () => new Sequential([linear(), new Field()]), "Field has #conv, a Conv2d"],
  ];
  test.each(cases)("%s", async (_, make, what) => {
    const message = `Module: ${what}, in a private field, where it cannot be found and would never be trained; use a property without #`;
    const model = make();
    expect(() => model.parameters()).toThrow(message);
    expect(() => [...model.namedState()]).toThrow(message);
    expect(() => model.eval()).toThrow(message);
    expect(() => new SGD(model.parameters(), { lr: 0.1 })).toThrow(message);
    await expect(model.stateDict()).rejects.toThrow(message);
  });

  test("ignores other private fields", () => {
    class Fine extends Base {
      #count = 0;
      readonly #make = () => new Linear(1, 1);
      readonly #names = new Map<string, number>();
      readonly #random = new RandomState(1);
      readonly fc = this.#make();
      override forward(x: Tensor): Tensor {
        this.#count += this.#names.size + this.#random.seed;
        return this.#count === 0 ? x : this.fc.forward(x);
      }
    }
    expect(names(new Fine())).toEqual(["fc.weight", "fc.bias"]);
  });
});

test("layers refuse wrong arguments when they are made", () => {
  const random = new RandomState(1);
  expect(() => new Linear("3" as never, 2)).toThrow('Linear: inFeatures: expected an integer >= 1, got "3"');
  expect(() => new Linear(3.5, 2)).toThrow("Linear: inFeatures: expected an integer >= 1, got 3.5");
  expect(() => new Sequential(linear() as never)).toThrow("Sequential: expected an array of modules");
  expect(() => new Sequential([linear(), ((x: Tensor) => x) as never])).toThrow(
    "Sequential: expected a module at [1], got function",
  );
  expect(() => new Dropout(0.5, null as never)).toThrow("Dropout: expected a RandomState as second argument");
  expect(() => new Dropout("0.5" as never, random)).toThrow('Dropout: p: expected a number in [0, 1], got "0.5"');
  expect(() => new StochasticDepth(0.5, {} as never)).toThrow("StochasticDepth: expected a RandomState");
  expect(() => relu([1, 2] as never)).toThrow("relu: input 0: expected a tensor, got a list");
  expect(() => (relu as () => Tensor)()).toThrow("relu: expected a tensor as first argument");
});

test("a summary has the layers of lists", () => {
  class Net extends Base {
    readonly blocks = [new Linear(4, 4), new Sequential([new Linear(4, 4)])];
    override forward(x: Tensor): Tensor {
      return this.blocks.reduce((y, block) => block.forward(y), x);
    }
  }
  const { layers, parameters } = summarize(new Net(), [4]);
  expect(layers.map((l) => [l.name, l.parameters])).toEqual([
    ["blocks.0", 20],
    ["blocks.1.0", 20],
  ]);
  expect(parameters).toBe(40);
});
