import { expect, test } from "vitest";
import { currentTape, defineOp, noGrad, outputLike, Tape } from "../../src/autograd/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { freeGrad, leaf, ones, productInto, scale, times } from "./test_ops.ts";

test("noGrad records nothing, also after an error", () => {
  using _scope = new Scope();
  const x = leaf([1]);
  using tape = new Tape();
  expect(noGrad(() => scale(x, { factor: 2 })).requiresGrad).toBe(false);
  expect(() =>
    noGrad(() => {
      throw new Error("boom");
    }),
  ).toThrow("boom");
  expect(tape.length).toBe(0);
  expect(scale(x, { factor: 2 }).requiresGrad).toBe(true);
  expect(tape.length).toBe(1);
});

test("what no gradient reaches is not recorded", () => {
  using _scope = new Scope();
  using tape = new Tape();
  const y = scale(tensor([1]), { factor: 2 });
  expect([tape.length, y.requiresGrad]).toEqual([0, false]);
});

test("tapes nest: the inner one records its own, and closing restores the outer", async () => {
  using _scope = new Scope();
  const x = leaf([2]);
  const outer = new Tape();
  const a = scale(x, { factor: 3 });
  {
    using inner = new Tape();
    expect(currentTape()).toBe(inner);
    inner.backward(times(x, x));
    expect([...(await x.grad!.data())]).toEqual([4]);
  }
  expect(currentTape()).toBe(outer);
  expect(outer.length).toBe(1);
  outer.backward(times(a, a));
  expect([...(await x.grad!.data())]).toEqual([4 + 36]);
  outer.dispose();
  expect(currentTape()).toBe(null);
  freeGrad(x);
  // Closed in the wrong order, no dead tape stays active.
  const [first, second] = [new Tape(), new Tape()];
  first.dispose();
  second.dispose();
  expect(currentTape()).toBe(null);
});

test("an op made of ops is one node; tensors it saves from its options stay the caller's", async () => {
  using _scope = new Scope();
  const note = tensor([5, 5]);
  const composite = defineOp({
    name: "composite",
    infer: ([a]: [a: Tensor], _o: { note: Tensor }) => outputLike(a),
    forward(y, [a], { note }) {
      productInto(y, scale(a, { factor: 2 }), note);
      return [note];
    },
    backward: (dy, [n], { out }) => {
      const dx = out(0);
      productInto(dx, dy, n, 2);
      return [dx];
    },
  });
  const x = leaf([1, 2]);
  {
    using tape = new Tape();
    const y = composite(x, { note });
    expect(tape.length).toBe(1);
    tape.backward(y, ones(2));
  }
  expect([...(await x.grad!.data())]).toEqual([10, 10]);
  expect([...(await note.data())]).toEqual([5, 5]);
  freeGrad(x);
});
