// The files of one model in all layouts.
import { expect, test } from "vitest";
import { MODEL_FORMS, readModelWeights, writeModelForm } from "../../src/io/index.ts";

test("each layout reads back as the same weights; int8 within half a step", () => {
  const data = Float32Array.from({ length: 8 * 64 }, (_, i) => (i % 64 < 8 ? (i % 13) - 6.5 : 0));
  const weights = new Map([["fc.weight", { data, shape: [8, 64] }]]);
  const sizes = MODEL_FORMS.map((form) => {
    const bytes = writeModelForm(weights, form, { model: "mlp" });
    const back = readModelWeights(bytes, form);
    expect(back.metadata.get("model")).toBe("mlp");
    const got = back.weights.get("fc.weight")!;
    expect(got.shape).toEqual([8, 64]);
    const worst = got.data.reduce((most, v, i) => Math.max(most, Math.abs(v - data[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(form === "int8" ? 6.5 / 127 / 2 + 1e-6 : 0);
    return bytes.length;
  });
  for (const size of sizes.slice(1)) expect(size).toBeLessThan(sizes[0]!);
});
