// Weights that PyTorch stores in parts, compared with plain sums.
import { describe, expect, test } from "vitest";
import { toFloat32 } from "../../src/io/array_types.ts";
import { withoutParametrisations } from "../../src/io/reparametrised.ts";
import type { WeightEntry, WeightsDict } from "../../src/io/weights_entry.ts";

const entry = (shape: readonly number[], values: readonly number[]): WeightEntry => ({
  shape,
  read: () => ({ dtype: "F32", shape, data: Float32Array.from(values) }),
});
const dictOf = (entries: Record<string, WeightEntry>): WeightsDict => ({
  path: [],
  entries: new Map(Object.entries(entries)),
  ignored: [],
  refused: new Map(),
});
const valuesOf = ({ dict }: { dict: WeightsDict }, name: string) => [...toFloat32(dict.entries.get(name)!.read())];
const rising = (n: number) => Array.from({ length: n }, (_, i) => i - n / 2 + 0.25);

describe("pruning", () => {
  test("replaces the parts of a weight by values times mask", () => {
    const found = withoutParametrisations(
      dictOf({
        "conv.bias": entry([2], [1, 2]),
        "conv.weight_orig": entry([2, 2], [1, -2, 3, 4]),
        "fc.weight": entry([1], [9]),
        "conv.weight_mask": entry([2, 2], [1, 0, 0, 1]),
        "fc.bias_orig": entry([2], [5, 6]),
        "fc.bias_mask": entry([2], [0, 1]),
      }),
    );
    expect([...found.dict.entries.keys()]).toEqual(["conv.bias", "conv.weight", "fc.weight", "fc.bias"]);
    expect(valuesOf(found, "conv.weight")).toEqual([1, -0, 0, 4]);
    expect(valuesOf(found, "fc.bias")).toEqual([0, 6]);
    expect(found.notes).toEqual(['combined from the parts of pruning: 2 arrays, starting with "conv.weight"']);
  });

  test("keeps a single part, or a mask of another shape", () => {
    const alone = dictOf({ "a.weight_orig": entry([2], [1, 2]), "b.weight_mask": entry([2], [1, 2]) });
    expect(withoutParametrisations(alone)).toEqual({ dict: alone, notes: [] });
    const other = dictOf({ "a.weight_orig": entry([2], [1, 2]), "a.weight_mask": entry([3], [1, 1, 1]) });
    expect(withoutParametrisations(other).dict).toBe(other);
  });
});

describe("weight norm", () => {
  /** Along one axis, by its definition; null: one length for all. */
  function byDefinition(shape: readonly number[], v: readonly number[], g: readonly number[], axis: number | null) {
    const place = (i: number) => {
      if (axis === null) return 0;
      const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      return Math.floor(i / inner) % shape[axis]!;
    };
    const lengthAt = (k: number) => Math.sqrt(v.reduce((sum, x, i) => (place(i) === k ? sum + x * x : sum), 0));
    return v.map((x, i) => (x * g[place(i)]!) / lengthAt(place(i)));
  }

  test.each<[string, readonly number[], readonly number[], number | null]>([
    ["of a convolution", [3, 2, 2, 2], [3, 1, 1, 1], 0],
    ["of a transposed convolution", [3, 2, 2], [1, 2, 1], 1],
    ["of one output", [1, 4], [1, 1], 0],
    ["of one length", [2, 3], [], null],
  ])("%s", (_, shape, lengths, axis) => {
    const v = rising(shape.reduce((a, b) => a * b, 1));
    const g = lengths.length === 0 ? [1.5] : rising(lengths.reduce((a, b) => a * b, 1)).map((x) => x + 3);
    for (const [a, b] of [
      ["fc.weight_g", "fc.weight_v"],
      ["fc.parametrizations.weight.original0", "fc.parametrizations.weight.original1"],
    ] as const) {
      const found = withoutParametrisations(dictOf({ [a]: entry(lengths, g), [b]: entry(shape, v) }));
      expect([...found.dict.entries.keys()]).toEqual(["fc.weight"]);
      expect(found.dict.entries.get("fc.weight")?.shape).toEqual(shape);
      const want = byDefinition(shape, v, g, axis);
      for (const [i, x] of valuesOf(found, "fc.weight").entries()) expect(x).toBeCloseTo(want[i]!, 6);
      expect(found.notes).toEqual(['combined from the parts of weight norm: 1 array, starting with "fc.weight"']);
    }
  });
});

test.each([
  [
    "spectral norm",
    { "a.weight_orig": entry([2, 2], rising(4)), "a.weight_u": entry([2], [1, 0]), "a.weight_v": entry([2], [0, 1]) },
  ],
  [
    "spectral norm",
    { "a.parametrizations.weight.original": entry([2], [1, 2]), "a.parametrizations.weight.0._u": entry([2], [1, 2]) },
  ],
  ["this parametrisation", { "a.parametrizations.weight.original": entry([2], [1, 2]) }],
])("refuses %s by the name of the weight", (words, entries) => {
  const { dict } = withoutParametrisations(dictOf(entries));
  expect(dict.entries.size).toBe(0);
  expect(dict.refused.get("a.weight")).toMatch(new RegExp(`^${words} is not supported: call torch.nn.utils`));
});

test("keeps names that only look like parts", () => {
  const dict = dictOf({ "a.rel_g": entry([2], [1, 2]), "a.rel_v": entry([3, 5], rising(15)), x_orig: entry([1], [1]) });
  expect(withoutParametrisations(dict).dict).toBe(dict);
  const whole = dictOf({ weight: entry([1], [1]), weight_orig: entry([1], [2]), weight_mask: entry([1], [1]) });
  expect(withoutParametrisations(whole).dict).toBe(whole);
});
