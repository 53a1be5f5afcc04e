import { expect, test } from "vitest";
import { activationCheckpoint, computeOnce, defineOp, noGrad, outputLike, Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  checkpointActivations,
  Dropout,
  manualSeed,
  RandomState,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { add } from "../../src/ops/binary.ts";
import { sum } from "../../src/ops/sum.ts";
import { captureStep, copyInto, empty, metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { freeGrad, leaf, ones, plus, scale, times } from "./test_ops.ts";

const live = () => currentGpu().memory().live;
type Fn = (...inputs: Tensor[]) => Tensor;

/** Gradients of sum(3 f(x)) in x and the other leaves, with f as it is and checkpointed; and that no memory is left. */
async function both(make: (wrap: (fn: Fn) => Fn) => Fn, leaves: Tensor[]): Promise<number[][][]> {
  const results: number[][][] = [];
  for (const wrap of [(fn: Fn) => fn, (fn: Fn) => activationCheckpoint(fn)]) {
    const before = live();
    const out: number[][] = [];
    {
      using _scope = new Scope();
      using tape = new Tape();
      const y = make(wrap)(...leaves);
      out.push([...(await y.data())]);
      tape.backward(y, tensor(new Float32Array(y.numel).fill(3), y.shape));
    }
    for (const t of leaves) out.push(t.grad ? [...(await t.grad.data())] : []);
    freeGrad(...leaves);
    expect(live()).toBe(before);
    results.push(out);
  }
  return results;
}

test("values and gradients are the same bits, with several inputs, used several times", async () => {
  using _scope = new Scope();
  const a = leaf([...randomArray(40, 1)]);
  const b = leaf([...randomArray(40, 2)]);
  const cases: ((wrap: (fn: Fn) => Fn) => Fn)[] = [
    (wrap) => wrap((x, y) => times(x as Tensor, y as Tensor)),
    (wrap) => wrap((x, y) => plus(times(x as Tensor, x as Tensor), times(y as Tensor, x as Tensor))),
    // x goes into the function twice, and has users before and after it: the order of additions must not change.
    (wrap) => (x, y) => {
      const h = times(x as Tensor, y as Tensor);
      const before = scale(h, { factor: 0.1 });
      const inside = wrap((u, v) => plus(times(u as Tensor, v as Tensor), times(u as Tensor, u as Tensor)))(h, h);
      return plus(plus(before, inside), times(h, scale(h, { factor: 0.7 })));
    },
    // Nested, and one after another.
    (wrap) => (x, y) => {
      const inner = wrap((u) => times(scale(u as Tensor, { factor: 1.3 }), u as Tensor));
      const outer = wrap((u, v) => times(inner(u as Tensor), plus(inner(v as Tensor), u as Tensor)));
      return outer(outer(x as Tensor, y as Tensor), x as Tensor);
    },
    // A leaf that the function reaches without being given it.
    (wrap) => (x) => wrap((u) => times(times(u as Tensor, b), b))(x as Tensor),
  ];
  for (const make of cases) {
    const [plain, checkpointed] = await both(make, [a, b]);
    expect(checkpointed).toEqual(plain);
    expect(plain![1]!.some((v) => v !== 0)).toBe(true);
  }
});

test("ignores inputs without gradients, inputs that are returned, and shapes", () => {
  using _scope = new Scope();
  const x = leaf([1, 2]);
  const constant = tensor([3, 4]);
  using tape = new Tape();
  expect(activationCheckpoint((t: Tensor) => t)(x)).toBe(x);
  const y = activationCheckpoint((t: Tensor) => scale(t, { factor: 2 }))(constant);
  expect([y.requiresGrad, y.isDisposed, tape.length]).toEqual([false, false, 0]);
  const z = noGrad(() => activationCheckpoint((t: Tensor) => scale(t, { factor: 2 }))(x));
  expect([z.requiresGrad, tape.length]).toEqual([false, 0]);
  expect(activationCheckpoint((t: Tensor) => scale(t, { factor: 2 }))(metaTensor([7])).shape).toEqual([7]);
  expect(activationCheckpoint((t: Tensor) => scale(t, { factor: 2 }))(x).requiresGrad).toBe(true);
  expect(tape.length).toBe(1);
});

test("errors name the mistake, and all memory comes back", () => {
  using _scope = new Scope();
  const x = leaf([1, 2]);
  const before = live();
  {
    using _inner = new Scope();
    using tape = new Tape();
    expect(() => activationCheckpoint((() => 3) as unknown as Fn)(x)).toThrow(
      "activationCheckpoint: expected the function to return one tensor, got number",
    );
    expect(() =>
      activationCheckpoint((t: Tensor) => {
        scale(t, { factor: 2 });
        throw new RangeError("mine");
      })(x),
    ).toThrow("mine");
    let calls = 0;
    const moody = activationCheckpoint((t: Tensor) => (calls++ === 0 ? scale(t, { factor: 2 }) : t));
    const y = moody(x);
    expect(() => tape.backward(y, ones(2))).toThrow("the second run of the function differs from the first");
  }
  {
    using _inner = new Scope();
    using tape = new Tape();
    let calls = 0;
    const greedy = activationCheckpoint((t: Tensor) => {
      if (calls++ > 0) computeOnce(() => empty([1]));
      return scale(t, { factor: 2 });
    });
    expect(() => tape.backward(greedy(x), ones(2))).toThrow("the second run of the function did more than the first");
  }
  freeGrad(x);
  expect(live()).toBe(before);
});

test("a tape without backward frees what a checkpoint saved", () => {
  using _scope = new Scope();
  const x = leaf([...randomArray(1000, 1)]);
  const before = live();
  {
    using _inner = new Scope();
    using _tape = new Tape();
    activationCheckpoint((t: Tensor) => {
      computeOnce(() => scale(tensor([1]), { factor: 2 }));
      return scale(scale(t, { factor: 2 }), { factor: 3 });
    })(x);
    // The input is shared, the result and the remembered value are new.
    expect(live() - before).toBe(4096 + 256);
  }
  expect(live()).toBe(before);
});

test("computeOnce runs once: nested checkpoints share its value", async () => {
  using _scope = new Scope();
  const state = tensor([0]);
  const one = tensor([1]);
  let runs = 0;
  const counted = defineOp({
    name: "counted",
    infer: ([x]: [x: Tensor]) => outputLike(x),
    forward(y, [x]) {
      const seen = computeOnce(() => {
        runs++;
        const copy = empty([1]);
        copyInto(copy, state);
        copyInto(state, one);
        return copy;
      });
      copyInto(y, x);
      return [seen];
    },
    backward: (dy, [seen]) => [times(dy, seen)],
  });
  const x = leaf([5]);
  using tape = new Tape();
  const inner = activationCheckpoint((t: Tensor) => counted(t));
  const y = activationCheckpoint((t: Tensor) => scale(inner(t), { factor: 2 }))(x);
  expect(runs).toBe(1);
  tape.backward(y);
  expect(runs).toBe(1);
  expect([...(await x.grad!.data())]).toEqual([0]);
  freeGrad(x);
});

/** conv - BN - ReLU - dropout - conv - BN, after a layer whose output is used again behind it. */
function net(checkpointed: boolean) {
  manualSeed(7);
  const random = new RandomState(3);
  const stem = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  const block = new Sequential([
    new Conv2d(8, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
    new ReLU(),
    new Dropout(0.3, random),
    new Conv2d(8, 8, 3, { padding: 1, bias: false }),
    new BatchNorm2d(8),
  ]);
  if (checkpointed) checkpointActivations(block);
  return { model: new Sequential([stem, block]), stem, block, random };
}

test.each([true, false])(
  "dropout and batch norm, replayed %s: all bits of state and gradients agree",
  async (replay) => {
    using _scope = new Scope();
    const x = { data: randomArray(2 * 3 * 36, 5), shape: [2, 3, 6, 6] };
    const states: unknown[] = [];
    for (const checkpointed of [false, true]) {
      const { model, stem, block, random } = net(checkpointed);
      using step = captureStep(
        (inputs: { x: Tensor }) => {
          using tape = new Tape();
          const h = stem.forward(inputs.x);
          const loss = tape.keep(sum(add(block.forward(h), h)));
          for (const p of model.parameters()) p.gradArrived = false;
          tape.backward(loss);
          return { loss };
        },
        { replay },
      );
      const seen: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        random.setStep(i);
        step.run({ x });
        seen.push(await step.outputs.loss.item());
        for (const p of model.parameters()) seen.push([...(await p.grad!.data())]);
      }
      states.push([seen, [...(await model.stateDict()).entries()]]);
      for (const p of model.parameters()) p.grad?.dispose();
      step.dispose();
      model.dispose();
      random.dispose();
    }
    expect(states[1]).toEqual(states[0]);
  },
);

test("dropout draws the first run's mask again after the host moved the step", async () => {
  using _scope = new Scope();
  const x = leaf(new Array<number>(64).fill(1));
  const random = new RandomState(3);
  const dropout = checkpointActivations(new Dropout(0.5, random));
  using tape = new Tape();
  random.setStep(1);
  const y = dropout.forward(x);
  const values = [...(await y.data())];
  random.setStep(2);
  tape.backward(y, ones(64));
  expect([...(await x.grad!.data())]).toEqual(values);
  freeGrad(x);
  random.dispose();
});
