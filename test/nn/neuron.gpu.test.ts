import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import {
  BatchNorm2d,
  IFNode,
  type LIFConfig,
  LIFNode,
  ParametricLIFNode,
  resetNet,
  Sequential,
  type SpikeEvent,
  type SpikingNode,
} from "../../src/nn/index.ts";
import { integrateAndFire, lif, membranePotential, plif } from "../../src/ops/lif.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { captureStep, metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { currents, type Host } from "../ops/lif_run.ts";
import { walkNeurons } from "../reference/spiking.ts";
import { expectClose } from "../support/close.ts";

const live = () => currentGpu().memory().live;
const up = ({ data, shape }: Host) => tensor(data, shape);
const values = async (t: Tensor) => [...(await t.data())];
const atan: LIFConfig = { surrogate: "atan", detachReset: true };

describe("defaults", () => {
  test("each layer is its op with SpikingJelly's numbers", async () => {
    using _scope = new Scope();
    const x = up(currents([3, 2, 6]));
    const plain = { vThreshold: 1, vReset: 0 };
    const learned = new ParametricLIFNode();
    const pairs: [SpikingNode, Tensor][] = [
      [new IFNode(), integrateAndFire(x, null, plain)],
      [new LIFNode(), lif(x, null, { ...plain, tau: 2, decayInput: true })],
      [learned, plif(x, tensor([0], []), null, { ...plain, decayInput: true })],
    ];
    for (const [node, want] of pairs) {
      expect(await values(node.forward(x))).toEqual(await values(want));
      expect(node.forward(metaTensor([5, 1, 7])).shape).toEqual([5, 1, 7]);
      expect(node.forwardConstant(metaTensor([1, 7]), 5).shape).toEqual([5, 1, 7]);
      expect([node.v, node.observer]).toEqual([null, null]);
    }
    learned.dispose();
  });

  test("IF and LIF learn nothing, PLIF the logit of 1 / tau", async () => {
    expect((await new IFNode().stateDict()).size).toBe(0);
    expect((await new LIFNode({ tau: 3 }).stateDict()).size).toBe(0);
    for (const initTau of [2, 1.25, 10]) {
      const node = new ParametricLIFNode({ initTau });
      const state = [...(await node.stateDict())];
      expect(state.map(([name, { shape }]) => [name, shape])).toEqual([["w", []]]);
      const [w] = state[0]![1].data as Float32Array;
      expect(1 / (1 + Math.exp(-w!))).toBeCloseTo(1 / initTau, 6);
      node.loadStateDict(new Map([["w", { data: Float32Array.of(0.25), shape: [] }]]));
      expect(await node.w.item()).toBe(0.25);
      expect([node.w.prunable, node.w.requiresGrad]).toEqual([false, true]);
      node.dispose();
    }
  });
});

test("the leak of a PLIF layer gets its gradient", async () => {
  using _scope = new Scope();
  const node = new ParametricLIFNode(atan);
  const x = currents([3, 2, 6]);
  const w = tensor([0], []);
  w.requiresGrad = true;
  for (const run of [() => node.forward(up(x)), () => plif(up(x), w, null, atan)]) {
    using tape = new Tape();
    tape.backward(run(), up(x));
  }
  expect(await node.w.grad!.item()).toBe(await w.grad!.item());
  for (const t of [node.w, w]) t.grad!.dispose();
  node.dispose();
});

