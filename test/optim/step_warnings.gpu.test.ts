import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { onWarning } from "../../src/gpu/index.ts";
import { Linear, Module } from "../../src/nn/index.ts";
import { sum } from "../../src/ops/index.ts";
import { SGD, type SGDOptions } from "../../src/optim/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";

let warnings: string[] = [];
let restore: () => void;
beforeEach(() => {
  warnings = [];
  restore = onWarning((message) => warnings.push(message));
});
afterEach(() => restore());

class Net extends Module {
  readonly body = new Linear(3, 3);
  readonly head = new Linear(3, 2);
  readonly unused = new Linear(3, 2, { bias: false });
  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x));
  }
}

function backward(model: Module): void {
  using _scope = new Scope();
  using tape = new Tape();
  tape.backward(sum(model.forward(tensor([[1, 2, 3]]))));
}

function train(model: Net, params: ReturnType<Module["parameters"]>, options: Partial<SGDOptions> = {}, set = {}) {
  const sgd = new SGD(params, { lr: 0.1, ...options });
  sgd.set(set);
  try {
    for (let i = 0; i < 3; i++) {
      backward(model);
      sgd.step();
    }
  } finally {
    sgd.dispose();
  }
}

describe("a step warns once", () => {
  test("of parameters without a gradient, by name", () => {
    const net = new Net();
    train(net, net.parameters());
    expect(warnings).toEqual([
      "SGD: no gradient arrived for 1 of 5 parameters: unused.weight [2,3] f32. Their gradient counts as 0; does the loss depend on them?",
    ]);
    net.dispose();
  });

  test("of a step without a backward pass", () => {
    const net = new Net();
    const sgd = new SGD(net.parameters(), { lr: 0.1 });
    sgd.step();
    sgd.step();
    expect(warnings).toEqual([expect.stringMatching(/^SGD: no gradient arrived since the last step/)]);
    sgd.dispose();
    net.dispose();
  });

  test.each(["latent", "inplace", "fista"] as const)("of a threshold of mode %s that was never set", (mode) => {
    const net = new Net();
    const used = [net.body, net.head].flatMap((m) => m.parameters());
    train(net, used, { mode });
    expect(warnings).toEqual([
      `SGD: mode ${mode} has a threshold, but none was set, so nothing is pruned: pass a threshold, or call set({ threshold, thresholdNext }) before the step`,
    ]);
    warnings = [];
    train(net, used, { mode }, { threshold: 0, thresholdNext: 0 });
    expect(warnings).toEqual([]);
    net.dispose();
  });

  test("of parameters of a module that no optimizer holds, unless they are frozen", () => {
    const net = new Net();
    net.parameters();
    train(net, net.head.parameters());
    expect(warnings).toEqual([
      "SGD: gradients arrived for 2 parameters that no optimizer holds: body.weight [3,3] f32, body.bias [3] f32. They are not trained; if that is intended, set requiresGrad = false, which also saves their gradients",
    ]);
    warnings = [];
    const frozen = new Net();
    for (const p of frozen.body.parameters()) p.requiresGrad = false;
    train(frozen, frozen.head.parameters());
    expect(warnings).toEqual([]);
    for (const m of [net, frozen]) m.dispose();
  });
});

test("refuses a module that no other module lists, at the first step", () => {
  // A closure: no property leads to it.
  const outside = new Linear(3, 3);
  class Hiding extends Net {
    override forward(x: Tensor): Tensor {
      return super.forward(outside.forward(x));
    }
  }
  const net = new Hiding();
  expect(() =>
    train(
      net,
      [net.body, net.head].flatMap((m) => m.parameters()),
    ),
  ).toThrow(
    /^SGD: gradients arrived for 2 parameters that no module lists and no optimizer holds: #\d+ \[3,3\] f32, #\d+ \[3\] f32\. They would never be trained/,
  );
  for (const m of [net, outside]) m.dispose();
});

test.each(["lr", "momentum", "weightDecay"] as const)("refuses %s of NaN when it is set", (key) => {
  const net = new Net();
  const sgd = new SGD(net.parameters(), { lr: 0.1, momentum: 0.5 });
  expect(() => sgd.set({ [key]: Number.NaN })).toThrow(`SGD: ${key}: expected a finite number, got NaN`);
  sgd.dispose();
  net.dispose();
});

test("a second optimizer of the same parameters warns, and works after the first is disposed", () => {
  const net = new Net();
  const first = new SGD(net.parameters(), { lr: 0.1 });
  const second = new SGD(net.parameters(), { lr: 0.1 });
  expect(warnings).toEqual([
    expect.stringMatching(/^SGD: takes over 5 parameters of another optimizer, whose steps no longer move them: /),
  ]);
  first.dispose();
  backward(net);
  second.step();
  second.dispose();
  const third = new SGD(net.parameters(), { lr: 0.1 });
  expect(warnings.filter((w) => w.includes("takes over"))).toHaveLength(1);
  third.dispose();
  net.dispose();
});

test("refuses anything but an array of parameters", () => {
  expect(() => new SGD(new Linear(2, 2) as never, { lr: 0.1 })).toThrow(
    "SGD: expected an array of parameters, such as model.parameters()",
  );
});
