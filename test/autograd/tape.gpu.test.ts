import fc from "fast-check";
import { expect, test } from "vitest";
import { accumulate, defineOp, defineView, fill, gradEnabled, outputLike, Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { empty, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { expectClose } from "../support/close.ts";
import { freeGrad, leaf, minusTwice, ones, plus, productInto, scale, times } from "./test_ops.ts";

const live = () => currentGpu().memory().live;

/** Gradients of sum(upstream · f(leaves)), and the live bytes that are left besides them. */
async function gradients(leaves: Tensor[], f: () => Tensor, upstream?: Tensor): Promise<number[][]> {
  const before = live();
  {
    using _scope = new Scope();
    using tape = new Tape();
    tape.backward(f(), upstream);
  }
  const out: number[][] = [];
  let bytes = 0;
  for (const t of leaves) {
    out.push(t.grad ? [...(await t.grad.data())] : []);
    if (t.grad) bytes += 256;
  }
  expect(live() - before).toBe(bytes);
  freeGrad(...leaves);
  return out;
}
test("a product, by hand", async () => {
  using _scope = new Scope();
  const [a, b] = [leaf([2, 3]), leaf([5, 7])];
  expect(await gradients([a, b], () => times(a, b), tensor([1, 10]))).toEqual([
    [5, 70],
    [2, 30],
  ]);
});

test("one element needs no upstream; several do, of the same shape", async () => {
  using _scope = new Scope();
  const a = leaf([3]);
  expect(await gradients([a], () => times(a, a))).toEqual([[6]]);
  const b = leaf([1, 2]);
  using tape = new Tape();
  const y = scale(b, { factor: 2 });
  expect(() => tape.backward(y)).toThrow("backward: expected one element, or an upstream gradient (root [2])");
  expect(() => tape.backward(y, ones(3))).toThrow(
    "backward: expected an upstream gradient of root's shape (root [2], upstream [3])",
  );
  tape.backward(y, ones(2));
  expect(() => tape.backward(y, ones(2))).toThrow("backward: expected a new tape, got one that was used already");
  freeGrad(b);
});

test("a root that the tape did not record is refused", () => {
  using _scope = new Scope();
  const a = leaf([3]);
  const constant = tensor([1]);
  using tape = new Tape();
  expect(() => tape.backward(constant)).toThrow("expected a tensor that depends on one with requiresGrad (root [1])");
  expect(() => tape.backward(a)).toThrow("backward: expected a tensor that this tape recorded (root [1])");
});

test("a residual join: x is used twice, and both ways count", async () => {
  using _scope = new Scope();
  const x = leaf([1, -2]);
  // y = 3x + x
  expect(await gradients([x], () => plus(scale(x, { factor: 3 }), x), tensor([1, 1]))).toEqual([[4, 4]]);
  // The join of intermediates, when dy itself goes both ways and more arrives later.
  const f = () => {
    const h = scale(x, { factor: 2 });
    const a = plus(h, h);
    return plus(plus(a, h), scale(h, { factor: 5 }));
  };
  expect(await gradients([x], f, tensor([1, 10]))).toEqual([[16, 160]]);
});

test("one leaf in both places of an op: no place is given twice", async () => {
  using _scope = new Scope();
  const x = leaf([3, 4]);
  for (const [op, want] of [
    [times, [6, 8]],
    [plus, [2, 2]],
    [minusTwice, [-1, -1]],
  ] as const) {
    expect(await gradients([x], () => op(x, x), ones(2))).toEqual([want]);
    // Again with a gradient slot already there, as parameters in an arena have it.
    x.grad = Scope.release(tensor([100, 100]));
    x.gradArrived = false;
    {
      using _inner = new Scope();
      using tape = new Tape();
      tape.backward(op(x, x), ones(2));
    }
    expect([...(await x.grad.data())]).toEqual(want);
    freeGrad(x);
    x.gradArrived = false;
  }
});

test("an upstream gradient is never written to", async () => {
  using _scope = new Scope();
  const x = leaf([1, 1]);
  const upstream = tensor([1, 2]);
  await gradients([x], () => plus(plus(x, x), scale(x, { factor: 2 })), upstream);
  expect([...(await upstream.data())]).toEqual([1, 2]);
});

// Random graphs over two leaves: each step picks an op and two earlier values.
test("any graph of joins agrees with float64", async () => {
  const names = ["times", "plus", "minusTwice"] as const;
  const ops = { times, plus, minusTwice };
  const steps = fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(), fc.nat()), { minLength: 1, maxLength: 9 });
  const [av, bv] = [
    [0.7, -1.1, 0.3],
    [1.2, 0.4, -0.9],
  ] as [number[], number[]];
  await fc.assert(
    fc.asyncProperty(steps, async (graph) => {
      using _scope = new Scope();
      const [a, b] = [leaf(av), leaf(bv)];
      const up = [1, -0.5, 2];
      const run = () => {
        const values = [a, b];
        for (const [op, i, j] of graph) {
          values.push(ops[op](values[i % values.length]!, values[j % values.length]!));
        }
        return values.at(-1)!;
      };
      const got = await gradients([a, b], run, tensor(up));
      // The same in float64, elementwise, with forward-mode derivatives.
      const want = [a, b].map((_, which) =>
        up.map((u, e) => {
          const values: [number, number][] = [av, bv].map((v, k) => [v[e]!, k === which ? 1 : 0]);
          for (const [op, i, j] of graph) {
            const [x, dx] = values[i % values.length] as readonly [number, number];
            const [y, dy] = values[j % values.length] as readonly [number, number];
            if (op === "times") values.push([x * y, dx * y + x * dy]);
            else if (op === "plus") values.push([x + y, dx + dy]);
            else values.push([x - 2 * y, dx - 2 * dy]);
          }
          return u * (values.at(-1)?.[1] as number);
        }),
      );
      got.forEach((g, k) => {
        // A leaf that the result does not depend on gets nothing.
        if (g.length === 0) expect(want[k]?.every((v) => v === 0)).toBe(true);
        else expectClose(g, want[k]!, { rtol: 1e-5, atol: 1e-5 }, `leaf ${k}`);
      });
    }),
    { numRuns: 40 },
  );
});