describe("state", () => {
  const [first, second] = [currents([3, 2, 6], 1), currents([3, 2, 6], 2)];

  test("none by default: equal calls give equal spikes; stateful calls equal one long call until reset", async () => {
    using _scope = new Scope();
    const config = { vReset: -0.1, decayInput: false };
    const node = new LIFNode(config);
    const alone = [await values(node.forward(up(first))), await values(node.forward(up(second)))];
    expect(await values(node.forward(up(second)))).toEqual(alone[1]);
    expect(node.v).toBe(null);

    node.keepState(true);
    const long = { data: Float32Array.from([...first.data, ...second.data]), shape: [6, 2, 6] };
    const whole = walkNeurons({ kind: "LIF", ...config }, 6, { x: long.data });
    const halves = [...(await values(node.forward(up(first)))), ...(await values(node.forward(up(second))))];
    expect(halves).toEqual([...whole.spike]);
    expect(halves.slice(36)).not.toEqual(alone[1]);
    const last = membranePotential(up(long), null, null, { ...config, of: "last" });
    expect(await values(node.v!)).toEqual(await values(last));

    resetNet(new Sequential([new IFNode(), new Sequential([node])]));
    expect(await values(node.v!)).toEqual(new Array(12).fill(Math.fround(-0.1)));
    expect(await values(node.forward(up(second)))).toEqual(alone[1]);
    node.keepState(false);
    expect(node.v).toBe(null);
    expect(await values(node.forward(up(second)))).toEqual(alone[1]);
  });

  test("a batch of another shape requires a reset", async () => {
    using _scope = new Scope();
    const node = new LIFNode({ stateful: true });
    node.forward(up(first));
    const other = up(currents([3, 1, 6]));
    expect(() => node.forward(other)).toThrow(
      "LIFNode: expected a batch of [2,6], as its potentials, got [1,6]: call reset() first",
    );
    // Another T is no other shape, and shapes alone touch nothing.
    node.forward(up(currents([1, 2, 6])));
    expect(node.forward(metaTensor([3, 1, 6])).shape).toEqual([3, 1, 6]);
    node.reset();
    expect(await values(node.forward(other))).toEqual(await values(lif(other)));
    expect(node.v!.shape).toEqual([1, 6]);
    node.dispose();
  });

  test("a captured step carries it over, and a replay sees a reset", async () => {
    using _scope = new Scope();
    const node = new LIFNode({ stateful: true });
    using step = captureStep(({ x }: { x: Tensor }) => ({ spikes: node.forward(x) }));
    const eager = new LIFNode({ stateful: true });
    for (const x of [first, second, null, second, first]) {
      if (!x) {
        for (const n of [node, eager]) n.reset();
        continue;
      }
      const { spikes } = step.run({ x });
      expect(await values(spikes)).toEqual(await values(eager.forward(up(x))));
      expect(await values(node.v!)).toEqual(await values(eager.v!));
    }
    for (const n of [node, eager]) n.dispose();
  });

  test("outlives scopes, is not in the state_dict, and dispose frees it", async () => {
    const before = live();
    const node = new ParametricLIFNode({ stateful: true });
    for (const x of [first, second, first]) {
      using _scope = new Scope();
      node.forward(up(x));
      node.reset();
    }
    expect([...(await node.stateDict()).keys()]).toEqual(["w"]);
    expect(node.v!.isDisposed).toBe(false);
    expect(live()).toBeGreaterThan(before);
    node.dispose();
    expect(live()).toBe(before);
  });
});

