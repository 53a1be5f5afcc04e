import fc from "fast-check";
import { expect, test } from "vitest";
import { noGrad, Tape } from "../../src/autograd/index.ts";
import { addRelu } from "../../src/ops/add_relu.ts";
import { add } from "../../src/ops/binary.ts";
import { relu } from "../../src/ops/unary.ts";
import { captureStep, metaTensor, numel, Scope, tensor } from "../../src/tensor/index.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

test.each([[[3, 17]], [[2, 4, 5, 5]], [[1, 1]]])("values and gradients of %j", async (shape) => {
  const n = numel(shape);
  // Away from the corner, where differences are no derivative.
  const away = (seed: number) => randomArray(n, seed).map((v) => v + Math.sign(v));
  const [a, b] = [away(1), away(2)];
  b.forEach((v, i) => {
    if (Math.abs(v + a[i]!) < 0.2) b[i] = v + 1;
  });
  await gradcheck({
    inputs: { x: { data: a, shape }, residual: { data: b, shape } },
    op: ({ x, residual }) => addRelu(x!, residual!),
    reference: ({ x, residual }) => x!.map((v, i) => Math.max(v + residual![i]!, 0)),
    forward: { rtol: 1e-6, atol: 1e-6 },
  });
});

test("has the bits of a sum and ReLU, in any shape, and their gradients", async () => {
  await fc.assert(
    fc.asyncProperty(anyShape(5), fc.nat(1000), async (shape, seed) => {
      using _scope = new Scope();
      const grads = await Promise.all(
        [addRelu, (a: ReturnType<typeof tensor>, b: ReturnType<typeof tensor>) => relu(add(a, b))].map(async (op) => {
          const [x, residual] = [seed, seed + 1].map((s) => tensor(randomArray(numel(shape), s), shape));
          x!.requiresGrad = residual!.requiresGrad = true;
          using tape = new Tape();
          const y = tape.keep(op(x!, residual!));
          tape.backward(y, tensor(randomArray(numel(shape), seed + 2), shape));
          const values = await Promise.all([y, x!.grad!, residual!.grad!].map((t) => t.data()));
          for (const t of [x!, residual!]) t.grad!.dispose();
          return values;
        }),
      );
      expect(grads[0]).toEqual(grads[1]);
    }),
    { numRuns: 10, seed: 1 },
  );
});

test("is one dispatch", () => {
  using step = captureStep(({ x }) => ({ y: noGrad(() => addRelu(x!, x!)) }));
  step.run({ x: { data: randomArray(12, 1), shape: [12] } });
  expect(step.describe()).toHaveLength(1);
});

test("errors", () => {
  expect(addRelu(metaTensor([2, 3]), metaTensor([2, 3])).shape).toEqual([2, 3]);
  expect(() => addRelu(metaTensor([2, 3]), metaTensor([3]))).toThrow("addRelu: expected x and residual of one shape");
  expect(() => addRelu(metaTensor([2], "i32"), metaTensor([2]))).toThrow("x: expected f32");
});
