// Spiking neurons that fire the step function: values, gradients, and what stays the same however time is cut.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { add, mul } from "../../src/ops/binary.ts";
import { integrateAndFire, lif, membranePotential, plif } from "../../src/ops/lif.ts";
import type { NeuronOptions } from "../../src/ops/spiking/neuron.ts";
import { resolveSurrogate, type SurrogateName } from "../../src/ops/spiking/surrogate.ts";
import { sum } from "../../src/ops/sum.ts";
import { metaTensor, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { type ReferenceNeuron, walkNeurons } from "../reference/spiking.ts";
import { gradientsThroughTime } from "../reference/spiking_gradient.ts";
import { expectClose } from "../support/close.ts";
import { clearCurrents, count, currents, draw, fire, type Host, pass, upstream } from "./lif_run.ts";

interface Case extends Omit<NeuronOptions, "surrogate"> {
  readonly kind: ReferenceNeuron["kind"];
  readonly shape: readonly number[];
  /** Begin at drawn potentials. Default false: at rest. */
  readonly begun?: boolean;
  readonly surrogate?: SurrogateName;
}

/** Spikes, to the bit, and all gradients against float64. */
async function check({ kind, shape, begun = false, surrogate = "atan", ...options }: Case): Promise<void> {
  const one = shape.slice(1);
  const v0 = begun ? draw(one, 5, 0.3) : null;
  const w = kind === "PLIF" ? { data: Float32Array.of(-0.4), shape: [] } : null;
  const { derivative } = resolveSurrogate("test", surrogate);
  const neuron = { ...options, kind, derivative };
  const x = clearCurrents(neuron, shape, v0?.data, w?.data);
  const got = await pass({ x, ...(v0 ? { v0 } : {}), ...(w ? { w } : {}) }, (t) =>
    fire(kind, t["x"]!, t["v0"] ?? null, t["w"] ?? null, { ...options, surrogate }),
  );
  const inputs = { x: x.data, v0: v0?.data, w: w?.data };
  const spikes = walkNeurons(neuron, shape[0]!, inputs).spike;
  expect([...got["y"]!]).toEqual([...spikes]);
  if (count(one) > 30) expect(spikes).toContain(1);
  const want = gradientsThroughTime(neuron, shape[0]!, inputs, upstream(x.data.length));
  const close = { rtol: 1e-5, atol: 1e-6 };
  expectClose(got["x"]!, want.x, close, "dx");
  if (v0) expectClose(got["v0"]!, want.v0, close, "dv0");
  // Terms of size 1 and of both signs.
  if (w) expectClose(got["w"]!, [want.w], { rtol: 1e-5, atol: 1e-7 * x.data.length + 1e-5 }, "dw");
}

describe("spikes and gradients against float64", () => {
  test.each([
    { kind: "IF", detachReset: true, vReset: 0 },
    { kind: "IF", detachReset: true, vReset: null },
    { kind: "LIF", detachReset: false, vReset: -0.2, tau: 3 },
    { kind: "LIF", detachReset: false, vReset: null, decayInput: false, vThreshold: 0.8 },
    { kind: "PLIF", detachReset: false, vReset: 0.1 },
    { kind: "PLIF", detachReset: true, vReset: null, decayInput: false },
  ] as const)("$kind, vReset $vReset, detached $detachReset", (c) => check({ ...c, shape: [4, 3, 20], begun: true }));

  test.each([1, 3, 65, 64 * 8 + 7, 64 * 8 * 4 + 4])("%d neurons", (n) => check({ kind: "LIF", shape: [3, 1, n] }));
  test.each([1, 6, 10])("%d steps, in one part or several", (steps) => check({ kind: "PLIF", shape: [steps, 2, 6] }));
  test("the default surrogate is Sigmoid, alpha 4", async () => {
    await check({ kind: "LIF", shape: [3, 1, 65], surrogate: "sigmoid" });
    const x = currents([3, 1, 65]);
    expect(await pass({ x }, ({ x }) => lif(x!))).toEqual(
      await pass({ x }, ({ x }) => lif(x!, null, { surrogate: { name: "sigmoid", alpha: 4 } })),
    );
  });
});

test("the published defaults: tau 2, threshold 1, reset to 0, attached, the input decays", async () => {
  const x = currents([3, 1, 65]);
  const [bare, spelled] = [
    await pass({ x }, ({ x }) => lif(x!)),
    await pass({ x }, ({ x }) =>
      lif(x!, null, { tau: 2, vThreshold: 1, vReset: 0, detachReset: false, decayInput: true, keep: "input" }),
    ),
  ];
  expect(bare).toEqual(spelled);
});

test("any neuron: it fires on and above the threshold, and is reset to the bit", async () => {
  const settings = fc.record({
    kind: fc.constantFrom("IF" as const, "LIF" as const),
    vThreshold: fc.double({ min: 0.1, max: 2, noNaN: true }),
    below: fc.option(fc.double({ min: 0.05, max: 2, noNaN: true })),
    tau: fc.double({ min: 1.01, max: 10, noNaN: true }),
    decayInput: fc.boolean(),
    steps: fc.integer({ min: 1, max: 6 }),
    neurons: fc.integer({ min: 1, max: 40 }),
    scale: fc.constantFrom(0.3, 1, 10),
    seed: fc.integer({ min: 1, max: 999 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ kind, vThreshold, below, tau, decayInput, steps, neurons, scale, seed }) => {
      using _scope = new Scope();
      const vReset = below === null ? null : vThreshold - below;
      const options = { vThreshold, vReset, ...(kind === "IF" ? {} : { tau, decayInput }) };
      const { data, shape } = draw([steps, neurons], seed, scale, 0.5 * scale);
      const x = tensor(data, shape);
      const potential = (of: "h" | "v" | "last") => membranePotential(x, null, null, { ...options, neuron: kind, of });
      const [s, h, v, last] = await readAll(
        fire(kind, x, null, null, options),
        potential("h"),
        potential("v"),
        potential("last"),
      );
      const threshold = Math.fround(vThreshold);
      h!.forEach((before, i) => {
        const fires = before >= threshold;
        expect(s![i]).toBe(fires ? 1 : 0);
        const reset = vReset === null ? Math.fround(before - threshold) : Math.fround(vReset);
        expect(v![i]).toBe(fires ? reset : before);
        if (vReset !== null) expect(v![i]).toBeLessThan(threshold);
      });
      expect(last).toEqual(v!.slice(-neurons));
    }),
    { numRuns: 25, seed: 4 },
  );
});

test("exactly on the threshold fires", async () => {
  using _scope = new Scope();
  const x = tensor([1, Math.fround(1 - 2 ** -24), 0.5, 2, -1], [1, 5]);
  expect([...(await integrateAndFire(x).data())]).toEqual([1, 0, 0, 1, 0]);
});

test.each([0, null])("time may be cut anywhere when the potential is carried on, vReset %s", async (vReset) => {
  const shape = [2, 6];
  const options = { vReset, surrogate: "atan" } as const;
  const x = currents([6, ...shape]);
  const cut = 2 * count(shape);
  const inputs = { v0: draw(shape, 5, 0.3), w: { data: Float32Array.of(-0.4), shape: [] } };
  const weights = upstream(x.data.length);
  const whole = await pass({ x, ...inputs }, ({ x, v0, w }) =>
    sum(mul(plif(x!, w!, v0, options), tensor(weights, [6, ...shape]))),
  );
  const spikes: Float32Array[] = [];
  const early = { data: x.data.slice(0, cut), shape: [2, ...shape] };
  const late = { data: x.data.slice(cut), shape: [4, ...shape] };
  const parts = await pass({ early, late, ...inputs }, ({ early, late, v0, w }) => {
    const first = plif(early!, w!, v0, options);
    const v = membranePotential(early!, w!, v0!, { ...options, neuron: "PLIF", of: "last" });
    const second = plif(late!, w!, v, options);
    return add(
      sum(mul(first, tensor(weights.slice(0, cut), first.shape))),
      sum(mul(second, tensor(weights.slice(cut), second.shape))),
    );
  });
  {
    using _scope = new Scope();
    const t = (h: { data: Float32Array; shape: readonly number[] }) => tensor(h.data, h.shape);
    const [all, begin, w] = [t(x), t(inputs.v0), t(inputs.w)];
    const v = membranePotential(t(early), w, begin, { ...options, neuron: "PLIF", of: "last" });
    for (const y of [plif(all, w, begin, options), plif(t(early), w, begin, options), plif(t(late), w, v, options)])
      spikes.push((await y.data()) as Float32Array);
  }
  expect([...spikes[1]!, ...spikes[2]!]).toEqual([...spikes[0]!]);
  const close = { rtol: 1e-6, atol: 1e-6 };
  expectClose([...parts["early"]!, ...parts["late"]!], whole["x"]!, close, "dx");
  expectClose(parts["v0"]!, whole["v0"]!, close, "dv0");
  expectClose(parts["w"]!, whole["w"]!, { rtol: 1e-5, atol: 1e-5 }, "dw");
});

test.each([4, 6])("a constant input is the input repeated, %d steps", async (steps) => {
  const options = { surrogate: "atan", timeSteps: steps } as const;
  const shape = [2, 6];
  const x = currents(shape);
  const repeated = { data: Float32Array.from({ length: steps * 12 }, (_, i) => x.data[i % 12]!), shape: [steps, 2, 6] };
  const w = { data: Float32Array.of(-0.4), shape: [] };
  const got = await pass({ x, w }, (t) => plif(t["x"]!, t["w"]!, null, options));
  const { timeSteps: _, ...plain } = options;
  const want = await pass({ x: repeated, w }, (t) => plif(t["x"]!, t["w"]!, null, plain));
  expect(got["y"]).toEqual(want["y"]);
  const dx = x.data.map((_, i) =>
    Array.from({ length: steps }, (_, t) => want["x"]![t * 12 + i]!).reduce((a, b) => a + b),
  );
  expectClose(got["x"]!, dx, { rtol: 1e-6, atol: 1e-6 }, "dx");
  expect(got["w"]).toEqual(want["w"]);
});

test.each([3, 6])("kept potentials give the bits that walking again gives, %d steps", async (steps) => {
  const w = { data: Float32Array.of(-0.4), shape: [] };
  const run = (x: Host, options: NeuronOptions) =>
    pass({ x, w }, (t) => plif(t["x"]!, t["w"]!, null, { ...options, surrogate: "atan" }));
  const x = currents([steps, 1, 12]);
  expect(await run(x, { keep: "potential" })).toEqual(await run(x, { keep: "input" }));
  // Of a constant input there is one gradient, of the potentials T.
  const constant = currents([1, 12]);
  const again = await run(constant, { timeSteps: steps, keep: "input" });
  expect(await run(constant, { timeSteps: steps, keep: "potential" })).toEqual(again);
});

test("same inputs, same bits, and no memory is left behind", async () => {
  const inputs = {
    x: currents([6, 64, 40]),
    v0: draw([64, 40], 5, 0.3),
    w: { data: Float32Array.of(-0.4), shape: [] },
  };
  const run = () => pass(inputs, ({ x, v0, w }) => plif(x!, w!, v0, { surrogate: "atan" }));
  const first = await run();
  const before = currentGpu().memory().live;
  for (let i = 0; i < 3; i++) expect(await run()).toEqual(first);
  expect(currentGpu().memory().live).toBe(before);
});

test("computes only the gradients that are needed", async () => {
  using _scope = new Scope();
  const w = tensor([-0.4], []);
  const v0 = tensor(draw([1, 12], 5).data, [1, 12]);
  const got = await pass({ x: currents([4, 1, 12]) }, ({ x }) => plif(x!, w, v0, { surrogate: "atan" }));
  expect(Object.keys(got)).toEqual(["y", "x"]);
  const x = tensor(currents([4, 1, 12]).data, [4, 1, 12]);
  const onlyW = await pass({ w: { data: Float32Array.of(-0.4), shape: [] } }, (t) =>
    plif(x, t["w"]!, null, { surrogate: "atan" }),
  );
  expect(Object.keys(onlyW)).toEqual(["y", "w"]);
  expect(onlyW["w"]![0]).not.toBe(0);
  expect(noGrad(() => plif(x, w)).requiresGrad).toBe(false);
});

test("errors give the expected and the actual value", () => {
  const x = metaTensor([4, 2, 3]);
  const w = metaTensor([]);
  const bad = (make: () => unknown, message: string) => expect(make).toThrow(message);
  bad(() => lif(metaTensor([4])), "lif: x: expected [T, N, ...], or timeSteps for a constant input");
  bad(() => lif(metaTensor([4, 2], "i32")), "lif: x: expected f32 or f16, got i32");
  bad(() => lif(x, metaTensor([2, 3], "u32")), "lif: v0: expected f32, got u32");
  bad(() => lif(x, null, { state: metaTensor([2, 3], "i32") }), "lif: state: expected f32, got i32");
  bad(() => plif(x, metaTensor([], "i32")), "plif: w: expected f32, got i32");
  bad(() => lif(x, metaTensor([3, 2])), "lif: v0: expected one step of x, [2,3]");
  bad(() => lif(x, null, { state: metaTensor([4, 2, 3]) }), "lif: state: expected one step of x, [2,3]");
  bad(() => lif(x, metaTensor([2, 3]), { timeSteps: 2 }), "lif: v0: expected one step of x, [4,2,3]");
  bad(() => lif(x, metaTensor([2, 3]), { state: metaTensor([2, 3]) }), "lif: expected v0 or state, got both");
  for (const timeSteps of [0, 1.5, Number.NaN])
    bad(() => lif(x, null, { timeSteps }), `lif: timeSteps: expected an integer >= 1, got ${timeSteps}`);
  for (const tau of [1, 0, Number.NaN, Number.POSITIVE_INFINITY])
    bad(() => lif(x, null, { tau }), `lif: tau: expected a number > 1, got ${tau}`);
  bad(() => integrateAndFire(x, null, { vThreshold: Number.NaN }), "integrateAndFire: vThreshold: expected a number");
  bad(() => lif(x, null, { vReset: Number.NEGATIVE_INFINITY }), "lif: vReset: expected a number, got -Infinity");
  bad(() => lif(x, null, { vReset: 1 }), "lif: vReset: expected less than vThreshold = 1, got 1");
  bad(() => lif(x, null, { keep: "x" as "input" }), "lif: keep: expected input or potential, got x");
  bad(() => lif(x, null, { surrogate: "step" as "atan" }), "lif: surrogate: expected one of atan, sigmoid");
  bad(() => plif(x, metaTensor([2])), "plif: w: expected one element");
  bad(() => membranePotential(x, null, null, { neuron: "PLIF", of: "v" }), "PLIF: expected w, the logit of its leak");
  bad(
    () => membranePotential(x, w, null, { of: "v" }),
    "membranePotential: LIF: expected no w, since its leak is not learned",
  );
  bad(() => membranePotential(x, null, null, { of: "s" as "v" }), "of: expected h, v or last, got s");
  bad(() => membranePotential(x, null, null, { neuron: "A" as "IF", of: "v" }), "neuron: expected IF, LIF or PLIF");
  expect(lif(x).shape).toEqual([4, 2, 3]);
  expect(plif(x, w, null, { timeSteps: 5 }).shape).toEqual([5, 4, 2, 3]);
  expect(integrateAndFire(x, metaTensor([2, 3]), { vReset: null, vThreshold: 0.5 }).shape).toEqual([4, 2, 3]);
  expect(membranePotential(x, null, null, { of: "last" }).shape).toEqual([2, 3]);
});