test("micro-batches add up in leaf.grad; a cleared gradArrived starts over in the same memory", async () => {
  using _scope = new Scope();
  const x = leaf([1, 2]);
  const once = (factor: number) => {
    using tape = new Tape();
    tape.backward(scale(x, { factor }), ones(2));
  };
  once(2);
  once(3);
  expect([...(await x.grad!.data())]).toEqual([5, 5]);
  expect(x.gradArrived).toBe(true);
  const place = x.grad;
  x.gradArrived = false;
  once(7);
  expect(x.grad).toBe(place);
  expect([...(await x.grad!.data())]).toEqual([7, 7]);
  freeGrad(x);
});

test("out(i) is the leaf's own place for the first gradient, and scratch memory after it", async () => {
  using _scope = new Scope();
  const places: boolean[] = [];
  const x = leaf([1, 2]);
  const probe = defineOp({
    name: "probe",
    infer: ([a]: [a: Tensor]) => outputLike(a),
    forward(y) {
      fill(y, 0);
      return [];
    },
    backward(dy, _saved, { out }) {
      const dx = out(0);
      places.push(dx.view.buffer === x.grad?.view.buffer);
      productInto(dx, dy, dy);
      return [dx];
    },
  });
  x.grad = Scope.release(empty([2]));
  const before = live();
  {
    using _inner = new Scope();
    using tape = new Tape();
    tape.backward(plus(probe(x), probe(x)), tensor([2, 3]));
  }
  expect(places).toEqual([true, false]);
  expect([...(await x.grad.data())]).toEqual([8, 18]);
  expect(live()).toBe(before);
  freeGrad(x);
});

test("a gradient of fewer axes is spread over the input's shape, a broadcast one summed", async () => {
  using _scope = new Scope();
  const spread = defineOp({
    name: "spread",
    infer: ([_row, like_]: [row: Tensor, like: Tensor]) => outputLike(like_),
    forward(y) {
      fill(y, 0);
      return [];
    },
    backward: (dy) => [dy, null],
  });
  const row = leaf([1, 2, 3]);
  const full = tensor([0, 0, 0, 0, 0, 0], [2, 3]);
  const got = await gradients([row], () => spread(row, full), tensor([1, 2, 3, 10, 20, 30], [2, 3]));
  expect(got).toEqual([[11, 22, 33]]);
});

