// Checks that hold for every loss of single elements.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { captureStep, metaTensor, readAll, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type Reduction, reduced } from "../reference/losses.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

export type Loss = (x: Tensor, target: Tensor, options?: { reduction?: Reduction }) => Tensor;

const SHAPES: Shape[] = [[], [7], [4, 5], [3, 1], [2, 3, 4, 5], [5000]];

/** Values, gradients to x and target, reductions, replay, shapes and errors of a loss. */
export function checkLoss(name: string, loss: Loss, reference: (x: number, t: number) => number): void {
  const size = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

  test.each(SHAPES)("values and gradients of shape %j", async (...shape) => {
    for (const reduction of ["mean", "sum", "none"] as const) {
      await gradcheck({
        inputs: {
          x: { data: randomArray(size(shape), 1, 2), shape },
          target: { data: randomArray(size(shape), 2), shape },
        },
        op: ({ x, target }) => loss(x!, target!, { reduction }),
        reference: ({ x, target }) =>
          reduced(
            x!.map((v, i) => reference(v, target![i]!)),
            reduction,
          ),
        samples: 12,
      });
    }
  });

  test("the mean is the default, and only inputs with requiresGrad get a gradient", async () => {
    using _scope = new Scope();
    const [x, target] = [tensor([1, 2, -3]), tensor([0, 1, 1])];
    x.requiresGrad = true;
    using tape = new Tape();
    const y = tape.keep(loss(x, target));
    expect(await y.data()).toEqual(await loss(x, target, { reduction: "mean" }).data());
    tape.backward(y);
    expect([x.grad?.shape, target.grad]).toEqual([[3], null]);
    x.grad!.dispose();
  });

  test("a replayed step equals an eager one, bit for bit", async () => {
    using _scope = new Scope();
    const body = ({ x, target }: { x: Tensor; target: Tensor }) => {
      const leaf = x.alias();
      leaf.requiresGrad = true;
      using tape = new Tape();
      const y = tape.keep(loss(leaf, target, { reduction: "none" }));
      tape.backward(y, target);
      return { y, dx: leaf.grad! };
    };
    using replayed = captureStep(body);
    using eager = captureStep(body, { replay: false });
    for (let i = 0; i < 4; i++) {
      const [x, target] = [randomArray(60, i), randomArray(60, i + 10)];
      const batch = { x: { data: x, shape: [60] }, target: { data: target, shape: [60] } };
      replayed.run(batch);
      eager.run(batch);
      const [a, b, c, d] = await readAll(
        ...[replayed, eager].flatMap(({ outputs }) => [outputs.y as Tensor, outputs.dx as Tensor]),
      );
      expect([a, b]).toEqual([c, d]);
    }
  });

  test("shapes and errors", () => {
    const x = metaTensor([2, 3]);
    expect(loss(x, metaTensor([2, 3])).shape).toEqual([]);
    expect(loss(x, x, { reduction: "none" }).shape).toEqual([2, 3]);
    expect(() => loss(x, metaTensor([3]))).toThrow(`${name}: target: expected [2,3] as x, got [3]`);
    expect(() => loss(x, metaTensor([2, 3], "i32"))).toThrow(`${name}: target: expected f32 or f16, got i32`);
    expect(() => loss(x, x, { reduction: "max" as never })).toThrow(
      `${name}: reduction: expected mean, sum or none, got max`,
    );
  });
}
