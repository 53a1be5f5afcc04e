import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GroupNorm } from "../../src/nn/index.ts";
import { groupNorm } from "../../src/ops/group_norm.ts";
import { layerNorm } from "../../src/ops/layer_norm.ts";
import { metaTensor, numel, readAll, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { groupCase, rowNorm } from "../reference/row_norm.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectLayerReplay } from "../support/replay.ts";

// Short rows, medium and long ones; one group, some, and one per channel; vectors, sequences, images, volumes.
const cases: { x: Shape; groups: number }[] = [
  { x: [3, 4], groups: 2 },
  { x: [2, 6, 5], groups: 3 },
  { x: [2, 6, 4, 4], groups: 1 },
  { x: [2, 6, 3, 5], groups: 6 },
  { x: [20, 8, 5, 5], groups: 4 },
  { x: [1, 4, 30, 45], groups: 2 },
  { x: [2, 4, 2, 3, 2], groups: 2 },
];

describe("values and gradients", () => {
  test.each(cases)("of $x in $groups groups", async ({ x, groups }) => {
    const channels = x[1]!;
    await gradcheck({
      inputs: {
        x: { data: randomArray(numel(x), 1, 2), shape: x },
        weight: { data: randomArray(channels, 2), shape: [channels] },
        bias: { data: randomArray(channels, 3), shape: [channels] },
      },
      op: ({ x, weight, bias }) => groupNorm(x!, groups, { weight: weight!, bias: bias!, eps: 1e-3 }),
      reference: ({ x: values, weight, bias }) => rowNorm(values!, groupCase(x, groups, 1e-3), weight, bias),
    });
  });

  test("without weight and bias", async () => {
    const shape = [2, 4, 3];
    await gradcheck({
      inputs: { x: { data: randomArray(24, 1), shape } },
      op: ({ x }) => groupNorm(x!, 2),
      reference: ({ x }) => rowNorm(x!, groupCase(shape, 2)),
    });
  });

  test("of weights alone, with a constant x", async () => {
    const shape = [2, 4, 3];
    await gradcheck({
      inputs: { x: { data: randomArray(24, 1), shape }, weight: { data: randomArray(4, 2), shape: [4] } },
      frozen: ["x"],
      op: ({ x, weight }) => groupNorm(x!, 2, { weight: weight! }),
      reference: ({ x, weight }) => rowNorm(x!, groupCase(shape, 2), weight),
    });
  });
});

test("one group without weights is layer norm of a sample; a group does not see others", async () => {
  const sizes = fc.record({ n: fc.integer({ min: 1, max: 4 }), c: fc.integer({ min: 1, max: 5 }), p: fc.nat(40) });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ n, c, p }) => {
      using _scope = new Scope();
      const shape = [n, 2 * c, p + 1];
      const x = randomArray(numel(shape), n + c + p);
      const t = tensor(x, shape);
      const [one, layer, two] = await readAll(groupNorm(t, 1), layerNorm(t, shape.slice(1)), groupNorm(t, 2));
      expect(one).toEqual(layer);
      x.fill(3, 0, numel(shape) / n / 2); // the first group of the first sample
      const [changed] = await readAll(groupNorm(tensor(x, shape), 2));
      expect(changed!.subarray(numel(shape) / n / 2)).toEqual(two!.subarray(numel(shape) / n / 2));
    }),
    { numRuns: 12, seed: 2 },
  );
});

test("a mean of 1e5 and a deviation of 1 keep their digits", async () => {
  using _scope = new Scope();
  const shape = [2, 6, 9, 9];
  const x = randomArray(numel(shape), 5).map((v) => 100_000 + Math.round(v * 64) / 64);
  const y = await groupNorm(tensor(x, shape), 3).data();
  expectClose(y, rowNorm(x, groupCase(shape, 3)), { rtol: 2e-6, atol: 1e-6 });
});

test("a replayed step equals an eager one, bit for bit", () => expectLayerReplay(() => new GroupNorm(2, 4), [3, 4, 5]));

test("shapes and errors", () => {
  const x = metaTensor([2, 6, 4]);
  expect(groupNorm(x, 3).shape).toEqual([2, 6, 4]);
  expect(() => groupNorm(x, 4)).toThrow("groupNorm: groups: expected a divisor of the 6 channels, got 4 (x [2,6,4])");
  expect(() => groupNorm(x, 0)).toThrow("groupNorm: groups: expected a divisor of the 6 channels, got 0");
  expect(() => groupNorm(metaTensor([6]), 2)).toThrow("groupNorm: x: expected at least 2 axes, [N, C, ...]");
  expect(() => groupNorm(x, 2, { weight: metaTensor([3]) })).toThrow("groupNorm: weight: expected [6], got [3]");
  expect(() => groupNorm(x, 2, { bias: metaTensor([6], "i32") })).toThrow("groupNorm: bias: expected f32, got i32");
  expect(() => groupNorm(x, 2, { eps: -1 })).toThrow("groupNorm: eps: expected a number > 0, got -1");
});

test("the layer has PyTorch's names and defaults", () => {
  const layer = new GroupNorm(2, 6);
  expect([...layer.namedState()].map(([name, t]) => [name, t.shape, t.initialValues()[0]])).toEqual([
    ["weight", [6], 1],
    ["bias", [6], 0],
  ]);
  expect(new GroupNorm(2, 6, { affine: false }).parameters()).toEqual([]);
  expect(layer.forward(metaTensor([1, 6, 2, 2])).shape).toEqual([1, 6, 2, 2]);
  expect(() => new GroupNorm(4, 6)).toThrow("GroupNorm: groups: expected a divisor of the 6 channels, got 4");
  expect(() => new GroupNorm(2, 6, { bias: false } as never)).toThrow("GroupNorm: unknown option bias");
});
