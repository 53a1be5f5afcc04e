// Sizes of pruned layers, by hand and as properties.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compression } from "../../src/prune/index.ts";

describe("compression", () => {
  test("counts one layer as computed by hand", () => {
    // 4 rows of 6 columns, 4 of 24 left: 3 bits of column, 5 pointers of ceil(log2(5)) = 3 bits.
    const { pruned, model } = compression([{ name: "fc.weight", shape: [4, 6], zeros: 20 }], 10);
    expect(pruned).toEqual({
      weights: 24,
      nonzeros: 4,
      ratio: 6,
      dense: 768,
      csr: 4 * (32 + 3) + 5 * 3,
      bitmask: 24 + 4 * 32,
      csrRatio: 768 / 155,
      bitmaskRatio: 768 / 152,
    });
    expect(model).toEqual({
      parameters: 34,
      kept: 14,
      ratio: 34 / 14,
      dense: 768 + 320,
      csr: 155 + 320,
      bitmask: 152 + 320,
      csrRatio: 1088 / 475,
      bitmaskRatio: 1088 / 472,
    });
  });

  test("treats a convolution as a matrix of output channels by all other axes", () => {
    // 64 rows of 288 columns (9 bits), 1000 left: 65 pointers of ceil(log2(1001)) = 10 bits.
    const layer = { name: "conv.weight", shape: [64, 32, 3, 3], zeros: 18_432 - 1000 };
    expect(compression([layer], 0).pruned).toMatchObject({ weights: 18_432, csr: 1000 * 41 + 650, bitmask: 50_432 });
  });

  test("a power of two takes no extra bit, one column takes one bit", () => {
    const csr = (shape: number[], zeros: number) => compression([{ name: "w", shape, zeros }], 0).pruned.csr;
    expect(csr([1, 1024], 1023)).toBe(32 + 10 + 2 * 1);
    expect(csr([1, 1025], 1024)).toBe(32 + 11 + 2 * 1);
    expect(csr([8], 5)).toBe(3 * (32 + 1) + 9 * 2);
    expect(csr([7, 1], 0)).toBe(7 * 33 + 8 * 3);
    // A network may outgrow 32 bits: 2^33 columns.
    expect(csr([1, 2 ** 33], 2 ** 33 - 1)).toBe(32 + 33 + 2);
  });

  test("without weights there is no ratio by count, and only the mask is stored", () => {
    const { pruned, model } = compression([{ name: "w", shape: [4, 8], zeros: 32 }], 0);
    expect(pruned).toMatchObject({ nonzeros: 0, ratio: null, csr: 0, csrRatio: null, bitmask: 32, bitmaskRatio: 32 });
    expect(model).toMatchObject({ kept: 0, ratio: null });
    expect(compression([{ name: "w", shape: [4, 8], zeros: 32 }], 8).model).toMatchObject({ ratio: 5, csrRatio: 5 });
    expect(compression([], 0).pruned).toMatchObject({ weights: 0, ratio: null, bitmaskRatio: null });
  });

  test("adds up over layers, shrinks with every zero, and the bitmask costs at most one bit per weight", () => {
    const layer = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        zeros: fc.nat(shape.reduce((a, b) => a * b, 1)),
        name: fc.constant("w"),
      }),
    );
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 5 }), fc.nat(1000), (layers, other) => {
        const { pruned, model } = compression(layers, other);
        const alone = layers.map((l) => compression([l], 0).pruned);
        const sum = (key: "dense" | "csr" | "bitmask" | "nonzeros") => alone.reduce((n, l) => n + l[key], 0);
        expect(pruned).toMatchObject({ csr: sum("csr"), bitmask: sum("bitmask"), nonzeros: sum("nonzeros") });
        expect(pruned.dense).toBe(sum("dense"));
        expect(pruned.bitmask).toBeLessThanOrEqual(pruned.dense + pruned.weights);
        expect(model.csr - pruned.csr).toBe(32 * other);
        expect(model.kept - pruned.nonzeros).toBe(other);
        for (const l of layers.filter(({ zeros }) => zeros > 0)) {
          const denser = compression([{ ...l, zeros: l.zeros - 1 }], 0).pruned;
          const now = compression([l], 0).pruned;
          expect(now.csr).toBeLessThan(denser.csr);
          expect(now.bitmask).toBeLessThan(denser.bitmask);
        }
      }),
    );
  });

  test("refuses impossible shapes and counts", () => {
    const bad = (shape: number[], zeros: number) => () => compression([{ name: "fc1", shape, zeros }], 0);
    expect(bad([], 0)).toThrow("compression: fc1: expected a shape of integers >= 1, got []");
    expect(bad([3, 0], 0)).toThrow("got [3,0]");
    expect(bad([2, 3], 7)).toThrow("compression: fc1: expected 0 to 6 zeros, got 7");
    expect(bad([2, 3], 0.5)).toThrow("got 0.5");
    expect(() => compression([], -1)).toThrow("otherParameters: expected an integer >= 0, got -1");
  });
});
