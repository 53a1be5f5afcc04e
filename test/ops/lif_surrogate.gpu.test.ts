// Gradients through time against finite differences: with `smooth`, neurons fire the surrogate's primitive, and what the
// kernels compute is an ordinary derivative.
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { integrateAndFire, lif, membranePotential, plif } from "../../src/ops/lif.ts";
import { type NeuronOptions, neuronOptions } from "../../src/ops/spiking/neuron.ts";
import { resolveSurrogate, SURROGATES, type Surrogate } from "../../src/ops/spiking/surrogate.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { onlyKeys } from "../../src/text/index.ts";
import { type ReferenceNeuron, type Walk, walkNeurons } from "../reference/spiking.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

type Kind = ReferenceNeuron["kind"];
type Of = "spike" | "h" | "v" | "last";

interface Case extends NeuronOptions {
  readonly kind: Kind;
  readonly of?: Of;
  /** T. Default 3. */
  readonly steps?: number;
  readonly shape?: readonly number[];
}

/** Distance of |u| from which the surrogate's derivative jumps; null where it does not. */
function jumpOf({ name }: Surrogate, alpha: number): number | null {
  if (name === "rect") return 0.5 / alpha;
  return name === "piecewise_leaky_relu" ? alpha : null;
}

function run(kind: Kind, of: Of, t: Record<string, Tensor>, given: NeuronOptions): Tensor {
  const options: NeuronOptions = onlyKeys(given, Object.fromEntries(neuronOptions[kind].map((key) => [key, true])));
  const { x, v0 = null, w = null } = t as { x: Tensor; v0?: Tensor; w?: Tensor };
  if (of !== "spike") return membranePotential(x, w, v0, { ...options, neuron: kind, of });
  if (kind === "PLIF") return plif(x, w!, v0, options);
  return (kind === "IF" ? integrateAndFire : lif)(x, v0, options);
}

/** Values and gradients of x, v0 and, for PLIF, w. */
async function check({ kind, of = "spike", steps = 3, shape = [2, 5], ...options }: Case): Promise<void> {
  const smooth: NeuronOptions = { ...options, smooth: true };
  const given = options.surrogate as Surrogate;
  const surrogate = resolveSurrogate("test", given);
  const { vThreshold = 1, vReset = 0, decayInput = true, tau = 2, detachReset = false } = options;
  const neuron: ReferenceNeuron = { kind, vThreshold, vReset, decayInput, tau, fire: surrogate.primitive };
  const n = shape.reduce((a, b) => a * b, 1);
  const w = Float32Array.of(-0.4);
  const jump = jumpOf(given, surrogate.alpha);
  // Values that keep clear of jumps, where a difference quotient says nothing.
  for (let seed = 1; ; seed++) {
    const x = randomArray(steps * n, seed).map((v) => v * 0.9 + 0.6 * vThreshold);
    const v0 = randomArray(n, seed + 1, 0.3);
    const { h } = walkNeurons(neuron, steps, { x, v0, w });
    if (jump !== null && h.some((v) => Math.abs(Math.abs(v - vThreshold) - jump) < 1e-3)) continue;
    // Detached, the spikes in the reset are those of the unmoved inputs: gradcheck's first call.
    let constant: Float64Array | undefined;
    await gradcheck({
      inputs: {
        x: { data: x, shape: [steps, ...shape] },
        v0: { data: v0, shape },
        ...(kind === "PLIF" ? { w: { data: w, shape: [] } } : {}),
      },
      op: (t) => run(kind, of, t, smooth),
      reference: (inputs) => {
        const walk = walkNeurons(neuron, steps, inputs as { x: Float64Array }, constant);
        if (detachReset) constant ??= walk.spike;
        return of === "last" ? walk.v.slice(-n) : walk[of as keyof Walk];
      },
      h: 1e-5,
    });
    return;
  }
}

const sharp = (name: Surrogate["name"]): Surrogate =>
  name === "piecewise_leaky_relu" ? { name, width: 0.7, leak: 0.06 } : { name, alpha: 1.7 };

describe.each(SURROGATES)("%s", (name) => {
  test("one step: primitive and derivative are the float64 ones, far out too", async () => {
    using _scope = new Scope();
    const u = [...randomArray(96, 5, 2), 0, -0, 30, -30, 200, -200, 1e4, -1e4].map(Math.fround);
    const { primitive, derivative } = resolveSurrogate("test", sharp(name));
    const x = tensor(Float32Array.from(u), [1, u.length]);
    x.requiresGrad = true;
    {
      using tape = new Tape();
      // On threshold 0, from rest below it: H = x.
      const y = tape.keep(
        integrateAndFire(x, tensor(new Float32Array(u.length)), {
          vThreshold: 0,
          vReset: -1,
          surrogate: sharp(name),
          smooth: true,
        }),
      );
      tape.backward(y, tensor(new Float32Array(u.length).fill(1), y.shape));
      // The leaky ramp and SuperSpike are no distributions: theirs grows.
      const values = await y.data();
      u.forEach((v, i) => {
        expect(Math.abs(values[i]! - primitive(v)), `primitive at ${v}`).toBeLessThan(
          1e-6 * (1 + primitive(Math.abs(v))),
        );
      });
    }
    expectClose(await x.grad!.data(), u.map(derivative), { rtol: 2e-6, atol: 0 }, "derivative");
    x.grad!.dispose();
  });

  test("PLIF, hard reset", () => check({ kind: "PLIF", surrogate: { name }, vReset: -0.2 }));
  test("IF, soft reset, another sharpness", () => check({ kind: "IF", surrogate: sharp(name), vReset: null }));
});

const kinds: readonly Pick<Case, "kind" | "decayInput">[] = [
  { kind: "IF" },
  { kind: "LIF", decayInput: true },
  { kind: "LIF", decayInput: false },
  { kind: "PLIF", decayInput: true },
  { kind: "PLIF", decayInput: false },
];

describe.each(kinds)("$kind, decayInput $decayInput", (kind) => {
  for (const vReset of [0.1, null]) {
    for (const detachReset of [false, true]) {
      test(`${vReset === null ? "soft" : "hard"} reset, ${detachReset ? "detached" : "attached"}`, () =>
        check({ ...kind, vReset, detachReset, vThreshold: 0.8, tau: 3, surrogate: { name: "atan" } }));
    }
  }
});

test("neurons that fill no vec4, and none but one", async () => {
  await check({ kind: "LIF", surrogate: { name: "atan" }, shape: [3, 4, 3] });
  await check({ kind: "PLIF", surrogate: { name: "atan" }, shape: [1] });
});

test("a run longer than one kernel walks", () =>
  check({ kind: "PLIF", surrogate: { name: "atan" }, steps: 11, shape: [2, 4] }));

test("kept potentials give the gradients that walking again gives", async () => {
  for (const vReset of [0, null]) {
    await check({ kind: "PLIF", surrogate: { name: "atan" }, vReset, keep: "potential" });
  }
});

describe.each(["h", "v", "last"] as const)("the potential %s", (of) => {
  test("PLIF, hard reset", () => check({ kind: "PLIF", of, surrogate: { name: "atan" }, vReset: -0.1 }));
  test("IF, soft reset, detached", () =>
    check({ kind: "IF", of, surrogate: { name: "atan" }, vReset: null, detachReset: true }));
});