describe("observer", () => {
  const x = currents([6, 3, 4, 4]);
  const fold = (t: Tensor) => reshape(t, { shape: [3, 2, 3, 4, 4] });

  /** Return the events of an observer during `run`, and the result of `run`. */
  async function heard(node: SpikingNode, run: () => Tensor) {
    const events: SpikeEvent[] = [];
    node.observer = (event) => events.push(event);
    const result = run();
    node.observer = null;
    expect(events.length).toBe(1);
    const [{ spikes, current, constant }] = events as [SpikeEvent];
    expect(spikes).toBe(result);
    const [s, c] = await readAll(spikes, current);
    return { spikes: [...s!], current: [...c!], constant, shape: current.shape };
  }

  test("gets spikes and current of every step, or the constant current", async () => {
    using _scope = new Scope();
    const node = new LIFNode();
    const sequence = fold(up(x));
    const plain = await values(node.forward(sequence));
    expect(await heard(node, () => node.forward(sequence))).toEqual({
      spikes: plain,
      current: [...x.data],
      constant: false,
      shape: [3, 2, 3, 4, 4],
    });
    const repeated = await values(node.forwardConstant(up(x), 2));
    expect(await heard(node, () => node.forwardConstant(up(x), 2))).toEqual({
      spikes: repeated,
      current: [...x.data],
      constant: true,
      shape: [6, 3, 4, 4],
    });
  });

  test.each([true, false])("after a batch norm, training %s: observing changes nothing", async (training) => {
    using _scope = new Scope();
    const node = new LIFNode();
    const make = () => {
      const bn = new BatchNorm2d(3);
      bn.training = training;
      return bn;
    };
    for (const constant of [false, true]) {
      const norms = [make(), make(), make()] as const;
      const spikes = await values(node.forwardBatchNorm(norms[0], up(x), 3, { constant }));
      const event = await heard(node, () => node.forwardBatchNorm(norms[1], up(x), 3, { constant }));
      expect(event.spikes).toEqual(spikes);
      expect(event.current).toEqual(await values(norms[2].forward(up(x))));
      expect([event.constant, event.shape]).toEqual([constant, constant ? [6, 3, 4, 4] : [3, 2, 3, 4, 4]]);
      const states = await Promise.all(norms.map(async (n) => [...(await n.stateDict())]));
      expect(states[1]).toEqual(states[0]);
      expect(states[2]).toEqual(states[0]);
      for (const n of norms) n.dispose();
    }
  });
});

test("batch norm and stateful neurons continue from their state", async () => {
  using _scope = new Scope();
  const node = new IFNode({ stateful: true });
  const bn = new BatchNorm2d(3);
  bn.eval();
  const x = currents([6, 3, 4, 4]);
  const two = [node.forwardBatchNorm(bn, up(x), 3), node.forwardBatchNorm(bn, up(x), 3)];
  const current = await values(bn.forward(up(x)));
  const long = tensor([...current, ...current], [6, 2, 3, 4, 4]);
  const [a, b, want] = await readAll(...two, integrateAndFire(long));
  expect([...a!, ...b!]).toEqual([...want!]);
  node.dispose();
  bn.dispose();
});

test("potential: before firing and after the reset, with the layer's options", async () => {
  using _scope = new Scope();
  const x = currents([3, 2, 6]);
  const node = new ParametricLIFNode({ initTau: 4, vReset: null, decayInput: false });
  const w = [-Math.log(3)];
  const want = walkNeurons({ kind: "PLIF", vReset: null, decayInput: false }, 3, { x: x.data, w });
  for (const of of ["h", "v"] as const) {
    const got = await values(node.potential(up(x), of));
    expectClose(got, want[of], { rtol: 1e-6, atol: 1e-6 }, of);
  }
  node.dispose();
});

test("refuses bad options when the layer is made", () => {
  expect(() => new IFNode({ vReset: 1 })).toThrow("IFNode: vReset: expected less than vThreshold = 1, got 1");
  expect(() => new LIFNode({ tau: 1 })).toThrow("LIFNode: tau: expected a number > 1, got 1");
  expect(() => new LIFNode({ surrogate: "step" as "atan" })).toThrow("LIFNode: surrogate: expected one of atan");
  expect(() => new ParametricLIFNode({ vThreshold: Number.NaN })).toThrow("PLIFNode: vThreshold: expected a number");
  for (const initTau of [1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new ParametricLIFNode({ initTau })).toThrow(
      `ParametricLIFNode: initTau: expected a number > 1, got ${initTau}`,
    );
  }
  const node = new LIFNode();
  expect(() => node.forward(metaTensor([4]))).toThrow("lif: x: expected [T, N, ...]");
  expect(() => node.forwardBatchNorm(new BatchNorm2d(3), metaTensor([5, 3, 2, 2]), 2)).toThrow(
    "unfoldTime: timeSteps: expected a divisor of the first axis, got 2",
  );
});
