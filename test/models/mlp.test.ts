// The multilayer perceptron: shapes, parameter counts, options.
import { expect, test } from "vitest";
import { buildModel, Mlp } from "../../src/models/index.ts";
import { metaTensor } from "../../src/tensor/index.ts";

test("takes samples of any shape, flattened", () => {
  const net = new Mlp({ inputs: 12, outputs: 3, width: 5 });
  for (const shape of [
    [7, 12],
    [7, 3, 4],
    [7, 3, 2, 2],
  ])
    expect(net.forward(metaTensor(shape)).shape).toEqual([7, 3]);
});

test("has as many hidden layers as asked for, none for a linear model", () => {
  const sizes = (layers: number) => [...new Mlp({ inputs: 4, outputs: 2, layers, width: 8 }).namedParameters()];
  expect(sizes(0).map(([name, p]) => [name, p.shape])).toEqual([
    ["layers.0.weight", [2, 4]],
    ["layers.0.bias", [2]],
  ]);
  expect(
    sizes(3)
      .filter(([name]) => name.endsWith("weight"))
      .map(([, p]) => p.shape),
  ).toEqual([
    [8, 4],
    [8, 8],
    [8, 8],
    [2, 8],
  ]);
  expect(() => sizes(-1)).toThrow("Mlp: layers: expected an integer >= 0, got -1");
});

test("is built by name with its hidden layers, which other models refuse", () => {
  const input = { channels: 4, size: 1, classes: 2 };
  const net = buildModel("mlp", input, { hidden: { layers: 1, width: 3 } });
  expect(net.parameters().reduce((n, p) => n + p.numel, 0)).toBe(4 * 3 + 3 + 3 * 2 + 2);
  expect(() => buildModel("lenet", { channels: 1, size: 28, classes: 2 }, { hidden: { layers: 1 } })).toThrow(
    "buildModel: hidden: expected nothing for lenet, whose layers are fixed",
  );
});
