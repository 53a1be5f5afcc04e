// Neurons at a constant current, against a simulation step by step.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NeuronKind, NeuronOptions } from "../../../src/ops/spiking/neuron.ts";
import { neverSpikes } from "../../../src/prune/compact/neurons.ts";

/** Return true if the neuron spikes within many steps, in float64. */
function spikes(kind: NeuronKind, options: NeuronOptions, leak: number, x: number): boolean {
  const { vThreshold = 1, vReset = 0, tau = 2, decayInput = true } = options;
  const rest = vReset ?? 0;
  const k = kind === "PLIF" ? leak : 1 / tau;
  let v = rest;
  for (let t = 0; t < 2000; t++) {
    v = kind === "IF" ? v + x : v + (rest - v) * k + (decayInput ? x * k : x);
    if (v >= vThreshold) return true;
  }
  return false;
}

const kinds = fc.constantFrom<NeuronKind>("IF", "LIF", "PLIF");
const resets = fc.oneof(fc.constant(null), fc.double({ min: -1, max: 0.4, noNaN: true }));

test("a neuron that never spikes stays silent in a simulation", () => {
  const options = fc.record({
    vThreshold: fc.double({ min: 0.5, max: 2, noNaN: true }),
    vReset: resets,
    decayInput: fc.boolean(),
  });
  const taus = fc.double({ min: 1.1, max: 8, noNaN: true });
  fc.assert(
    fc.property(kinds, options, taus, fc.double({ min: -3, max: 3, noNaN: true }), (kind, shared, tau, x) => {
      const { decayInput, ...fire } = shared;
      const own: NeuronOptions = {
        ...fire,
        ...(kind === "IF" ? {} : { decayInput }),
        ...(kind === "LIF" ? { tau } : {}),
      };
      if (neverSpikes(kind, own, 1 / tau, x)) expect(spikes(kind, { ...own, tau }, 1 / tau, x)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test("finds silent neurons on both sides of the limit of the current", () => {
  expect([0.99, 1, 1.01].map((x) => neverSpikes("LIF", { tau: 2 }, Number.NaN, x))).toEqual([true, false, false]);
  expect([0.49, 0.51].map((x) => neverSpikes("LIF", { tau: 2, decayInput: false }, Number.NaN, x))).toEqual([
    true,
    false,
  ]);
  expect([-1, 0, 1e-6].map((x) => neverSpikes("IF", {}, Number.NaN, x))).toEqual([true, true, false]);
  expect([0.24, 0.26].map((x) => neverSpikes("PLIF", { decayInput: false }, 0.25, x))).toEqual([true, false]);
  expect(neverSpikes("PLIF", {}, Number.NaN, 0)).toBe(false);
  expect(neverSpikes("LIF", {}, Number.NaN, Number.NaN)).toBe(false);
});