test("a view shares memory, and its gradient goes back in the old shape", async () => {
  using _scope = new Scope();
  const flat = defineView({ name: "flat", shape: (x: Tensor) => [x.numel] });
  const x = leaf([1, 2, 3, 4], [2, 2]);
  expect(flat(x).view.buffer).toBe(x.view.buffer);
  {
    using tape = new Tape();
    const h = scale(x, { factor: 2 });
    const y = plus(flat(h), flat(h));
    tape.backward(y, tensor([1, 2, 3, 4]));
  }
  expect(x.grad?.shape).toEqual([2, 2]);
  expect([...(await x.grad!.data())]).toEqual([4, 8, 12, 16]);
  freeGrad(x);
});

test("kept outputs survive backward and belong to the enclosing scope", async () => {
  const before = live();
  {
    using _scope = new Scope();
    const x = leaf([1, 2]);
    let kept: Tensor;
    let lost: Tensor;
    let root: Tensor;
    {
      using tape = new Tape();
      kept = tape.keep(scale(x, { factor: 2 }));
      lost = scale(kept, { factor: 2 });
      root = plus(lost, kept);
      tape.backward(root, ones(2));
      expect(lost.isDisposed).toBe(true);
    }
    expect([...(await kept.data())]).toEqual([2, 4]);
    expect([...(await root.data())]).toEqual([6, 12]);
    expect(() => lost.view).toThrow("keep it with tape.keep");
    freeGrad(x);
  }
  expect(live()).toBe(before);
});

test("keeping a stranger does not make it the tape's", () => {
  const x = leaf([1]);
  {
    using _scope = new Scope();
    using tape = new Tape();
    tape.keep(x);
    tape.backward(scale(x, { factor: 2 }));
  }
  expect(x.isDisposed).toBe(false);
  freeGrad(x);
  x.dispose();
});

test("early dispose by the user is safe: the tape holds what it needs", async () => {
  const before = live();
  const x = leaf([3, 4]);
  {
    using _scope = new Scope();
    using tape = new Tape();
    const h = scale(x, { factor: 2 });
    const y = times(h, h);
    h.dispose();
    tape.backward(y, ones(2));
    y.dispose();
  }
  expect([...(await x.grad!.data())]).toEqual([24, 32]);
  freeGrad(x);
  x.dispose();
  expect(live()).toBe(before);
});

test("a tape that was never walked frees what it recorded", () => {
  const before = live();
  const x = leaf([1, 2]);
  {
    using tape = new Tape();
    times(scale(x, { factor: 2 }), x);
    expect(tape.length).toBe(2);
  }
  x.dispose();
  expect(live()).toBe(before);
});

test("an error in backward frees everything, too", () => {
  const before = live();
  const x = leaf([1, 2]);
  const bad = defineOp({
    name: "bad",
    infer: ([a]: [a: Tensor]) => outputLike(a),
    forward(y) {
      fill(y, 0);
      return [empty([100])];
    },
    backward() {
      throw new RangeError("mine");
    },
  });
  {
    using _scope = new Scope();
    using tape = new Tape();
    const y = scale(bad(scale(x, { factor: 2 })), { factor: 2 });
    expect(() => tape.backward(y, ones(2))).toThrow("mine");
  }
  expect(gradEnabled()).toBe(true);
  x.dispose();
  expect(live()).toBe(before);
});

test("accumulate and fill take a tensor larger than one binding in parts", async () => {
  // 192 elements fit; lengths with and without whole fours.
  await withBindings(800, async () => {
    for (const n of [1000, 1001, 192, 193]) {
      using _scope = new Scope();
      const [y, x] = [empty([n]), tensor(Float32Array.from({ length: n }, (_, i) => i))];
      fill(y, 3);
      expect([...(await y.data())]).toEqual(new Array(n).fill(3));
      accumulate(y, x);
      accumulate(y, x);
      expect([...(await y.data())]).toEqual(Array.from({ length: n }, (_, i) => 3 + 2 * i));
    }
  });
});
