// The rule that sizes register tiles stays within what the adapter's compiler takes: beyond it SwiftShader needs minutes.
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { forwardCorrelation, gradientCorrelations } from "../../src/ops/conv/correlation.ts";
import { convShape, flattenPoints } from "../../src/ops/conv/shape.ts";
import { gradWeightSpec, patchSpec } from "../../src/ops/conv/tiles.ts";
import { metaTensor } from "../../src/tensor/index.ts";

/** Multiply-adds written out: what the shader's unrolled loops come to. */
const written = (s: { TY: number; TX: number; OB: number; PY: number; PX: number; CB?: number }) =>
  s.TY * s.TX * s.OB * s.PY * s.PX * (s.CB ?? 1);

const sizes = [1, 3, 8, 16, 64, 256];
const layers = [1, 3, 5, 7].flatMap((kernel) =>
  [1, 2].flatMap((stride) =>
    sizes.flatMap((channels) => sizes.map((outputs) => ({ kernel, stride, channels, outputs }))),
  ),
);

test.each([1, 4, 8, 16])("teams of %i lanes: every layer's tile is within the budget, or there is none", (lanes) => {
  const { device, description } = currentGpu().adapter;
  const llvm = /llvmpipe|lavapipe/i.test(`${device} ${description}`);
  const [most, mostOfGradient] = llvm ? [1664, 1664] : [300, 150];
  let tiles = 0;
  for (const { kernel, stride, channels, outputs } of layers) {
    const weight = metaTensor([outputs, channels, kernel, kernel]);
    const options = { stride, padding: kernel >> 1, groups: 1 };
    const s = flattenPoints(convShape(metaTensor([4, channels, 28, 28]), weight, null, options));
    for (const c of [forwardCorrelation(s), ...gradientCorrelations(s).phases]) {
      const spec = patchSpec(c, lanes);
      if (!spec) continue;
      tiles++;
      expect(spec).toMatchObject({ S: lanes, TY: c.rows.taps, TX: c.columns.taps });
      expect(written(spec), `${kernel}x${kernel}/${stride} ${channels}->${outputs}`).toBeLessThanOrEqual(most);
    }
    const gradient = gradWeightSpec(s, lanes);
    if (gradient) {
      tiles++;
      expect(written(gradient)).toBeLessThanOrEqual(mostOfGradient);
      expect(gradient.CB).toBeLessThanOrEqual(channels);
      // Wide loads of dy need multiples of four.
      expect(gradient.PX % gradient.GRADS).toBe(0);
      expect(s.columns.out % gradient.GRADS).toBe(0);
    }
  }
  // The rule has an answer for most layers; without one the workgroup-memory tiles run.
  expect(tiles).toBeGreaterThan(layers.length);
});

test("layers of one kind share a tile, and so a pipeline", () => {
  const same = [16, 32, 64].map((channels) => {
    const x = metaTensor([16, channels, 512 / channels, 512 / channels]);
    const s = convShape(x, metaTensor([channels, channels, 3, 3]), null, { stride: 1, padding: 1, groups: 1 });
    return patchSpec(forwardCorrelation(s), 8);
  });
  expect(same[0]).not.toBeNull();
  expect(same[1]).toEqual(same[0]);
  expect(same[2]).toEqual(same[0]);
});
