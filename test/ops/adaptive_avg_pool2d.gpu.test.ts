import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { OpError } from "../../src/gpu/index.ts";
import { adaptiveAvgPool2d } from "../../src/ops/adaptive_avg_pool2d.ts";
import { metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { adaptivePool, adaptivePoolGradient } from "../reference/adaptive_pool.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tolerance = { rtol: 2e-6, atol: 1e-6 };

type Four = readonly [number, number, number, number];

async function run(values: Float32Array, shape: Four, outputSize: readonly [number, number], dy: Float32Array) {
  using _scope = new Scope();
  const x = tensor(values, shape);
  x.requiresGrad = true;
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(adaptiveAvgPool2d(x, { outputSize }));
    expect(y.shape).toEqual([shape[0], shape[1], ...outputSize]);
    tape.backward(y, tensor(dy, y.shape));
  }
  const [mean, dx] = await readAll(y, x.grad!);
  x.grad!.dispose();
  return { y: mean!, dx: dx! };
}

const size = (max: number) => fc.integer({ min: 1, max });

test("any sizes, output smaller or larger than the input; all of dy arrives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(size(3), size(3), size(12), size(12)),
      fc.tuple(size(15), size(15)),
      async (shape, outputSize) => {
        const x = randomArray(product(shape), 1);
        const dy = randomArray(shape[0] * shape[1] * product(outputSize), 2);
        const got = await run(x, shape, outputSize, dy);
        expectClose(got.y, adaptivePool(shape, outputSize, x), tolerance, "y");
        expectClose(got.dx, adaptivePoolGradient(shape, outputSize, dy), tolerance, "dx");
        const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
        expect(Math.abs(sum(got.dx) - sum(dy))).toBeLessThan(1e-5 * dy.length + 1e-5);
      },
    ),
    { numRuns: 50 },
  );
});

test("gradient against central differences", async () => {
  for (const outputSize of [
    [1, 1],
    [3, 2],
    [7, 9],
  ] as const) {
    const shape = [2, 2, 5, 6] as const;
    await gradcheck({
      inputs: { x: { data: randomArray(product(shape), 1), shape } },
      op: ({ x }) => adaptiveAvgPool2d(x!, { outputSize }),
      reference: ({ x }) => adaptivePool(shape, outputSize, x!),
      samples: 120,
    });
  }
});

test("one number is both sizes; the input's own size changes nothing", async () => {
  using _scope = new Scope();
  const values = randomArray(2 * 3 * 4 * 4, 5);
  const x = tensor(values, [2, 3, 4, 4]);
  expect(await adaptiveAvgPool2d(x, { outputSize: 4 }).data()).toEqual(values);
  expectClose(
    await adaptiveAvgPool2d(x, { outputSize: 1 }).data(),
    adaptivePool([2, 3, 4, 4], [1, 1], values),
    tolerance,
  );
});

test("errors", () => {
  expect(() => adaptiveAvgPool2d(metaTensor([1, 2, 3]), { outputSize: 1 })).toThrow(OpError);
  expect(() => adaptiveAvgPool2d(metaTensor([1, 2, 3]), { outputSize: 1 })).toThrow(
    /adaptiveAvgPool2d.*x: expected 4 axes, got 3/,
  );
  const x = metaTensor([1, 2, 3, 3]);
  const bad = (outputSize: unknown) => () => adaptiveAvgPool2d(x, { outputSize } as { outputSize: number });
  expect(bad(0)).toThrow(/outputSize: expected integers >= 1.*got 0/);
  expect(bad([2, 1.5])).toThrow(/outputSize: expected .*2,1.5/);
  expect(bad([2, 2, 2])).toThrow(/outputSize: expected .*2,2,2/);
  expect(bad(undefined)).toThrow(/outputSize: expected .*undefined/);
});
