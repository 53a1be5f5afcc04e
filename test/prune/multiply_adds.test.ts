// Multiply-adds with zeros skipped: a model small enough to count by hand, and ResNet-50 from its published shape.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildModel, summarize } from "../../src/internal.ts";
import { multiplyAdds } from "../../src/prune/index.ts";

const summary = (macs: Record<string, number>) => ({
  layers: Object.entries(macs).map(([name, n]) => ({
    name,
    type: "Conv2d",
    output: [1],
    parameters: 0,
    macs: n,
    prunable: 0,
  })),
});

/** Weights and multiply-adds of ResNet-50 (stride in the 3x3 convolutions) for an image of 224 by 224. */
function resnet50(): { name: string; weights: number; macs: number }[] {
  const rows: { name: string; weights: number; macs: number }[] = [];
  const conv = (name: string, from: number, to: number, kernel: number, size: number) => {
    const weights = from * to * kernel * kernel;
    rows.push({ name, weights, macs: weights * size * size });
  };
  conv("conv1", 3, 64, 7, 112);
  let channels = 64;
  let size = 56;
  for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
    const width = 64 * 2 ** stage;
    const stride = stage === 0 ? 1 : 2;
    for (let b = 0; b < blocks; b++) {
      const after = b === 0 ? size / stride : size;
      const name = `layer${stage + 1}.${b}`;
      conv(`${name}.conv1`, channels, width, 1, size);
      conv(`${name}.conv2`, width, width, 3, after);
      conv(`${name}.conv3`, width, 4 * width, 1, after);
      if (b === 0) conv(`${name}.downsample.0`, channels, 4 * width, 1, after);
      channels = 4 * width;
      size = after;
    }
  }
  conv("fc", 2048, 1000, 1, 1);
  return rows;
}

describe("multiplyAdds", () => {
  test("counts each layer's share of non-zero weights, and other layers in full", () => {
    const layers = [
      { name: "conv.weight", weights: 100, zeros: 75 },
      { name: "head.fc.weight", weights: 40, zeros: 40 },
    ];
    const result = multiplyAdds(summary({ conv: 6400, "head.fc": 40, first: 1000, bn: 0 }), layers);
    expect(result).toEqual({
      layers: [
        { name: "conv.weight", weights: 100, zeros: 75, sparsity: 0.75, macs: 6400, sparseMacs: 1600 },
        { name: "head.fc.weight", weights: 40, zeros: 40, sparsity: 1, macs: 40, sparseMacs: 0 },
      ],
      macs: 7440,
      sparseMacs: 2600,
    });
    const more = multiplyAdds(summary({ conv: 6400 }), layers.slice(0, 1), { extra: 7 });
    expect([more.macs, more.sparseMacs]).toEqual([6407, 1607]);
  });

  test("a layer that runs twice counts twice", () => {
    const once = summary({ conv: 50 });
    const twice = { layers: [...once.layers, ...once.layers] };
    const result = multiplyAdds(twice, [{ name: "conv.weight", weights: 10, zeros: 5 }]);
    expect([result.macs, result.sparseMacs]).toEqual([100, 50]);
  });

  test("ResNet-50: 25,502,912 prunable weights and the customary 4.09 G with the average pool", () => {
    const shape = resnet50();
    const layers = shape.map(({ name, weights }) => ({ name: `${name}.weight`, weights, zeros: 0 }));
    const model = summary(Object.fromEntries(shape.map(({ name, macs }) => [name, macs])));
    expect(layers.reduce((n, l) => n + l.weights, 0)).toBe(25_502_912);
    const dense = multiplyAdds(model, layers, { extra: 100_352 });
    expect([dense.macs, dense.sparseMacs]).toEqual([4_089_284_608, 4_089_284_608]);
    const half = multiplyAdds(
      model,
      layers.map((l) => ({ ...l, zeros: l.weights / 2 })),
      { extra: 100_352 },
    );
    expect(half.sparseMacs).toBe(4_089_184_256 / 2 + 100_352);
  });

  test("takes names and counts of a real model", () => {
    const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 10 });
    const layers = [...model.namedParameters()]
      .filter(([, p]) => p.prunable)
      .map(([name, p]) => ({ name, weights: p.numel, zeros: p.numel - 1 }));
    const result = multiplyAdds(summarize(model, [1, 28, 28]), layers);
    expect(result.macs).toBe(summarize(model, [1, 28, 28]).macs);
    expect(result.macs).toBe(result.layers.reduce((n, l) => n + l.macs, 0));
    // One weight left a layer: as many multiply-adds as the layer has places.
    expect(result.sparseMacs).toBeCloseTo(
      result.layers.reduce((n, l) => n + l.macs / l.weights, 0),
      6,
    );
  });

  test("grows from 0 to the dense count with fewer zeros", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(1000), fc.nat(1_000_000), (weights, z, macs) => {
        const zeros = Math.min(z, weights);
        const run = multiplyAdds(summary({ a: macs }), [{ name: "a.weight", weights, zeros }]);
        expect(run.sparseMacs).toBeGreaterThanOrEqual(0);
        expect(run.sparseMacs).toBeLessThanOrEqual(run.macs);
        expect(run.sparseMacs).toBeCloseTo(macs * (1 - zeros / weights), 5);
      }),
    );
  });

  test("refuses layers that the summary lacks, and impossible counts", () => {
    const at = (name: string, weights: number, zeros: number) => () =>
      multiplyAdds(summary({ conv: 10 }), [{ name, weights, zeros }]);
    expect(at("cnv.weight", 4, 0)).toThrow("multiply-adds: cnv.weight: expected a layer cnv in the summary, got none");
    expect(at("conv.weight", 4, 5)).toThrow("multiply-adds: zeros of conv.weight: expected 0 to 4, got 5");
    expect(at("conv.weight", 0, 0)).toThrow("weights of conv.weight: expected an integer >= 1, got 0");
    const row = { name: "conv.weight", weights: 4, zeros: 0 };
    expect(() => multiplyAdds(summary({ conv: 10 }), [row, row])).toThrow(
      "conv.weight: expected each layer once, got it twice",
    );
    expect(() => multiplyAdds(summary({}), [], { extra: -1 })).toThrow("extra: expected a finite number >= 0, got -1");
  });
});
