// Prunable weights: those of convolutions and linear layers, except dense layers by position, name or pattern.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchNorm2d, Linear, type Module, ReLU, Sequential } from "../../src/nn/index.ts";
import { denseLayers, inverseThreshold, pruningGroups } from "../../src/prune/index.ts";
import { TINY_LAYERS, tinyModel } from "../support/tiny_session.ts";

const prunable = Object.keys(TINY_LAYERS);
const namesIn = (model: Module, params: Iterable<unknown>): string[] => {
  const names = new Map<unknown, string>([...model.namedParameters()].map(([name, p]) => [p, name]));
  return [...params].map((p) => names.get(p)!);
};
const spared = (dense: readonly string[]): string[] => {
  const model = tinyModel();
  return namesIn(model, denseLayers(model, dense)).sort();
};

describe("layers left dense", () => {
  test.each([
    [[], []],
    [["first"], ["0.weight"]],
    [["last"], ["9.weight"]],
    [
      ["first", "last"],
      ["0.weight", "9.weight"],
    ],
    [["3"], ["3.weight"]],
    [["3.weight"], ["3.weight"]],
    [["7", "7.weight", "/^7/"], ["7.weight"]],
    [["/^[37]\\./"], ["3.weight", "7.weight"]],
    [["/weight$/"], prunable],
    [["/0|9/"], ["0.weight", "9.weight"]],
    [
      ["first", "/^9/", "3"],
      ["0.weight", "3.weight", "9.weight"],
    ],
  ])("%j are %j", (dense, names) => {
    expect(spared(dense)).toEqual([...names].sort());
  });

  test.each(["0.bias", "7.bias", "1.weight", "1", "weight", "/bias/", "/^1/", "Last", "", "/", "//", "10", "3."])(
    "refuses %j, which matches no prunable layer, and lists the prunable ones",
    (entry) => {
      const model = tinyModel();
      const wanted = `dense: expected one of ${prunable.join(", ")}, got ${entry}`;
      expect(() => denseLayers(model, ["first", entry])).toThrow(wanted);
      expect(() => denseLayers(model, [entry])).toThrow(RangeError);
      expect(() => pruningGroups(model, { mode: "latent" }, [entry])).toThrow(wanted);
    },
  );

  test.each(["/(/", "/[/", "/\\/"])("refuses %j, which is not a regular expression", (entry) => {
    expect(() => denseLayers(tinyModel(), [entry])).toThrow(`dense: expected a regular expression, got ${entry}`);
    expect(() => denseLayers(tinyModel(), [entry])).toThrow(RangeError);
  });

  test("takes a name literally, also its dots", () => {
    expect(() => denseLayers(tinyModel(), ["3xweight"])).toThrow(RangeError);
    expect(() => denseLayers(tinyModel(), ["."])).toThrow(RangeError);
    expect(spared(["/3.weight/"])).toEqual(["3.weight"]);
  });
});

describe("groups of parameters", () => {
  test("puts prunable weights first, and each parameter in one group", () => {
    fc.assert(
      fc.property(
        fc.subarray(prunable, { maxLength: prunable.length - 1 }),
        fc.constantFrom("latent", "inplace", "fista", "str", "ltp"),
        (dense, mode) => {
          const model = tinyModel();
          const groups = pruningGroups(model, { mode: mode as "latent", weightDecay: 0.5 }, dense);
          const [pruned, rest] = groups.map((g) => namesIn(model, g.params));
          expect(groups).toHaveLength(2);
          expect(groups[0]).toMatchObject({ mode, weightDecay: 0.5 });
          expect(groups[1]).toEqual({ mode: "none", params: groups[1]!.params });
          expect(pruned).toEqual(prunable.filter((name) => !dense.includes(name)));
          const all = [...model.namedParameters()].map(([name]) => name);
          expect(rest).toEqual(all.filter((name) => !pruned!.includes(name)));
          expect(rest).toEqual(expect.arrayContaining(["1.weight", "1.bias", "7.bias", ...dense]));
        },
      ),
    );
  });

  test("makes one group of all parameters if no threshold acts", () => {
    for (const own of [{}, { mode: "none" }] as const) {
      const model = tinyModel();
      expect(pruningGroups(model, own)).toEqual([{ params: model.parameters(), ...own }]);
    }
  });

  test("makes no empty second group", () => {
    const model = new Sequential([new Linear(3, 4, { bias: false }), new ReLU(), new Linear(4, 2, { bias: false })]);
    expect(pruningGroups(model, { mode: "latent" })).toEqual([{ params: model.parameters(), mode: "latent" }]);
  });

  test("refuses a model without prunable weights, and one whose layers are all dense", () => {
    const none = new Sequential([new BatchNorm2d(3), new ReLU()]);
    expect(() => pruningGroups(none, { mode: "latent" })).toThrow(
      "expected a weight to prune, got a model without any",
    );
    expect(() => pruningGroups(tinyModel(), { mode: "latent" }, ["/./"])).toThrow(RangeError);
    expect(() => pruningGroups(tinyModel(), { mode: "latent" }, prunable)).toThrow("expected a weight to prune");
  });
});

test("the inverse threshold leaves zeros and adds to the magnitude of the rest", () => {
  expect([...inverseThreshold(Float32Array.of(0, 0.5, -0.25, -0), 0.25)]).toEqual([0, 0.75, -0.5, 0]);
});
