import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveSurrogate, SURROGATES, type Surrogate } from "../../src/ops/spiking/surrogate.ts";

/** Half width of the window around jumps and corners of a derivative. */
const edges: Partial<Record<Surrogate["name"], (alpha: number) => number>> = {
  piecewise_quadratic: (alpha) => 1 / alpha,
  rect: (alpha) => 0.5 / alpha,
  piecewise_leaky_relu: (width) => width,
};

const sharpness = (name: Surrogate["name"], alpha: number): Surrogate =>
  name === "piecewise_leaky_relu" ? { name, width: alpha, leak: 0.02 } : { name, alpha };

describe.each(SURROGATES)("%s", (name) => {
  test("the derivative is that of the primitive", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.3, max: 6, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (alpha, u) => {
          const h = 1e-6;
          const edge = edges[name]?.(alpha) ?? 0;
          fc.pre(Math.abs(Math.abs(u) - edge) > 2 * h);
          const { primitive, derivative } = resolveSurrogate("test", sharpness(name, alpha));
          const slope = (primitive(u + h) - primitive(u - h)) / (2 * h);
          expect(Math.abs(derivative(u) - slope)).toBeLessThan(2e-6 * Math.max(1, alpha ** 2));
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  test("fires by half on the threshold, the more the higher, and evenly on both sides", () => {
    for (const alpha of [0.5, 1, 2, 4]) {
      const { primitive, derivative } = resolveSurrogate("test", sharpness(name, alpha));
      expect(primitive(0)).toBe(0.5);
      for (let u = 0.05; u < 8; u += 0.3) {
        expect(primitive(u)).toBeGreaterThanOrEqual(primitive(u - 0.3));
        expect(primitive(u) + primitive(-u)).toBeCloseTo(1, 12);
        expect(derivative(-u)).toBe(derivative(u));
        expect(derivative(u)).toBeLessThanOrEqual(derivative(0));
      }
    }
  });
});

test("heights on the threshold, and who has the edge", () => {
  const at = (surrogate: Surrogate, u: number) => resolveSurrogate("test", surrogate).derivative(u);
  expect(at({ name: "atan" }, 0)).toBe(1);
  expect(at({ name: "sigmoid" }, 0)).toBe(1);
  expect(at({ name: "piecewise_quadratic", alpha: 3 }, 0)).toBe(3);
  expect(at({ name: "rect", alpha: 3 }, 0)).toBe(3);
  expect(at({ name: "piecewise_exp", alpha: 3 }, 0)).toBe(1.5);
  expect(at({ name: "soft_sign", alpha: 2 }, 0)).toBe(1);
  expect(at({ name: "erf", alpha: 2 }, 0)).toBeCloseTo(2 / Math.sqrt(Math.PI), 15);
  expect(at({ name: "super_spike", alpha: 3 }, 0)).toBe(3);
  expect(at({ name: "rect", alpha: 2 }, 0.25)).toBe(0);
  expect(at({ name: "piecewise_quadratic", alpha: 2 }, 0.5)).toBe(0);
  expect(at({ name: "piecewise_leaky_relu", width: 2, leak: 0.3 }, 2)).toBe(0.3);
  expect(at({ name: "piecewise_leaky_relu", width: 2, leak: 0.3 }, 1.9)).toBe(0.25);
});

test("all but the leaky ramp and SuperSpike go from 0 to 1", () => {
  for (const name of SURROGATES.filter((s) => s !== "piecewise_leaky_relu" && s !== "super_spike")) {
    const { primitive } = resolveSurrogate("test", { name } as Surrogate);
    expect(primitive(-1e9)).toBeCloseTo(0, 8);
    expect(primitive(1e9)).toBeCloseTo(1, 8);
  }
});

test("errors name what is known", () => {
  expect(() => resolveSurrogate("lif", { name: "step" } as unknown as Surrogate)).toThrow(
    "lif: surrogate: expected one of atan, sigmoid",
  );
  expect(() => resolveSurrogate("lif", { name: "atan", alpha: 0 })).toThrow("surrogate atan: expected an alpha > 0");
  expect(() => resolveSurrogate("lif", { name: "piecewise_leaky_relu", width: -1 })).toThrow("expected a width > 0");
  expect(() => resolveSurrogate("lif", { name: "piecewise_leaky_relu", leak: -1 })).toThrow("expected a leak >= 0");
});
