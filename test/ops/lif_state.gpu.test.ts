// The membrane potential across calls: the option `state`, also where steps are replayed or run again for backward.
import { describe, expect, test } from "vitest";
import { activationCheckpoint, Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { add } from "../../src/ops/binary.ts";
import { integrateAndFire, lif, membranePotential, plif } from "../../src/ops/lif.ts";
import { captureStep, persistent, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { currents, draw, upstream } from "./lif_run.ts";

const shape = [2, 6];
const n = 12;
const options = { surrogate: "atan" } as const;
const begin = draw(shape, 5, 0.3).data;
const x = currents([6, ...shape]);
const half = (i: 0 | 1) => tensor(x.data.slice(i * 3 * n, (i + 1) * 3 * n), [3, ...shape]);
const w = () => tensor([-0.4], []);

/** Spikes and last potential of all six steps in one call. */
async function whole(): Promise<[spikes: number[], last: number[]]> {
  const all = tensor(x.data, x.shape);
  const v0 = tensor(begin, shape);
  const last = membranePotential(all, null, v0, { ...options, of: "last" });
  const [spikes, v] = await readAll(lif(all, v0, options), last);
  return [[...spikes!], [...v!]];
}

test("calls that share a state are one long call, and it holds the last potential", async () => {
  using _scope = new Scope();
  const state = tensor(begin, shape);
  const spikes = [lif(half(0), null, { ...options, state }), lif(half(1), null, { ...options, state })];
  const [first, second, last] = await readAll(...spikes, state);
  expect([[...first!, ...second!], [...last!]]).toEqual(await whole());
  expect(new Set(first!)).toEqual(new Set([0, 1]));
});

test("a run of several parts updates it once, and so does every kind of potential", async () => {
  using _scope = new Scope();
  const [, last] = await whole();
  const all = tensor(x.data, x.shape);
  for (const of of ["h", "v", "last"] as const) {
    const state = tensor(begin, shape);
    membranePotential(all, null, null, { ...options, of, state });
    expect([...(await state.data())]).toEqual(last);
  }
});

/** Gradients of x and w, and the state afterwards, of two halves that share a state. */
async function gradients(wrap: (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor, from: "state" | "v0") {
  using _scope = new Scope();
  const [a, b, leak] = [half(0), half(1), w()];
  const state = tensor(begin, shape);
  for (const t of [a, b, leak]) t.requiresGrad = true;
  const before = currentGpu().memory().live;
  let y: number[];
  {
    using tape = new Tape();
    // A constant where no gradient shall flow.
    const middle = tensor(begin, shape);
    if (from === "v0") {
      const v = membranePotential(half(0), w(), tensor(begin, shape), { ...options, neuron: "PLIF", of: "last" });
      middle.set(new Float32Array(await v.data()));
    }
    const call = (t: Tensor, v0: Tensor) =>
      from === "state" ? plif(t, leak, null, { ...options, state }) : plif(t, leak, v0, options);
    const first = wrap((t) => call(t, state))(a);
    const second = wrap((t) => call(t, middle))(b);
    const sum = add(first, second);
    y = [...(await sum.data())];
    tape.backward(sum, tensor(upstream(3 * n), sum.shape));
  }
  const read = await readAll(a.grad!, b.grad!, leak.grad!, state);
  for (const t of [a, b, leak]) t.grad?.dispose();
  const [da, db, dw, last] = read.map((r) => [...r]);
  return { y, da, db, dw, last, grew: currentGpu().memory().live > before + 4096 };
}

describe("gradients", () => {
  test("none flows from one call to the next: those of a constant v0", async () => {
    const { last: _, ...got } = await gradients((fn) => fn, "state");
    const { last: __, ...want } = await gradients((fn) => fn, "v0");
    expect(got).toEqual(want);
  });

  test("inside a checkpoint: the same bits, and the second run does not move the state", async () => {
    const plain = await gradients((fn) => fn, "state");
    expect(await gradients((fn) => activationCheckpoint(fn), "state")).toEqual(plain);
    const nested = (fn: (x: Tensor) => Tensor) => activationCheckpoint((t: Tensor) => activationCheckpoint(fn)(t));
    expect(await gradients(nested, "state")).toEqual(plain);
  });

  test("a state that was moved or set between forward and backward stays as it is", async () => {
    using _scope = new Scope();
    const state = tensor(begin, shape);
    const a = half(0);
    a.requiresGrad = true;
    {
      using tape = new Tape();
      const y = activationCheckpoint((t: Tensor) => lif(t, null, { ...options, state }))(a);
      state.set(new Float32Array(n).fill(7));
      tape.backward(y, tensor(upstream(3 * n), y.shape));
    }
    a.grad!.dispose();
    expect([...(await state.data())]).toEqual(new Array(n).fill(7));
  });
});

test.each([false, true])(
  "a captured step moves it at each run, checkpointed %s: replay and eager agree",
  async (on) => {
    using _scope = new Scope();
    const seen: unknown[] = [];
    for (const replay of [true, false]) {
      const state = persistent(begin, shape);
      const leak = w();
      leak.requiresGrad = true;
      const net = (t: Tensor) => plif(t, leak, null, { ...options, state });
      using step = captureStep(
        (inputs: { x: Tensor }) => {
          using tape = new Tape();
          const spikes = tape.keep((on ? activationCheckpoint(net) : net)(inputs.x));
          leak.gradArrived = false;
          tape.backward(spikes, inputs.x);
          return { spikes };
        },
        { replay },
      );
      const out: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        const { spikes } = step.run({ x: currents([3, ...shape], i + 1) });
        out.push((await readAll(spikes, state, leak.grad!)).map((a) => [...a]));
      }
      leak.grad!.dispose();
      state.dispose();
      seen.push(out);
    }
    expect(seen[0]).toEqual(seen[1]);
    const long = tensor(Float32Array.from([1, 2, 3].flatMap((seed) => [...currents([3, ...shape], seed).data])), [
      9,
      ...shape,
    ]);
    const last = membranePotential(long, w(), tensor(begin, shape), { neuron: "PLIF", of: "last" });
    expect((seen[0] as number[][][])[2]![1]).toEqual([...(await last.data())]);
  },
);

test("a constant input moves it as the repeated input does", async () => {
  using _scope = new Scope();
  const one = currents(shape);
  const [a, b] = [tensor(begin, shape), tensor(begin, shape)];
  const s = integrateAndFire(tensor(one.data, shape), null, { timeSteps: 3, state: a });
  const repeated = Float32Array.from({ length: 3 * n }, (_, i) => one.data[i % n]!);
  const t = integrateAndFire(tensor(repeated, [3, ...shape]), null, { state: b });
  const [sa, ta, va, vb] = await readAll(s, t, a, b);
  expect([sa, va]).toEqual([ta, vb]);
  expect([...va!]).not.toEqual([...begin]);
});
