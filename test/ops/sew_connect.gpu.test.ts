import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { type SewConnect, sewConnect } from "../../src/ops/sew_connect.ts";
import { neg, square } from "../../src/ops/unary.ts";
import { captureStep, metaTensor, numel, persistent, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { sewReference } from "../reference/sew_connect.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const all: readonly SewConnect[] = ["ADD", "AND", "IAND"];

describe.each(all)("%s", (connect) => {
  const join = sewReference[connect];

  test.each([[[3, 17]], [[2, 4, 5, 5]], [[1, 1]], [[4, 300]]])("values and gradients of %j", async (shape) => {
    const n = numel(shape);
    await gradcheck({
      inputs: { identity: { data: randomArray(n, 1), shape }, out: { data: randomArray(n, 2), shape } },
      op: ({ identity, out }) => sewConnect(identity!, out!, { connect }),
      reference: ({ identity, out }) => identity!.map((v, i) => join(v, out![i]!)),
      forward: { rtol: 1e-6, atol: 1e-6 },
    });
  });

  test("spikes are joined exactly, in any shape", async () => {
    await fc.assert(
      fc.asyncProperty(anyShape(5), fc.nat(1000), async (shape, seed) => {
        using _scope = new Scope();
        const [a, b] = [seed, seed + 1].map((s) => randomArray(numel(shape), s).map((v) => (v > 0 ? 1 : 0)));
        const y = sewConnect(tensor(a!, shape), tensor(b!, shape), { connect });
        expect(y.shape).toEqual(shape);
        expect([...(await y.data())]).toEqual([...a!].map((v, i) => join(v, b![i]!)));
      }),
      { numRuns: 10, seed: 1 },
    );
  });

  test("computes the gradient of one branch alone", async () => {
    for (const wanted of [0, 1]) {
      using _scope = new Scope();
      const [a, b] = [randomArray(9, 3), randomArray(9, 4)];
      const inputs = [tensor(a), tensor(b)] as const;
      const mine = inputs[wanted]!;
      mine.requiresGrad = true;
      {
        using tape = new Tape();
        tape.backward(sewConnect(...inputs, { connect }), tensor(new Float32Array(9).fill(2)));
      }
      const other = inputs[1 - wanted]!;
      expect(other.grad).toBeNull();
      const one = (v: number, i: number) => (wanted === 0 ? join(v, b[i]!) : join(a[i]!, v));
      // The function is linear in each branch.
      const want = Array.from({ length: 9 }, (_, i) => Math.fround(2 * Math.fround(one(1, i) - one(0, i))));
      const got = await mine.grad!.data();
      want.forEach((w, i) => {
        expect(got[i]).toBeCloseTo(w, 5);
      });
      mine.grad!.dispose();
    }
  });
});

test("ADD passes its gradient on, and no kernel runs for it", async () => {
  using a = persistent(randomArray(64, 5), [64]);
  using b = persistent(randomArray(64, 6), [64]);
  a.requiresGrad = b.requiresGrad = true;
  using step = captureStep(({ up }: { up: Tensor }) => {
    using tape = new Tape();
    const y = tape.keep(sewConnect(square(a), neg(b)));
    tape.backward(y, up);
    return { y };
  });
  const up = randomArray(64, 7);
  step.run({ up: { data: up, shape: [64] } });
  const dispatches = step
    .describe()
    .map((c) => c.kernel)
    .filter((kernel) => kernel !== "copy");
  expect(dispatches).toEqual(["unary", "unary", "binary", "unary_grad", "unary_grad"]);
  expect(await b.grad!.data()).toEqual(up.map((v) => -v));
  a.grad!.dispose();
  b.grad!.dispose();
});

test("errors", () => {
  expect(sewConnect(metaTensor([2, 3]), metaTensor([2, 3])).shape).toEqual([2, 3]);
  expect(() => sewConnect(metaTensor([2, 3]), metaTensor([3]))).toThrow(
    "sewConnect: expected identity and out of one shape",
  );
  expect(() => sewConnect(metaTensor([2]), metaTensor([2]), { connect: "OR" as SewConnect })).toThrow(
    "connect: expected ADD, AND, IAND, got OR",
  );
  expect(() => sewConnect(metaTensor([2], "i32"), metaTensor([2]))).toThrow("identity: expected f32");
});
